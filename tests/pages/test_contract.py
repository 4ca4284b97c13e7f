"""The contract on pages, rule by rule, on this project."""

from __future__ import annotations

import pytest

from fieldguide.guide.project import Project
from fieldguide.proof.rules import RULES, check


@pytest.fixture(scope="module")
def breaches():
    return check(Project())


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rule_holds(rule, breaches):
    broken = [str(breach) for breach in breaches if breach.rule == rule.id]
    assert not broken, "\n".join([rule.says, *broken])
