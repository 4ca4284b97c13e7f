"""The whole suite: format, types, then every test, and a closing table of where the time went.

With arguments for pytest, only those tests run and the run is not held against the list of pages. Without, the browser's tests run beside the
others, because both leave a core idle; Lighthouse measures time, so it comes last and alone.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fieldguide.guide.project import ROOT, Project
from fieldguide.proof import record
from fieldguide.proof.pytest_plugin import REPORT, read_report

STEPS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy", "--no-error-summary"],
}


BROWSER, SPEED = "tests/site", "tests/site/test_lighthouse.py"
RUNS = {
    "tests": ["--whole-suite", "--durations=8", f"--ignore={BROWSER}"],
    "browser": [BROWSER, "--durations=4", f"--ignore={SPEED}"],
    "lighthouse": [SPEED],
}


@dataclass
class Step:
    """One row of the closing table."""

    name: str
    ok: bool
    seconds: float
    said: str = ""
    """What is left to tell once all have ended."""


def run_pytest(
    root: Path, arguments: Sequence[str], report: str = REPORT, *, quiet: bool = False
) -> tuple[int, str]:
    """Run pytest and require proof that it ran: exit code 0 and a report that counts passed tests.

    Returns:
        The exit code, and a sentence when the code alone would have lied; if quiet, what pytest printed.
    """
    (root / report).unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", f"--report={report}", *arguments]
    done = subprocess.run(
        command, cwd=root, check=False, stdout=subprocess.PIPE if quiet else None, text=True
    )
    found, printed = read_report(root, report), done.stdout or ""
    if found is None:
        why = "pytest ended without a report: it was killed, or something called exit before the tests ran."
        return done.returncode or 1, printed + why
    if done.returncode == 0 and not found["passed"]:
        return 1, printed + "pytest exited with 0 and no test passed: nothing was proven."
    return done.returncode or int(found["exit"]), printed


def tests(name: str, arguments: Sequence[str], *, quiet: bool = False) -> Step:
    """One run of pytest."""
    began = time.monotonic()
    code, said = run_pytest(ROOT, arguments, f".cache/fieldguide/{name}.json", quiet=quiet)
    return Step(name, code == 0, time.monotonic() - began, said)


def tool(name: str, command: Sequence[str]) -> Step:
    """One of the cheap steps."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    hint = "\nTo fix: make format" if name == "format" else ""
    said = f"{done.stdout.strip()}\n{done.stderr.strip()}{hint}" if done.returncode else ""
    return Step(name, done.returncode == 0, time.monotonic() - began, said)


def whole() -> list[Step]:
    """Every step; none stops another."""
    with ThreadPoolExecutor(1) as beside:
        others = [beside.submit(tool, name, command) for name, command in STEPS.items()]
        others.append(beside.submit(tests, "browser", RUNS["browser"], quiet=True))
        steps = [tests("tests", RUNS["tests"])]
    return [
        *(other.result() for other in others),
        *steps,
        tests("lighthouse", RUNS["lighthouse"], quiet=True),
    ]


def run(arguments: Sequence[str]) -> int:
    """Run the steps, tell what is wrong at the end, where it is read, and return the exit code."""
    console = Console()
    steps = [tests("tests", arguments)] if arguments else whole()
    table = Table("step", "result", "seconds", box=None)
    for step in steps:
        table.add_row(step.name, "ok" if step.ok else "failed", f"{step.seconds:.1f}")
        if step.said:
            console.print(f"[bold]{step.name}[/bold]")
            console.print(step.said.strip(), markup=False, highlight=False)
    console.print(table)
    failed = not all(step.ok for step in steps)
    if not failed and not arguments:
        project = Project(ROOT)
        record.mark_passed(project, [trio.name for trio in project.trios if trio.snippets])
    return 1 if failed else 0
