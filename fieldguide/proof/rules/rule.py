"""How a rule is declared, and how its findings become breaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fieldguide.guide.forms import Problem
from fieldguide.guide.project import Breach, BreachError, Project


class Finding(NamedTuple):
    """One thing that breaks a rule."""

    path: Path
    line: int
    message: str
    fix: str = ""  # what to do; by default what the rule says
    page: str = ""  # the page that it belongs to; by default the one that the file belongs to

    @classmethod
    def of(cls, path: Path, problem: Problem) -> Finding:
        """A problem of a file."""
        return cls(path, problem.line, problem.message, problem.fix)


Find = Callable[[Project], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """One rule of the contract."""

    id: str
    says: str
    fix: str
    first: bool  # whether a page that breaks it must be mended first: the rest of it may be a consequence
    find: Find


RULES: dict[str, Rule] = {}


def rule(id: str, says: str, fix: str = "", *, first: bool = False) -> Callable[[Find], Find]:
    """Register a function that yields what breaks the rule `id`; `says` is the rule in one sentence."""

    def register(find: Find) -> Find:
        RULES[id] = Rule(id, says, fix, first, find)
        return find

    return register


def of_new_pages(project: Project, ledger: str, found: Iterable[Finding], done: str) -> Iterator[Finding]:
    """What is found on pages that are not listed as older than a rule; and listed pages without a finding.

    So the list can only shrink; `done` says what such a page has.
    """
    path, by_page = project.root / ledger, [(project.page_of(finding.path), finding) for finding in found]
    listed = path.read_text(encoding="utf-8").split() if path.is_file() else []
    yield from (finding for page, finding in by_page if page not in listed)
    for number, page in enumerate(listed, 1):
        if page not in dict(by_page):
            yield Finding(path, number, f"`{page}` {done}.", "delete the line.")


def check(project: Project) -> list[Breach]:
    """Every breach of the contract, sorted by file and line; of a page without a sound footing, only why."""
    try:
        _ = project.areas
    except BreachError as error:
        return [error.breach]
    found: list[Breach] = []
    unsound: set[str] = set()
    for rule in sorted(RULES.values(), key=lambda rule: not rule.first):
        more = [_breach(project, rule, finding) for finding in rule.find(project)]
        found += [breach for breach in more if breach.page not in unsound]
        if rule.first:
            unsound |= {breach.page for breach in more} - {""}
    return sorted(set(found))


def _breach(project: Project, rule: Rule, finding: Finding) -> Breach:
    path, line, message, fix, page = finding
    return Breach(project.relative(path), line, rule.id, message, fix or rule.fix, page or project.page_of(path))
