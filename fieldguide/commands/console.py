"""What the commands share: the program, what they print, and how they find what they are asked for."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from fieldguide.guide.names import near
from fieldguide.guide.project import ROOT, Breach, BreachError, Project, Trio
from fieldguide.runner import Run

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown",
                  pretty_exceptions_enable=False)  # fmt: skip
out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)

Command = TypeVar("Command", bound=Callable[..., Any])
ALL = "Pages, such as inference/kv-cache; all if none is named."
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=ALL)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@app.callback()
def about() -> None:
    """Run, verify and extend the ML Systems Engineering Field Guide.

    A page, its snippets and its tests share one name, such as `inference/kv-cache`.
    """
    here = next((f for f in (Path.cwd(), *Path.cwd().parents) if (f / "docs/curriculum.yml").is_file()), ROOT)
    if here != ROOT:
        what = f"this command belongs to the checkout {ROOT}, and you are in {here}: nothing was done."
        stop(f"{what} Use the command of this one: python3 -m fieldguide, in {here}")


def examples(*calls: str, name: str | None = None) -> Callable[[Command], Command]:
    """A command whose help ends with calls of it."""
    return app.command(name, epilog="Examples:  " + "  ·  ".join(f"`fieldguide {call}`" for call in calls))


def columns(rows: Sequence[Sequence[str | Text]]) -> None:
    """Print rows in columns, one line each, whatever the width: a name that is cut is no name."""
    lines = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        for cell, width in zip(line, widths):
            cell.pad_right(width - cell.cell_len)
        joined = Text("  ").join(line)
        joined.rstrip()
        out.print(joined)


def report(breaches: Sequence[Breach]) -> None:
    """Print breaches: where, what, and what to do."""
    for breach in breaches:
        message = Text(breach.message.rstrip())
        for mark, style in (("+", "green"), ("-", "red")):
            message.highlight_regex(rf"(?m)^ +\{mark} .*$", style)
        err.print(Text.assemble(("✗ ", "red"), (f"{breach.path}:{breach.line}", "bold"), " ", message))
        if breach.fix:
            err.print(Text(f"  To fix: {breach.fix} [{breach.rule}]", "dim"))


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[Run], None]]:
    """A bar on a terminal, nothing in a pipe; yields what to call with each finished run."""
    told = (SpinnerColumn(), TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[name]}"))
    with Progress(*told, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=total, name="")
        yield lambda run: bar.update(task, advance=1, name=run.snippet.stem)


def print_json(value: object) -> None:
    """Print a value for machines."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def stop(message: str, code: int = 2) -> NoReturn:
    """End the command; 2 says that it was called with something that does not exist."""
    err.print(Text.assemble(("✗ ", "red"), message))
    raise typer.Exit(code)


def several(count: int, thing: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def checkout() -> Project:
    """The checkout; a file of it that cannot be read ends the command with its line."""
    project = Project(ROOT)
    try:
        _ = project.trios
    except BreachError as error:
        report([error.breach])
        raise typer.Exit(1) from None
    return project


def find(project: Project, name: str) -> Trio:
    """The page called `name`."""
    try:
        return project.trio(name)
    except KeyError as error:
        stop(str(error.args[0]))


def find_area(project: Project, name: str) -> str:
    """The area called `name`; underscores are forgiven."""
    area = name.strip("/").replace("_", "-")
    if area not in project.area_slugs:
        stop(f"there is no area {name!r}. {near(area, project.area_slugs)}")
    return area


def with_code(project: Project) -> list[Trio]:
    """Every page that has a snippet."""
    return [trio for trio in project.trios if trio.snippets]
