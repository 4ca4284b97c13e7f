"""Rules on what a page holds beside code: facts, quizzes, calculators and figures."""

import re
from collections.abc import Iterator
from pathlib import Path

from fieldguide import runner
from fieldguide.calc import fence as calc
from fieldguide.guide import drills
from fieldguide.guide.names import near
from fieldguide.guide.page import Page
from fieldguide.guide.project import Project
from fieldguide.proof.rules.rule import Finding, of_new_pages, rule

SHELL = frozenset({"bash", "sh", "shell", "console", "zsh"})
CLUSTER = "On a cluster"
PROGRAMS = "torchrun|python3?|pip|uv|vllm|ray|kubectl|docker|fieldguide|make|git|curl"
COMMAND = re.compile(rf"\s*(?:\$ |export \w+=|(?:{PROGRAMS}) )")
UNDRAWN = "tests/undrawn.txt"
FIGURE = "write `figure: file:name`, for `figure_name` in `file.py`; another page's is `area.page.file:name`."


@rule("fact", "Every number in a `<data>` element is one that a snippet computes, and every fact is used.",
      'write `<data value="name">text</data>`; `fieldguide record` fills the text in.')  # fmt: skip
def facts(project: Project) -> Iterator[Finding]:
    """Elements that could not be compared. Names and values are known once snippets ran: `proof.record`."""
    for page in project.every_page:
        for fact in page.facts:
            if fact.problem:
                yield Finding(page.path, fact.line, f"a `<data>` element {fact.problem}.")


@rule("quiz", "A quiz has right and wrong answers with a reason each, or a number, its fact and its reason.",
      "see CONTRIBUTING.md for the forms of a quiz.")  # fmt: skip
def quizzes(project: Project) -> Iterator[Finding]:
    """Quizzes that cannot be shown. That the fact of a number exists is the rule `fact`."""
    for page in project.every_page:
        for quiz in page.quizzes:
            yield from (Finding.of(page.path, problem) for problem in quiz.problems)
            if quiz.value and quiz.value.numeric and not any(f.shown_as == quiz.value.numeric.fact for f in page.facts):
                message = f"the answer is the fact `{quiz.value.numeric.fact}`, which the page does not show."
                fix = "show it in the text with `<data>`: who was wrong looks there."
                yield Finding(page.path, quiz.line("numeric", "fact"), message, fix)


@rule("shell", f'A shell fence runs, in a test, or is titled "{CLUSTER}".',
      f'write ```` ```bash title="{CLUSTER}" ````.')  # fmt: skip
def shell(project: Project) -> Iterator[Finding]:
    """Commands that nothing runs: those in a fence of another kind. What a shell fence holds is run by the tests."""
    for page in project.every_page:
        for fence in page.fences:
            if fence.language in SHELL and fence.title not in ("", CLUSTER):
                message = f"the title `{fence.title}` does not say where these commands run."
                yield Finding(page.path, fence.line, message)
            elif fence.language not in SHELL and not fence.title and COMMAND.match(fence.text):
                fix = "write ```` ```bash ````, which the tests run, or add a title as the other fences have."
                yield Finding(page.path, fence.line, "commands in a fence that is no shell's.", fix)


@rule("drill", "An exercise names files, regions, tests and facts that are there; its page lists it in a `drills` fence.",
      "end the section *Check yourself* of its page with an empty `drills` fence.")  # fmt: skip
def exercises(project: Project) -> Iterator[Finding]:
    """Exercises that cannot be done, or that nobody finds. That the tests catch them, a test proves."""
    for page in project.every_page:
        path = drills.path_of(project, page)
        yield from (Finding.of(path, problem) for problem in drills.load(project, page)[1])
        if path.is_file() and not any(page.of("drills")):
            yield Finding(path, 1, f"`docs/{page.name}.md` does not list them.")


@rule("calculator", "A calculator names a function that accepts its presets, and needs the standard library alone.",
      "correct the fence, or the function that it names.")  # fmt: skip
def calculators(project: Project) -> Iterator[Finding]:
    """Calculators that the build could not render, or the browser not run."""
    for page in project.every_page:
        for fence in page.of("calc"):
            try:
                path = project.snippets / calc.check(fence.text, project.root, page.folder).file
            except Exception as error:  # whatever the module raises is its author's to know
                yield Finding(page.path, fence.line, f"the calculator does not work: {error}")
                continue
            if libraries := runner.reach(path, project.root)[1]:
                message = f"the browser has no {', '.join(f'`{name}`' for name in sorted(libraries))}."
                yield Finding(path, 1, message, "import the standard library alone, also in what it imports.")


@rule("figure", "A figure has a caption, a text for who does not see it, and a recorded drawing that a page shows.")
def figures(project: Project) -> Iterator[Finding]:
    """Figures that cannot be shown, and drawings that nobody sees or that nothing draws."""
    shown = set()
    for page in project.every_page:
        for figure in page.figures:
            yield from (Finding.of(page.path, problem) for problem in figure.problems)
            if figure.value:
                line = figure.line("figure")
                if page.area in project.area_slugs and "." in figure.value.figure:
                    fix = "show it there and link to it, or draw one of your own."
                    yield Finding(page.path, line, "the figure is another page's.", fix)
                try:
                    file, name = calc.resolve(figure.value.figure, page.folder)
                except calc.FenceError as error:
                    yield Finding(page.path, line, str(error), FIGURE)
                    continue
                snippet = project.snippets / file
                shown.add((snippet, name))
                yield from _drawn(page, line, snippet, name)
    drawn = {(path, name): line for path in project.snippet_files for name, line in runner.figures(path).items()}
    for snippet, name in drawn.keys() - shown:
        message = f"no page shows the figure `{snippet.stem}:{name}`."
        fix = "show it in a `figure` fence, or delete it."
        yield Finding(snippet, drawn[snippet, name], message, fix)
    known = {path.with_name(f"{name}.svg") for path, name in drawn}
    for path in set(project.snippets.glob("*/*/*.svg")) - known:
        message = f"no snippet of the folder has a function `figure_{path.stem}` that draws this."
        yield Finding(path, 1, message, "delete it, or restore the function.")


def _drawn(page: Page, line: int, snippet: Path, name: str) -> Iterator[Finding]:
    if not snippet.is_file():
        files = (path.stem for path in snippet.parent.glob("*.py") if path.stem != "__init__")
        message = f"there is no snippet `{'/'.join(snippet.parts[-3:])}`. {near(snippet.stem, files)}"
        yield Finding(page.path, line, message, FIGURE)
    elif name not in (known := runner.figures(snippet)):
        message = f"`{snippet.name}` has no function `figure_{name}`. {near(name, known)}"
        yield Finding(page.path, line, message, FIGURE)
    elif not snippet.with_name(f"{name}.svg").is_file():
        message = f"the figure `{name}` is not recorded yet: there is no `{name}.svg`."
        yield Finding(page.path, line, message, f"run `fieldguide record {page.name}`.")


@rule("drawing", "A complete page shows a drawing, a figure or one to play with, before its first code.",
      "draw the mechanism: `figure_<name>()` in a snippet, or a calculator that draws.")  # fmt: skip
def drawings(project: Project) -> Iterator[Finding]:
    """Pages that begin with code, but for older ones."""
    found = []
    for page in project.every_page:
        code = next((fence.line for fence in page.of("python")), 0)
        drawn = any(fence.line < code for fence in (*page.of("figure"), *page.of("calc")))
        if page.status == "complete" and code and not drawn:
            found.append(Finding(page.path, code, "the first code comes before any drawing."))
    yield from of_new_pages(project, UNDRAWN, found, "has its drawing")
