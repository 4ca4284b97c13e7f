"""The `fieldguide` command: list, run, check, record, new.

Exit codes: 0 when all is well, 1 when something is wrong with the guide, 2 when the
command was called with something that does not exist.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from fieldguide import runner
from fieldguide.commands import environments
from fieldguide.commands.scaffold import ScaffoldError, scaffold
from fieldguide.guide.project import ROOT, Breach, BreachError, Project, Trio
from fieldguide.proof import notebooks, published
from fieldguide.proof import record as verify
from fieldguide.proof import rules as contract
from fieldguide.proof.changed import GitError, touched
from fieldguide.proof.checking import Checked
from fieldguide.proof.checking import check as check_pages
from fieldguide.runner import Run
from fieldguide.site import build

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
)
out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Pages, such as inference/kv-cache; all if none is named."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@app.callback()
def about() -> None:
    """Run, verify and extend the ML Systems Engineering Field Guide.

    A page, its snippets and its tests share one name, such as `inference/kv-cache`.
    """


@app.command("list", epilog="Examples:  `fieldguide list`  ·  `fieldguide list inference --json`")
def list_pages(
    area: Annotated[str, typer.Argument(help="Only this area, such as inference.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the pages: status, snippets, examples, tests, and when each last passed on this machine."""
    project = _project()
    if area and area not in project.area_slugs:
        areas = [a.slug for a in project.areas]
        near = difflib.get_close_matches(area, areas, 1, 0.4)
        _stop(
            f"there is no area {area!r}. "
            + (f"Did you mean {near[0]}?" if near else f"There are {', '.join(areas)}.")
        )
    order = {a.slug: number for number, a in enumerate(project.areas)}
    trios = [trio for trio in project.trios if area in ("", trio.page.area)]
    rows = [_row(project, trio) for trio in sorted(trios, key=lambda t: (order[t.page.area], t.name))]
    if as_json:
        _print_json(rows)
        return
    table = Table(
        "page", "status", "snippets", "examples", "tests", "last passed here", box=None, pad_edge=False
    )
    for row in rows:
        passed = row["last_passed"] or "never"
        passed += ", changed since" if row["last_passed"] and not row["fresh"] else ""
        counts = (str(row[key]) for key in ("snippets", "examples", "tests"))
        table.add_row(row["name"], row["status"], *counts, passed if row["snippets"] else "–")
    out.print(table)


def _row(project: Project, trio: Trio) -> dict[str, Any]:
    passed = verify.last_passed(project, trio.name)
    return {
        "name": trio.name,
        "title": trio.page.meta.get("title", ""),
        "status": trio.page.meta.get("status", ""),
        "snippets": len(trio.snippets),
        "examples": sum(len(runner.examples(path)) for path in trio.snippets),
        "tests": sum(_tests(path) for path in trio.tests),
        "last_passed": str(passed[0]) if passed else None,
        "fresh": bool(passed and passed[1]),
    }


def _tests(path: Path) -> int:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return 0
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return sum(node.name.startswith("test") for node in functions)


@app.command(
    epilog="Examples:  `fieldguide run inference/kv-cache`  ·  `fieldguide run inference/kv-cache users`  ·  "
    "`fieldguide run inference/kv_cache/decoding`"
)
def run(
    name: Annotated[str, typer.Argument(help="A page, or one of its snippets.")],
    example: Annotated[str, typer.Argument(help="Only this example.")] = "",
    as_json: AsJson = False,
) -> None:
    """Run the examples of a page, and print what they print while they print it."""
    project = _project()
    trio = _find(project, name)
    snippets = _snippets(trio, name)
    if not snippets:
        _stop(f"{trio.name} has no snippet yet.", code=1)
    wanted = example.removeprefix("example_")
    known = {found: path for path in snippets for found in runner.examples(path)}
    if wanted and wanted not in known:
        near = difflib.get_close_matches(wanted, known, 3, 0.4)
        hint = f"Did you mean {', '.join(near)}?" if near else f"There are {', '.join(known) or 'none'}."
        _stop(f"{trio.name} has no example {wanted!r}. {hint}")
    if wanted:
        snippets = [path for path in snippets if wanted in runner.examples(path)]
    choice = {wanted} if wanted else True
    if as_json:
        runs = runner.run(snippets, project.root, examples=choice, facts=not wanted)
        _print_json([run.as_json() | {"snippet": project.relative(run.snippet)} for run in runs])
        raise typer.Exit(1 if any(run.error for run in runs) else 0)
    printer = _Printer(project)
    runs = []
    for path in snippets:  # one after the other: what they print must not mix
        runs += runner.run([path], project.root, examples=choice, facts=False, watch=printer)
        printer.end(runs[-1])
    raise typer.Exit(1 if any(run.error for run in runs) else 0)


class _Printer:
    """Prints what examples print, each under its heading."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.heading: tuple[Path, str] | None = None
        self.open_line = False

    def __call__(self, snippet: Path, example: str, text: str) -> None:
        if self.heading != (snippet, example):
            if self.heading:
                out.print("\n" if self.open_line else "")
            self.heading = (snippet, example)
            out.print(Text(f"# {self.project.relative(snippet)} · {example}", "bold"))
        out.file.write(text)
        out.file.flush()
        self.open_line = not text.endswith("\n")

    def end(self, run: Run) -> None:
        """End the last line, and say how a snippet failed, if it did."""
        if self.open_line:
            out.print()
            self.open_line = False
        if run.error:
            for breach in verify.failures(self.project, [run]):
                _report([breach])
        elif not run.sections:
            err.print(f"{self.project.relative(run.snippet)} has no example.")


@app.command(
    epilog="Examples:  `fieldguide check inference/kv-cache`  ·  `fieldguide check`  ·  "
    "`fieldguide check --changed`  ·  `fieldguide check --changed origin/main`"
)
def check(
    names: Names = None,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Instead of named pages, what this branch touched, imports and includes followed. "
            "An argument is then what to compare with; by default main.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify pages: the contract, recorded outputs, facts, and their tests."""
    project = _project()
    tests: tuple[Path, ...] = ()
    labs: list[str] | None
    if changed:
        trios, tests, labs = _touched(project, names or [], quiet=as_json)
    else:
        labs = _labs(project, names) if names else None
        trios = _trios(project, names)
    total = sum(len(trio.snippets) for trio in trios)
    with _progress(f"checking {len(trios)} page{_s(trios)}", total) as step:
        checked = check_pages(
            project, trios, whole_contract=changed or not names, further_tests=tests, done=step
        )
        began = time.monotonic()
        checked.breaches = sorted({*checked.breaches, *notebooks.verify(project, labs)})
        checked.seconds += time.monotonic() - began
    if as_json:
        _print_json(_as_json(project, checked))
    else:
        _print_checked(project, checked)
    raise typer.Exit(1 if checked.breaches else 0)


def _touched(
    project: Project, names: list[str], *, quiet: bool
) -> tuple[list[Trio], tuple[Path, ...], list[str]]:
    """Pages, further tests and notebooks that the branch touched."""
    if len(names) > 1:
        _stop("--changed takes one thing to compare with, such as a branch.")
    try:
        found = touched(project, *names)
    except GitError as error:
        _stop(str(error))
    labs = [path.stem for path in found.labs]
    if not quiet:
        why = f" ({found.machinery} can change any of them)" if found.machinery else ""
        touched_names = [*(trio.name for trio in found.trios), *(f"labs/{lab}" for lab in labs)]
        what = ", ".join(touched_names[:6]) + (
            f" and {len(touched_names) - 6} more" if touched_names[6:] else ""
        )
        err.print(f"{len(found.files)} files differ; touched: {what or 'no page'}{why}.")
    return list(found.trios), found.tests, labs


def _as_json(project: Project, checked: Checked) -> dict[str, Any]:
    return {
        "ok": not checked.breaches,
        "seconds": round(checked.seconds, 2),
        "pages": {
            trio.name: {"ok": not checked.of(project, trio), "tests": checked.passed.get(trio.name, 0)}
            for trio in checked.trios
        },
        "breaches": [dataclasses.asdict(breach) for breach in checked.breaches],
    }


def _print_checked(project: Project, checked: Checked) -> None:
    _report([breach for breach in checked.breaches if breach.rule != "test" or not checked.pytest_output])
    if checked.pytest_output:
        err.print(Text(checked.pytest_output.rstrip()))
    table = Table("", "page", "snippets", "tests", "", box=None, pad_edge=False, show_header=False)
    for trio in checked.trios:
        wrong = len(checked.of(project, trio))
        table.add_row(
            Text("✗", "red") if wrong else Text("✓", "green"),
            trio.name,
            f"{len(trio.snippets)} snippet{_s(trio.snippets)}",
            f"{checked.passed.get(trio.name, 0)} tests passed",
            f"{wrong} to fix" if wrong else "",
        )
    if checked.trios:
        out.print(table)
    count = len(checked.breaches)
    verdict = f"{count} thing{'' if count == 1 else 's'} to fix" if count else "all well"
    out.print(f"{verdict}, {checked.seconds:.1f} s")


@app.command(epilog="Examples:  `fieldguide record inference/kv-cache`  ·  `fieldguide record`")
def record(
    names: Names = None,
    measured: Annotated[
        bool, typer.Option("--measured", help="Also rewrite the numbers in lines that end in “# measured”.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rewrite recorded outputs, facts on pages, notebooks and reproduced numbers. Read the diff like code."""
    project = _project()
    labs = _labs(project, names) if names else None
    trios = _trios(project, names)
    with _progress(
        f"recording {len(trios)} page{_s(trios)}", 2 * sum(len(t.snippets) for t in trios)
    ) as step:
        changes, refused = verify.record(project, trios, measured=measured, done=step)
        for more, failed in (notebooks.record(project, labs), _published(project)):
            changes, refused = [*changes, *more], [*refused, *failed]
    if as_json:
        _print_json({
            "ok": not refused,
            "changes": [{"path": project.relative(change.path), "diff": change.diff} for change in changes],
            "breaches": [dataclasses.asdict(breach) for breach in refused],
        })  # fmt: skip
        raise typer.Exit(1 if refused else 0)
    for change in changes:
        out.print(Text(project.relative(change.path), "bold"))
        for line in change.diff.splitlines():
            out.print(Text(f"  {line}", {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")))
    _report(refused)
    out.print(
        f"{len(changes)} file{_s(changes)} rewritten" + (f", {len(refused)} refused" if refused else "")
    )
    raise typer.Exit(1 if refused else 0)


def _labs(project: Project, names: list[str]) -> list[str]:
    """Notebooks among `names`."""
    known = [path.stem for path in notebooks.sources(project)]
    labs = [name.rpartition("/")[2].removesuffix(".py").replace("_", "-") for name in names if _is_lab(name)]
    for lab in labs:
        if lab not in known:
            near = difflib.get_close_matches(lab, known, 3, 0.4) or known
            hint = f"There is {', '.join(f'labs/{name}' for name in near)}." if near else ""
            _stop(f"there is no notebook labs/{lab}. {hint}")
    return labs


def _published(project: Project) -> tuple[list[verify.Change], list[Breach]]:
    """Record the reproduced numbers; an adapter that fails is a breach like any other."""
    try:
        return published.record(project), []
    except BreachError as error:
        return [], [error.breach]
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno or 1 for f in reversed(frames) if f.filename.endswith(published.ADAPTERS)), 1)
        message = f"an adapter failed: {type(error).__name__}: {error}."
        fix = "correct it, and look with `pytest tests/published`."
        return [], [Breach(published.ADAPTERS, line, "published", message, fix)]


def _is_lab(name: str) -> bool:
    return name.removeprefix("docs/").startswith("labs/")


@app.command(
    epilog='Examples:  `fieldguide new inference/my-page --title "My page"`  ·  '
    "`fieldguide new distributed/ray --snippet ray_train`"
)
def new(
    name: Annotated[str, typer.Argument(help="Area and slug: inference/my-page.")],
    title: Annotated[str, typer.Option(help="Title; by default that of the curriculum.")] = "",
    snippet: Annotated[str, typer.Option(help="Name of the snippet; by default that of the page.")] = "",
) -> None:
    """Begin a page: writes page, snippet and test from a template, and a line in the navigation."""
    project = _project()
    try:
        written = scaffold(project, name, title, snippet)
    except ScaffoldError as error:
        _stop(str(error))
    for path in written:
        out.print(Text.assemble(("✓ ", "green"), project.relative(path)))
    page = written[0].relative_to(project.docs).with_suffix("").as_posix()
    steps = {
        f"fieldguide run {page}": "see what its example prints",
        f"fieldguide record {page}": "write output and facts",
        f"fieldguide check {page}": "see what is still missing",
        "make serve": "look at it",
    }
    if project.docs / "curriculum.yml" in written:
        steps = {"edit docs/curriculum.yml": "say in `answers` what a reader can do afterwards", **steps}
    width = max(map(len, steps))
    out.print("\nNext:", *(f"  {step:{width}}  {why}" for step, why in steps.items()), sep="\n")


@app.command()
def serve(address: Annotated[str, typer.Option(help="Host and port.")] = "127.0.0.1:8000") -> None:
    """Serve the site, reloaded as you write."""
    raise typer.Exit(build.serve(address))


@app.command("build")
def build_site(to: Annotated[Path, typer.Option(help="Folder to write.")] = ROOT / "site") -> None:
    """Build the site, strictly."""
    done = build.build(to)
    sys.stderr.write(done.stderr)
    raise typer.Exit(done.returncode)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run every check: format, types, snippets, pages, the built site in a browser. Arguments go to pytest."""
    from fieldguide.commands import suite

    raise typer.Exit(suite.run(context.args))


@app.command()
def bench(
    to: Annotated[Path | None, typer.Option("--json", help="Also write the rows here.")] = None,
) -> None:
    """Measure builds, weights and calculators against their targets."""
    from fieldguide.commands import bench as measuring

    measuring.run(to)


@app.command("format")
def format_code() -> None:
    """Format and sort the Python code."""
    for arguments in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, check=True)


@app.command()
def lock() -> None:
    """Compile `requirements/*.in` into the locks."""
    environments.lock()


@app.command()
def rules() -> None:
    """Print every rule that a page must keep."""
    for rule in contract.RULES.values():
        out.print(Text.assemble((f"{rule.id:16s} ", "bold"), rule.says))


def _project() -> Project:
    """The checkout; a file of it that cannot be read ends the command with its line."""
    project = Project(ROOT)
    try:
        _ = project.trios
    except BreachError as error:
        _report([error.breach])
        raise typer.Exit(1) from None
    return project


def _find(project: Project, name: str) -> Trio:
    try:
        return project.trio(name)
    except KeyError as error:
        _stop(str(error.args[0]))


def _trios(project: Project, names: list[str] | None) -> list[Trio]:
    """Pages among `names`, each once; all that have a snippet if nothing is named."""
    if not names:
        return [trio for trio in project.trios if trio.snippets]
    found = {trio.name: trio for trio in (_find(project, name) for name in names if not _is_lab(name))}
    return list(found.values())


def _snippets(trio: Trio, name: str) -> list[Path]:
    """All snippets of a page, or the one that `name` means."""
    asked = name.removeprefix("snippets/").removesuffix(".py")
    one = [path for path in trio.snippets if f"{trio.page.folder}/{path.stem}" == asked]
    return one or list(trio.snippets)


def _report(breaches: list[Breach]) -> None:
    """Print breaches: where, what, and what to do."""
    for breach in breaches:
        message = Text(breach.message.rstrip())
        for mark, style in (("+", "green"), ("-", "red")):
            message.highlight_regex(rf"(?m)^ +\{mark} .*$", style)
        err.print(Text.assemble(("✗ ", "red"), (f"{breach.path}:{breach.line}", "bold"), " ", message))
        if breach.fix:
            err.print(Text(f"  To fix: {breach.fix} [{breach.rule}]", "dim"))


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[Run], None]]:
    """A bar on a terminal, nothing in a pipe; yields what to call with each finished run."""
    columns = (
        SpinnerColumn(),
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[name]}"),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=total, name="")
        yield lambda run: bar.update(task, advance=1, name=run.snippet.stem)


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


def _s(things: object) -> str:
    return "" if len(things) == 1 else "s"  # type: ignore[arg-type]


def _stop(message: str, code: int = 2) -> NoReturn:
    err.print(Text.assemble(("✗ ", "red"), message))
    raise typer.Exit(code)


def main() -> None:
    """Entry point of the `fieldguide` command."""
    app()
