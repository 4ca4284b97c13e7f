"""The contract on pages, rule by rule, on this project."""

from __future__ import annotations

import pytest

from fieldguide.guide.project import ROOT, Project
from fieldguide.proof.rules import RULES, check
from fieldguide.proof.rules.facts import UNPROVEN
from fieldguide.proof.rules.fences import UNDRAWN


@pytest.fixture(scope="module")
def breaches():
    return check(Project())


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rule_holds(rule, breaches):
    broken = [str(breach) for breach in breaches if breach.rule == rule.id]
    assert not broken, "\n".join([rule.says, *broken])


def test_an_area_is_a_tab_once_it_has_a_page_beside_its_overview():
    project = Project(ROOT)
    waiting, nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")
    for area in project.areas:
        written = any(page.area == area.slug and page.status != "planned" for page in project.pages)
        mend = f"mkdocs.yml: `{area.slug}/index.md` belongs " + (
            "in a tab of `nav`" if written else "under `not_in_nav`"
        )
        assert (f"- {area.slug}/index.md" in nav, f"\n  {area.slug}/index.md" in waiting) == (written, not written), (
            mend
        )


@pytest.mark.parametrize(("ledger", "most"), [(UNDRAWN, 12), (UNPROVEN, 19)])
def test_a_list_of_pages_older_than_a_rule_only_shrinks(ledger, most):
    assert len((ROOT / ledger).read_text(encoding="utf-8").split()) <= most
