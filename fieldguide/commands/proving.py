"""Commands that prove: check and record, and one area of `test`."""

import dataclasses
import time
import traceback
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from fieldguide import runner
from fieldguide.commands import console, environments
from fieldguide.commands.console import AsJson, Names, examples
from fieldguide.guide.names import near
from fieldguide.guide.project import Breach, BreachError, Project, Trio
from fieldguide.proof import notebooks, published
from fieldguide.proof import record as recording
from fieldguide.proof.changed import GitError, touched
from fieldguide.proof.checking import Checked
from fieldguide.proof.checking import check as check_pages

Asked = tuple[list[Trio], list[str] | None, list[str]]
"""Pages, notebooks (None is all of them), and further tests."""
TOUCHED = "Instead of named pages, what this branch touched, imports and includes followed."
CHANGED = f"{TOUCHED} An argument is then what to compare with; by default main."
MEASURED = "Also rewrite the numbers in lines that end in “# measured”."


@examples("check inference/kv-cache", "check", "check --changed", "check --changed origin/main")
def check(names: Names = None, changed: Annotated[bool, typer.Option("--changed", help=CHANGED)] = False,
          as_json: AsJson = False) -> None:  # fmt: skip
    """Say what CI will say of pages: rules, format, lint, types, calculators, outputs, facts, figures, tests."""
    project = console.checkout()
    trios, labs, tests = _touched(project, names or [], quiet=as_json) if changed else _asked(project, names)
    checked = check_all(project, trios, tests, labs, everything=changed or not names)
    if as_json:
        pages = {t.name: {"ok": not checked.of(project, t), "tests": checked.passed(project, t)} for t in checked.trios}
        told = {name: list(map(dataclasses.asdict, getattr(checked, name))) for name in ("breaches", "elsewhere")}
        seconds = round(checked.seconds, 2)
        console.print_json({"ok": not checked.breaches, "seconds": seconds, "pages": pages, **told})
    else:
        print_checked(project, checked)
    raise typer.Exit(1 if checked.breaches else 0)


def check_all(project: Project, trios: list[Trio], tests: list[str], labs: list[str] | None, *,
              everything: bool) -> Checked:  # fmt: skip
    """Check pages and notebooks, under a bar of progress."""
    total = sum(len(trio.snippets) for trio in trios)
    with console.progress(f"checking {console.several(len(trios), 'page')}", total) as step:
        checked = check_pages(project, trios, everything=everything, further_tests=tests, done=step)
        began = time.monotonic()
        checked.breaches += notebooks.verify(project, labs)
        checked.seconds += time.monotonic() - began
    return checked


def _touched(project: Project, names: list[str], *, quiet: bool) -> Asked:
    """What the branch touched."""
    if len(names) > 1:
        console.stop("--changed takes one thing to compare with, such as a branch.")
    try:
        found = touched(project, *names)
    except GitError as error:
        console.stop(str(error))
    labs = [path.stem for path in found.labs]
    if not quiet:
        why = f" ({found.machinery} can change any of them)" if found.machinery else ""
        what = [*(trio.name for trio in found.trios), *(f"labs/{lab}" for lab in labs)]
        told = ", ".join(what[:6]) + (f" and {len(what) - 6} more" if what[6:] else "")
        console.err.print(f"{console.several(len(found.files), 'file')} differ; touched: {told or 'no page'}{why}.")
    return found.trios, labs, [project.relative(path) for path in found.tests]


def print_checked(project: Project, checked: Checked) -> None:
    """What is wrong, what pytest printed of it, a line for each page, and what is wrong elsewhere."""
    console.report(checked.breaches)
    if checked.proof.printed and any(breach.rule == "test" for breach in checked.breaches):
        console.err.print(Text(checked.proof.printed.rstrip()))
    rows: list[list[str | Text]] = []
    for trio in checked.trios:
        wrong = len(checked.of(project, trio))
        rows.append([
            Text("✗", "red") if wrong else Text("✓", "green"), trio.name, console.several(len(trio.snippets), "snippet"),
            f"{console.several(checked.passed(project, trio), 'test')} passed", f"{wrong} to fix" if wrong else "",
        ])  # fmt: skip
    if rows:
        console.columns(rows)
    if checked.elsewhere:
        console.out.print(f"\nelsewhere, not counted: {console.several(len(checked.elsewhere), 'thing')} to fix")
        console.columns([["", f"{breach.path}:{breach.line}", breach.message] for breach in checked.elsewhere])
        console.out.print()
    told = f"{console.several(len(checked.breaches), 'thing')} to fix" if checked.breaches else "all well"
    console.out.print(f"{told}, {checked.seconds:.1f} s")


def check_area(area: str) -> Checked:
    """One area and what it imports, as `check` does, with the published numbers of the area."""
    project = console.checkout()
    own = [trio for trio in console.with_code(project) if trio.page.area == area]
    files = [path for trio in own for path in (*trio.snippets, *trio.tests)]
    used = set[Path]().union(*(runner.reach(path, project.root)[0] for path in files))
    trios = [*own, *(t for t in console.with_code(project) if t not in own and used & set(t.snippets))]
    environments.ensure_declared([path for trio in trios for path in trio.snippets])
    checked = check_all(project, trios, published.tests(project, area), [], everything=False)
    print_checked(project, checked)
    return checked


@examples("record inference/kv-cache", "record")
def record(names: Names = None, measured: Annotated[bool, typer.Option("--measured", help=MEASURED)] = False,
           as_json: AsJson = False) -> None:  # fmt: skip
    """Rewrite outputs, figures, facts, notebooks and reproduced numbers. Read the diff like code."""
    project = console.checkout()
    trios, labs, _ = _asked(project, names)
    total = 2 * sum(len(trio.snippets) for trio in trios)
    with console.progress(f"recording {console.several(len(trios), 'page')}", total) as step:
        changes, refused = recording.record(project, trios, measured=measured, done=step)
        for more, failed in (notebooks.record(project, labs), _published(project)):
            changes, refused = [*changes, *more], [*refused, *failed]
    if as_json:
        told = [{"path": project.relative(change.path), "diff": change.diff} for change in changes]
        console.print_json({"ok": not refused, "changes": told, "breaches": list(map(dataclasses.asdict, refused))})
        raise typer.Exit(1 if refused else 0)
    for change in changes:
        console.out.print(Text(project.relative(change.path), "bold"))
        for line in change.diff.splitlines():
            console.out.print(Text(f"  {line}", {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")))
    console.report(refused)
    tail = f", {len(refused)} refused" if refused else ""
    console.out.print(f"{console.several(len(changes), 'file')} rewritten{tail}")
    raise typer.Exit(1 if refused else 0)


def _published(project: Project) -> tuple[list[recording.Change], list[Breach]]:
    """Record the reproduced numbers; an adapter that fails is a breach like any other."""
    try:
        return published.record(project), []
    except BreachError as error:
        return [], [error.breach]
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno or 1 for f in reversed(frames) if f.filename.endswith(published.ADAPTERS)), 1)
        message = f"an adapter failed: {type(error).__name__}: {error}."
        return [], [Breach(published.ADAPTERS, line, "published", message, "look with `pytest tests/published`.")]


def _asked(project: Project, names: list[str] | None) -> Asked:
    """Pages and notebooks among `names`, each once; all if nothing is named."""
    if not names:
        return console.with_code(project), None, []
    names = [name.removeprefix("docs/") for name in names]
    trios = {t.name: t for t in (console.find(project, name) for name in names if not name.startswith("labs/"))}
    labs = sorted({Path(name).stem.replace("_", "-") for name in names if name.startswith("labs/")})
    known = [path.stem for path in notebooks.sources(project)]
    for lab in set(labs).difference(known):
        console.stop(f"there is no notebook labs/{lab}. {near(lab, known)}")
    return list(trios.values()), labs, []
