"""Commands on single pages: list, run, new, rules."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from fieldguide import runner
from fieldguide.commands import console
from fieldguide.commands.console import AsJson, app, examples
from fieldguide.commands.scaffold import ScaffoldError, scaffold
from fieldguide.guide.names import near
from fieldguide.guide.project import Project, Trio
from fieldguide.proof import record
from fieldguide.proof.passed import last_passed
from fieldguide.proof.rules import RULES
from fieldguide.runner import Run

TEST = re.compile(rb"^ *(?:async )?def test", re.M)


@examples("list", "list inference --json", name="list")
def list_pages(area: Annotated[str, typer.Argument(help="Only this area, such as inference.")] = "",
               as_json: AsJson = False) -> None:  # fmt: skip
    """List the pages: status, snippets, examples, tests, and when each last passed on this machine."""
    project = console.checkout()
    area = console.find_area(project, area) if area else ""
    order = {a.slug: number for number, a in enumerate(project.areas)}
    trios = [trio for trio in project.trios if area in ("", trio.page.area)]
    rows = [_row(project, trio) for trio in sorted(trios, key=lambda t: (order[t.page.area], t.name))]
    if as_json:
        console.print_json(rows)
        return
    table = [["page", "status", "snippets", "examples", "tests", "last passed here"]]
    for row in rows:
        last = (row["last_passed"] or "never") if row["snippets"] else "–"
        stale = ", changed since" if row["last_passed"] and not row["fresh"] else ""
        table.append([str(row[key]) for key in ("name", *table[0][1:5])] + [last + stale])
    console.columns(table)


def _row(project: Project, trio: Trio) -> dict[str, Any]:
    passed = last_passed(project, trio)
    return {
        "name": trio.name, "title": trio.page.meta.get("title", ""), "status": trio.page.status,
        "snippets": len(trio.snippets), "examples": sum(len(runner.examples(path)) for path in trio.snippets),
        "tests": sum(len(TEST.findall(path.read_bytes())) for path in trio.tests),
        "last_passed": str(passed[0]) if passed else None, "fresh": bool(passed and passed[1]),
    }  # fmt: skip


@examples("run inference/kv-cache", "run inference/kv-cache users", "run inference/kv_cache/decoding")
def run(name: Annotated[str, typer.Argument(help="A page, or one of its snippets.")],
        example: Annotated[str, typer.Argument(help="Only this example.")] = "",
        as_json: AsJson = False) -> None:  # fmt: skip
    """Run the examples of a page, and print what they print while they print it."""
    project = console.checkout()
    trio = console.find(project, name)
    asked = name.strip("/").removeprefix("snippets/").removesuffix(".py")
    snippets = [p for p in trio.snippets if f"{trio.page.folder}/{p.stem}" == asked] or list(trio.snippets)
    if not snippets:
        console.stop(f"{trio.name} has no snippet yet.", code=1)
    wanted = example.removeprefix("example_")
    known = {found for path in snippets for found in runner.examples(path)}
    if wanted and wanted not in known:
        console.stop(f"{trio.name} has no example {wanted!r}. {near(wanted, known)}")
    snippets = [path for path in snippets if not wanted or wanted in runner.examples(path)]
    choice = {wanted} if wanted else True
    if as_json:
        runs = runner.run(snippets, project.root, examples=choice, facts=not wanted)
        console.print_json([asdict(run) | {"snippet": project.relative(run.snippet)} for run in runs])
    else:
        printer, runs = _Printer(project), []
        for path in snippets:  # one after the other: what they print must not mix
            runs += runner.run([path], project.root, examples=choice, facts=False, watch=printer)
            printer.end(runs[-1])
    raise typer.Exit(1 if any(run.error for run in runs) else 0)


class _Printer:
    """Prints what examples print, each under its heading."""

    def __init__(self, project: Project) -> None:
        self.project, self.heading, self.open_line = project, "", False

    def __call__(self, snippet: Path, example: str, text: str) -> None:
        heading = f"# {self.project.relative(snippet)} · {example}"
        if self.heading != heading:
            if self.heading:
                console.out.print("\n" if self.open_line else "")
            self.heading = heading
            console.out.print(Text(heading, "bold"))
        console.out.file.write(text)
        console.out.file.flush()
        self.open_line = not text.endswith("\n")

    def end(self, run: Run) -> None:
        """End the last line, and say how a snippet failed, if it did."""
        if self.open_line:
            console.out.print()
            self.open_line = False
        console.report(record.failures(self.project, [run]))
        if not run.error and not run.sections:
            console.err.print(f"{self.project.relative(run.snippet)} has no example.")


@examples('new inference/my-page --title "My page"', "new inference/my-page --snippet sizes")
def new(name: Annotated[str, typer.Argument(help="Area and slug: inference/my-page.")],
        title: Annotated[str, typer.Option(help="Title; by default that of the curriculum.")] = "",
        snippet: Annotated[str, typer.Option(help="Noun that names the first snippet.")] = "basics") -> None:  # fmt: skip
    """Begin a page: writes page, snippet and test from a template, and a line in the navigation."""
    project = console.checkout()
    try:
        begun = scaffold(project, name, title, snippet)
    except ScaffoldError as error:
        console.stop(str(error))
    for path in begun.written:
        console.out.print(Text.assemble(("✓ ", "green"), project.relative(path)))
    why = f"say in `answers` of `{begun.page.partition('/')[2]}` what a reader can do afterwards"
    steps = {"edit docs/curriculum.yml": why} if begun.unplanned else {}
    steps[f"fieldguide record {begun.page}"] = "run it, and write its output, figure and facts"
    steps[f"fieldguide check {begun.page}"] = "see what is still missing"
    steps["make serve"] = "look at it"
    for planned in begun.alike:
        console.out.print(f"\nThe curriculum plans {planned.name} “{planned.title}”: {planned.answers} If that is your "
                          f"topic, delete these files and begin with: fieldguide new {planned.name}")  # fmt: skip
    console.out.print("\nNext:")
    console.columns([["", step, why] for step, why in steps.items()])


@app.command()
def rules() -> None:
    """Print every rule that a page must keep."""
    console.columns([[Text(rule.id, "bold"), rule.says] for rule in RULES.values()])
