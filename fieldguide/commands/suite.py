"""The whole suite, or one area of it, and a closing table of where the time went.

Two things run at a time: what a snippet computes, and beside it the browser's tests, then those of the machinery.
Lighthouse measures time, so it comes last and alone.
"""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fieldguide.commands import environments
from fieldguide.commands.console import checkout, columns, find_area, out, with_code
from fieldguide.commands.proving import check_area
from fieldguide.guide.project import ROOT
from fieldguide.proof.passed import mark_passed
from fieldguide.proof.testing import Pytest

STEPS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy", "--no-error-summary"],
}
BROWSER, SPEED, OUTPUTS = "tests/site", "tests/site/test_lighthouse.py", "tests/pages/test_outputs.py"
MACHINERY = [f"tests/{name}" for name in ("machinery", "pages", "sabotage", "labs", "published")]
OWN = {"machinery": "tests/machinery", "sabotage": "tests/sabotage"}
REST = [f"--ignore={folder}" for folder in (BROWSER, *OWN.values())]
TESTS = {"whole": ["--whole-suite", *REST], "machinery": [*MACHINERY, f"--ignore={OUTPUTS}"]}


@dataclass
class Step:
    """One row of the closing table."""

    name: str
    ok: bool
    seconds: float
    said: str = ""  # what is left to tell once all have ended
    tests: dict[str, dict[str, Any]] = field(default_factory=dict)


def tests(name: str, arguments: Sequence[str], *, quiet: bool = False) -> Step:
    """One run of pytest."""
    began = time.monotonic()
    proof = Pytest(ROOT, arguments, f".cache/fieldguide/{name}.json", quiet=quiet).finish()
    said = "\n".join([proof.printed if proof.breaches else "", *map(str, proof.breaches)])
    return Step(name, not proof.breaches, time.monotonic() - began, said, proof.tests)


def tool(name: str, command: Sequence[str]) -> Step:
    """One of the cheap steps."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    hint = "\nTo fix: make format" if name == "format" else ""
    said = f"{done.stdout.strip()}\n{done.stderr.strip()}{hint}" if done.returncode else ""
    return Step(name, done.returncode == 0, time.monotonic() - began, said)


def steps(part: str) -> list[Step]:
    """Every step of a part; none stops another."""
    with ThreadPoolExecutor(2) as lanes:
        ran = [lanes.submit(tests, "tests", TESTS[part])]
        ran += [lanes.submit(tool, name, command) for name, command in STEPS.items()]
        ran.append(lanes.submit(tests, "browser", [BROWSER, f"--ignore={SPEED}"], quiet=True))
        own = OWN if part == "whole" else {}
        ran += [lanes.submit(tests, name, [folder], quiet=True) for name, folder in own.items()]
    return [*(one.result() for one in ran), tests("lighthouse", [SPEED], quiet=True)]


def run(area: str = "") -> int:
    """Run the suite or an area of it, tell what is wrong at the end, where it is read; the exit code."""
    environments.ensure("test", tools=area in ("", "machinery"))
    project = checkout()
    if area not in ("", "machinery"):
        checked = check_area(find_area(project, area))
        ran = [(project.owner(run.snippet), run.seconds) for run in checked.runs]
        spent(checked.proof.tests, [(page.area if page else "shared", seconds) for page, seconds in ran])
        return 1 if checked.breaches else 0
    if not area:
        environments.ensure_declared(project.snippet_files)
    ended = steps(area or "whole")
    for step in ended:
        if step.said.strip():
            out.print(step.name, style="bold")
            out.print(step.said.strip(), markup=False)
    spent({name: test for step in ended for name, test in step.tests.items()}, [])
    rows = [[step.name, "ok" if step.ok else "failed", f"{step.seconds:.1f}"] for step in ended]
    columns([["step", "result", "seconds"], *rows])
    failed = not all(step.ok for step in ended)
    if not failed and not area:
        mark_passed(project, with_code(project))
    return 1 if failed else 0


def spent(tests: dict[str, dict[str, Any]], runs: Iterable[tuple[str, float]]) -> None:
    """Print seconds by area, which add up what ran side by side, and the ten dearest tests."""
    seconds: Counter[str] = Counter()
    for area, each in [*((test["area"], test["seconds"]) for test in tests.values()), *runs]:
        seconds[area] += each
    dearest = sorted(tests, key=lambda name: -tests[name]["seconds"])[:10]
    out.print()
    columns([["area", "seconds"], *([area, f"{each:.1f}"] for area, each in seconds.most_common())])
    out.print()
    columns([["dearest tests", "seconds"], *([name, f"{tests[name]['seconds']:.1f}"] for name in dearest)])
    out.print()
