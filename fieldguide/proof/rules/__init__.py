"""The contract on pages: what must hold before a page may say that it is proven.

Every rule is static and fast: it reads files and never runs an example. Each breach has a
file, a line, what to do about it, and the page that it belongs to.
"""

from __future__ import annotations

from collections.abc import Collection

from fieldguide.guide.page import Page
from fieldguide.guide.project import Breach, Project
from fieldguide.proof.rules import fences, listings, pages, skips, sources, trios  # noqa: F401
from fieldguide.proof.rules.rule import RULES, Rule, breaches

__all__ = ["RULES", "Rule", "check", "check_page", "check_pages"]


def check(project: Project) -> list[Breach]:
    """Every breach of the contract in a checkout, sorted by file and line."""
    return sorted(set(breaches(project)))


def check_page(project: Project, page: Page) -> list[Breach]:
    """The breaches of one page, its snippets, their outputs, its tests, and the sources that it cites."""
    return check_pages(project, [page.name])[0]


def check_pages(project: Project, names: Collection[str]) -> tuple[list[Breach], list[Breach]]:
    """The breaches of some pages, and those elsewhere, which may be what breaks them."""
    found = breaches(project)
    here = {breach for breach in found if breach.page in names}
    return sorted(here), sorted(set(found) - here)
