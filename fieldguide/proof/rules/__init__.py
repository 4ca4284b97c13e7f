"""The contract on pages: what must hold before a page may say that it is proven.

Every rule is static and fast: it reads files and never runs a snippet. Each breach has a
file, a line, and what to do about it.
"""

from __future__ import annotations

from fieldguide.guide.glossary import FILE, PAGE
from fieldguide.guide.project import Breach, Page, Project
from fieldguide.proof.rules import (  # noqa: F401
    anatomy,
    assertions,
    citations,
    facts,
    generated,
    glossary,
    includes,
    links,
    navigation,
    quizzes,
    reading,
    trios,
    wording,
)
from fieldguide.proof.rules.guide import RULES, Guide, Rule, output_of

__all__ = ["RULES", "Rule", "check", "check_page"]


def check(project: Project) -> list[Breach]:
    """Every breach of the contract in a checkout, sorted by file and line."""
    return _find(Guide(project.root))


def check_page(project: Project, page: Page) -> list[Breach]:
    """The breaches of one page, its snippets, their outputs, its tests, and its place in the navigation."""
    guide = Guide(project.root)
    trio = guide.trios.get(page.name)
    files = {page.path, *(trio.snippets if trio else ()), *(trio.tests if trio else ())}
    files |= {output_of(path) for path in files if path.suffix == ".py"}
    names = {guide.project.relative(path) for path in files}
    names |= {FILE} if page.name == PAGE else set()
    return [
        breach
        for breach in _find(guide)
        if breach.path in names or (breach.path == "mkdocs.yml" and f"`{page.name}.md`" in breach.message)
    ]


def _find(guide: Guide) -> list[Breach]:
    found = {
        Breach(path if isinstance(path, str) else guide.project.relative(path), line, rule.id, message, fix)
        for rule in RULES.values()
        for path, line, message, fix in rule.find(guide)
    }
    return sorted(found)
