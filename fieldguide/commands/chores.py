"""Commands on the whole guide: serve, build, test, bench, format, lock."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from fieldguide.commands import environments
from fieldguide.commands.console import app, examples
from fieldguide.guide.project import ROOT


@app.command()
def serve(address: Annotated[str, typer.Option(help="Host and port.")] = "127.0.0.1:8000") -> None:
    """Serve the site, reloaded as you write."""
    from fieldguide.site import build

    environments.ensure("site")
    raise typer.Exit(build.serve(address))


@app.command("build")
def build_site(to: Annotated[Path, typer.Option(help="Folder to write.")] = ROOT / "site") -> None:
    """Build the site, strictly."""
    from fieldguide.site import build

    environments.ensure("site")
    done = build.build(to)
    sys.stderr.write(done.stderr)
    raise typer.Exit(done.returncode)


AREA = "Only this area and what it imports; `machinery` is all that belongs to no area."


@examples("test", "test --area rl", "test --area machinery")
def test(area: Annotated[str, typer.Option(help=AREA)] = "") -> None:
    """Run every check: format, types, snippets, pages, the built site in a browser."""
    from fieldguide.commands import suite

    raise typer.Exit(suite.run(area))


@app.command()
def bench(to: Annotated[Path | None, typer.Option("--json", help="Also write the rows here.")] = None) -> None:
    """Measure builds, weights and calculators against their targets."""
    from fieldguide.commands import bench as measuring

    environments.ensure("test")
    measuring.run(to)


@app.command("format")
def format_code() -> None:
    """Format and sort the Python code."""
    ruff = [sys.executable, "-m", "ruff"]
    commands = [[*ruff, "check", "--fix", "--quiet", "."], [*ruff, "format", "--quiet", "."]]
    raise typer.Exit(max([subprocess.run(command, cwd=ROOT, check=False).returncode for command in commands]))


@app.command()
def lock() -> None:
    """Compile `requirements/*.in` into the locks."""
    environments.lock()
