"""The whole suite: format, types, then every test, and a closing table of where the time went.

`python -m fieldguide.suite [PYTEST ARGUMENTS]`. With arguments, only those tests run and
the run is not held against the list of pages.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fieldguide import verify
from fieldguide.project import ROOT, Project
from fieldguide.pytest_plugin import REPORT, read_report

STEPS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy", "--no-error-summary"],
}


def run_pytest(root: Path, arguments: Sequence[str]) -> tuple[int, str]:
    """Run pytest and require proof that it ran: exit code 0 and a report that counts passed tests.

    Returns:
        The exit code, and a sentence when the code alone would have lied.
    """
    (root / REPORT).unlink(missing_ok=True)
    code = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=root, check=False).returncode
    report = read_report(root)
    if report is None:
        return (
            code or 1,
            "pytest ended without a report: it was killed, or something called exit before the tests ran.",
        )
    if code == 0 and not report["passed"]:
        return 1, "pytest exited with 0 and no test passed: nothing was proven."
    return code or int(report["exit"]), ""


def main() -> None:
    """Run the steps in order; the first three are cheap and do not stop the rest."""
    console = Console()
    arguments = sys.argv[1:]
    table = Table("step", "result", "seconds", box=None)
    failed = False
    for name, command in STEPS.items() if not arguments else ():
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        failed |= done.returncode != 0
        if done.returncode:
            console.print(f"[red]{name}[/red]", done.stdout.strip(), done.stderr.strip(), sep="\n")
            if name == "format":
                console.print("To fix: make format")
        table.add_row(name, "failed" if done.returncode else "ok", f"{time.monotonic() - began:.1f}")
    began = time.monotonic()
    code, why = run_pytest(ROOT, arguments or ["--whole-suite", "--durations=8"])
    failed |= code != 0
    table.add_row("tests", "failed" if code else "ok", f"{time.monotonic() - began:.1f}")
    console.print(table)
    if why:
        console.print(f"[red]✗ {why}[/red]")
    if not failed and not arguments:
        project = Project(ROOT)
        verify.mark_passed(project, [trio.name for trio in project.trios if trio.snippets])
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
