"""The exercises of a page, as `drills.yml` beside its code lists them: what is blank, what is broken, what is asked."""

import ast
import difflib
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from fieldguide.guide import forms, outputs, regions
from fieldguide.guide.forms import Form, Problem, Text
from fieldguide.guide.names import near
from fieldguide.guide.page import Page, Quiz
from fieldguide.guide.project import Project

FILE = "drills.yml"
NEEDS = {"build": ["blank"], "debug": ["change"], "diagnose": ["evidence", "questions"]}
FIX = "correct it; CONTRIBUTING.md shows an exercise of each kind."


class Change(Form):
    """One part of a file, and what stands there instead."""

    file: Text
    before: Text
    after: Text


class Drill(Form):
    """One exercise."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    kind: Literal["build", "debug", "diagnose"]
    title: Text
    task: Text  # what to write, the symptom, or the situation
    hints: Annotated[list[Text], Field(min_length=2, max_length=3)]
    tests: list[Text] = Field(default=[])  # functions of the page's tests that grade; all, if none is named
    blank: str = ""  # file:region
    change: Change | None = None
    evidence: str = ""  # file:section
    questions: list[Quiz] = Field(default=[])

    @model_validator(mode="after")
    def _of_its_kind(self) -> "Drill":
        given = [key for keys in NEEDS.values() for key in keys if getattr(self, key)]
        if given != NEEDS[self.kind]:
            needs = f"needs {' and '.join(NEEDS[self.kind])}, and has {' and '.join(given) or 'none'}."
            raise ValueError(f"the {self.kind} exercise `{self.name}` {needs}", FIX)
        return self

    @property
    def place(self) -> list[str]:
        """File below the page's folder, and region or section."""
        return [self.change.file, ""] if self.change else [*(self.blank or self.evidence).partition(":")[::2]]


def path_of(project: Project, page: Page, file: str = FILE) -> Path:
    """Where the exercises of a page are listed, or another file of its code is."""
    return project.snippets / page.folder / file


def load(project: Project, page: Page) -> tuple[list[Drill], list[Problem]]:
    """The exercises of a page, and what is wrong with their file: also what it names and is not there."""
    if not (path := path_of(project, page)).is_file():
        return [], []
    filled = forms.read_file(list[Drill], path, "the list of exercises")
    found, names = filled.value or [], [drill.name for drill in filled.value or []]
    problems = list(filled.problems)
    for number, drill in enumerate(found):
        twice = [("name", "is given twice.")] if drill.name in names[:number] else []
        for key, message in [*twice, *_wrong(project, page, drill)]:
            problems.append(Problem(filled.line(number, key), f"`{drill.name}` {message}", FIX))
    return found, problems


def _wrong(project: Project, page: Page, drill: Drill) -> Iterator[tuple[str, str]]:
    """Key and message of what an exercise names and is not there."""
    known = {node.name for path in project.trio_of(page).tests for node in functions(read(path))}
    for test in sorted(set(drill.tests) - known):
        yield "tests", f"is graded by `{test}`, which is no test of the page. {near(test, known)}"
    text = read(path_of(project, page, drill.place[0]))
    if drill.change and (count := text.count(drill.change.before)) != 1:
        yield "change", f"changes a text that occurs {count} times in `{drill.place[0]}`, not once."
    elif not drill.change and drill.place[1] not in regions.read(text)[0]:
        yield NEEDS[drill.kind][0], f"names `{':'.join(drill.place)}`, which is not there."
    elif not drill.evidence and applied(project, page, drill) == text:
        yield NEEDS[drill.kind][0], "changes nothing."
    for quiz in drill.questions:
        if quiz.numeric and project.fact(quiz.numeric.fact, page.name) is None:
            yield "questions", f"asks for the fact `{quiz.numeric.fact}`, which no page states."


def read(path: Path) -> str:
    """What a file holds; nothing if there is none."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


@lru_cache(maxsize=64)
def functions(source: str) -> list[ast.FunctionDef]:
    """Functions and methods; none where the source is not Python, which another rule says."""
    with suppress(SyntaxError, ValueError):
        body = ast.parse(source).body
        methods = [node for owner in body if isinstance(owner, ast.ClassDef) for node in owner.body]
        return [node for node in [*body, *methods] if isinstance(node, ast.FunctionDef)]
    return []


def tests(project: Project, page: Page, drill: Drill) -> list[str]:
    """What pytest is asked to run."""
    files = {project.relative(path): functions(read(path)) for path in project.trio_of(page).tests}
    named = [f"{path}::{node.name}" for path in files for node in files[path] if node.name in drill.tests]
    return named or list(files)


def applied(project: Project, page: Page, drill: Drill) -> str:
    """The file as a reader gets it: with the mistake, or without the bodies of the functions in the region."""
    source = read(path_of(project, page, drill.place[0]))
    if drill.change:
        return source.replace(drill.change.before, drill.change.after)
    region, lines = regions.read(source)[0][drill.place[1]], source.split("\n")
    for node in sorted(functions(source), key=lambda node: -node.lineno):
        if region.line < node.lineno < region.end:
            first = node.body[0]
            kept = first.end_lineno if ast.get_docstring(node) else first.lineno - 1
            lines[kept : node.end_lineno] = [f"{' ' * first.col_offset}raise NotImplementedError"]
    return "\n".join(lines)


def solution(project: Project, page: Page, drill: Drill) -> str:
    """What mends a copy, as a difference."""
    after = read(path_of(project, page, drill.place[0])).split("\n")
    return "\n".join([*difflib.unified_diff(applied(project, page, drill).split("\n"), after, n=2, lineterm="")][2:])


def shown(project: Project, page: Page, drill: Drill) -> str:
    """The evidence."""
    return outputs.parse(path_of(project, page, drill.place[0]))[drill.place[1]].rstrip() if drill.evidence else ""
