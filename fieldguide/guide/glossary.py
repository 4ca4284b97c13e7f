"""The terms of the guide, as `docs/glossary.yml` lists them."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from fieldguide.guide import forms
from fieldguide.guide.forms import Form, Problem, Text
from fieldguide.guide.names import near
from fieldguide.guide.project import Breach, BreachError, Project

FILE = "docs/glossary.yml"
PAGE = "practice/glossary"
"""The page that shows the whole file."""


class Term(Form):
    """One entry."""

    term: Text
    abbr: str = ""
    tip: Annotated[str, StringConstraints(max_length=50)] = ""  # it stands in the HTML of every page with the term
    aliases: list[Text] = Field(default=[])
    says: Text
    page: Text
    see: list[Text] = Field(default=[])

    @field_validator("tip")
    @classmethod
    def _one_tooltip(cls, tip: str, before: ValidationInfo) -> str:
        if tip and before.data.get("abbr"):
            raise ValueError("`tip` is for terms without `abbr`.", "delete it.")
        return tip

    @property
    def name(self) -> str:
        """What `see` calls it, and what the page sorts by: the abbreviation where there is one."""
        return self.abbr or self.term

    @property
    def shown(self) -> str:
        """What the tooltip says: what an abbreviation stands for, or the tip."""
        return self.term if self.abbr else self.tip

    @property
    def id(self) -> str:
        """Its anchor on the glossary page."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def load(project: Project) -> dict[str, Term]:
    """Every term by its name, in alphabetical order; a `BreachError` at the first thing that is wrong."""
    terms, breaches = read(project)
    if breaches:
        raise BreachError(breaches[0])
    return {term.name: term for term in sorted(terms, key=lambda term: term.name.lower())}


def read(project: Project) -> tuple[list[Term], list[Breach]]:
    """Every term, and everything that is wrong with the file, by line."""
    path = project.root / FILE
    if not path.is_file():
        return [], []
    filled = forms.read_file(list[Term], path, "the glossary")
    terms = filled.value or []
    problems = [*filled.problems, *_together(terms, filled, project.planned)]
    return terms, sorted(project.breach(path, problem, "glossary") for problem in problems)


def _together(terms: list[Term], filled: forms.Filled[list[Term]], planned: frozenset[str]) -> Iterator[Problem]:
    """What is wrong between entries: names used twice, and names of what is not there."""
    first: dict[str, int] = {}
    names = {term.name for term in terms}
    for number, term in enumerate(terms):
        called = [("term", term.term), ("abbr", term.abbr), *(("aliases", alias) for alias in term.aliases)]
        for key, name in called:
            other = first.setdefault(name.lower(), number) if name else number
            if other != number:
                message = f"`{name}` is explained twice; first on line {filled.line(other)}."
                yield Problem(filled.line(number, key), message, "keep one.")
        other = first.setdefault(f"#{term.id}", number)
        if other != number and terms[other].name.lower() != term.name.lower():
            message = f"`{term.name}` and `{terms[other].name}` have the same address, `#{term.id}`."
            yield Problem(filled.line(number), message, "rename one.")
        if term.page not in planned:
            message = f"the curriculum has no page `{term.page}`. {near(term.page, planned)}"
            fix = "name the page as `docs/curriculum.yml` does."
            yield Problem(filled.line(number, "page"), message, fix)
        for name in term.see:
            if name not in names or name == term.name:
                message = f"`see` names `{name}`, which is no other entry. {near(name, names)}"
                fix = "name an entry by its `abbr`, or by its `term` where it has none."
                yield Problem(filled.line(number, "see"), message, fix)
