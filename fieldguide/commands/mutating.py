"""The command that asks whether the tests of a page would see a mistake."""

import random
import signal
import sys
import time
from typing import Annotated

import typer
from rich.text import Text

from fieldguide.commands import console, environments
from fieldguide.commands.console import Names, examples
from fieldguide.proof import mutants

ALLOWED = 1
"""Survivors of a page."""
MINUTES = "After so many minutes, begin no further mutant."


@examples("mutate inference/kv-cache", "mutate inference/kv-cache --n 3 --seed 7", "mutate --minutes 300")
def mutate(
    names: Names = None,
    number: Annotated[int, typer.Option("--n", help="Mutants of each page.")] = 12,
    seed: Annotated[int, typer.Option(help="Another seed draws others.")] = 1,
    minutes: Annotated[float, typer.Option(help=MINUTES)] = float("inf"),
) -> None:
    """Break a page's code in small ways, in copies, and list what no test and no published number sees."""
    project, until = console.checkout(), time.monotonic() + 60 * minutes
    trios = [console.find(project, name) for name in names or []] or console.with_code(project)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended as well
    environments.ensure_declared([path for trio in trios for path in trio.snippets])
    wrong = 0
    for trio in trios if names else random.Random(seed).sample(trios, len(trios)):
        chosen, stale = mutants.choose(project, trio, number, seed)
        survivors = tried = 0
        console.report(stale)
        try:
            for mutant, seen, seconds in (
                mutants.judge(project, trio, chosen) if chosen and time.monotonic() < until else ()
            ):
                survivors, tried = survivors + (not seen), tried + 1
                path, code, change = mutant.name.split(" :: ")
                mark = Text("✓ killed  ", "green") if seen else Text("✗ survived", "red")
                console.out.print(Text.assemble(mark, f" {path}:{mutant.line}  {change}  ({seconds:.0f} s)"))
                console.out.print(Text(f"    {seen or code}", "dim"))
                console.out.file.flush()
                if time.monotonic() > until:
                    break
        except RuntimeError as error:
            console.err.print(Text.assemble(("✗ ", "red"), str(error)))
            wrong += 1
        wrong += survivors > ALLOWED or bool(stale)
        rest = f", {len(chosen) - tried} not tried" if tried < len(chosen) else ""
        console.out.print(
            f"{trio.name}, seed {seed}: {tried - survivors} of {tried} killed, {survivors} survived{rest}"
        )
    raise typer.Exit(1 if wrong else 0)
