"""What `fieldguide check` does: all that CI will say of some pages, side by side, and each cause once."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fieldguide.guide.project import Breach, Project, Trio
from fieldguide.proof import passed, record
from fieldguide.proof import rules as contract
from fieldguide.proof.testing import Proof, Pytest
from fieldguide.runner import Run

RECORD = "fieldguide record"


@dataclass
class Checked:
    """The result of a check."""

    trios: list[Trio]
    breaches: list[Breach] = field(default_factory=list)
    elsewhere: list[Breach] = field(default_factory=list)  # on pages that nobody asked for: told, not counted
    proof: Proof = field(default_factory=lambda: Proof([], {}, ""))
    runs: list[Run] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, project: Project, trio: Trio) -> list[Breach]:
        """The breaches of one page."""
        return [breach for breach in self.breaches if belongs(project, trio, breach)]

    def passed(self, project: Project, trio: Trio) -> int:
        """How many tests of one page passed."""
        files = {project.relative(path) for path in trio.tests}
        tests = self.proof.tests.items()
        return sum(test["outcome"] == "passed" and name.split("::")[0] in files for name, test in tests)


def check(project: Project, trios: Iterable[Trio], *, everything: bool = False, further_tests: Sequence[str] = (),
          done: record.OnDone | None = None) -> Checked:  # fmt: skip
    """Check pages, and remember those that passed.

    With `everything`, what is wrong elsewhere in the checkout counts as well. `further_tests` are arguments for
    pytest, such as files beside the tests of the pages. `done` is called with each run of a snippet as it ends.
    """
    began = time.monotonic()
    checked = Checked(list(trios))
    tests = [*(project.relative(path) for trio in checked.trios for path in trio.tests), *further_tests]
    files = [] if everything else [path for trio in checked.trios for path in python_files(project, trio)]
    with tempfile.TemporaryDirectory(prefix="fg-check-") as folder, ThreadPoolExecutor(1) as beside:
        arguments = ["-q", "--no-header", "--tb=short", "--color=no", *tests]
        pytest = Pytest(project.root, arguments, f"{folder}/report.json") if tests else None
        try:
            read = [beside.submit(tool, project, files) for tool in TOOLS if files or everything]
            found = contract.check(project)
            ran: list[Breach] = []
            if not any(breach.rule == "syntax" for breach in found):
                runs = record.run_trios(project, checked.trios, done=done)
                checked.runs = [run for each in runs.values() for run in each]
                ran = record.verify(project, checked.trios, runs)
            found += [breach for tool in read for breach in tool.result()]
            if pytest:
                checked.proof = pytest.finish()
                ran += checked.proof.breaches
        finally:
            if pytest:
                pytest.stop()
    _sort(project, checked, found, ran, everything)
    checked.seconds = time.monotonic() - began
    sound = [t for t in checked.trios if checked.passed(project, t) and not checked.of(project, t)]
    if sound:
        passed.mark_passed(project, sound)
    return checked


def _sort(project: Project, checked: Checked, read: list[Breach], ran: list[Breach], everything: bool) -> None:
    """Say each cause once, and apart what is wrong elsewhere."""
    failed = {project.relative(run.snippet) for run in checked.runs if run.error}
    read = [breach for breach in read if breach.rule != "recorded" or breach.path not in failed]
    for trio in checked.trios:
        follows = [b for b in (*read, *ran) if belongs(project, trio, b) and RECORD in b.fix]
        code = project.snippets / trio.page.folder
        if follows and not [*code.glob("*.out.txt"), *code.glob("*.svg")]:
            read, ran = ([b for b in found if b not in follows] for found in (read, ran))
            fix = f"{RECORD} {trio.name}"
            read.append(Breach(f"docs/{trio.name}.md", 1, "recorded", "nothing has been recorded.", fix, trio.name))
    own = [b for b in read if everything or any(belongs(project, trio, b) for trio in checked.trios)]
    checked.breaches = sorted({*own, *ran})
    checked.elsewhere = sorted(set(read) - set(own))


def belongs(project: Project, trio: Trio, breach: Breach) -> bool:
    """Whether a breach is the page's own: in its folders, in what it cites, or about its place in the site."""
    area, _, page = trio.page.folder.partition("/")
    if breach.path == "docs/references.bib":
        return any(f"`{key}`" in breach.message for key in re.findall(r"@([\w-]+)", trio.page.text))
    files = f"docs/{trio.name}.md", f"tests/{area}/test_{page}.py", f"tests/published/{trio.page.folder}.py"
    folders = f"snippets/{trio.page.folder}/", f"tests/{trio.page.folder}/"
    return breach.path in files or breach.path.startswith(folders) or breach.page == trio.name


def python_files(project: Project, trio: Trio) -> list[Path]:
    """The Python files of a page: its folder of code, its tests, and its published numbers."""
    adapters = project.tests / "published" / f"{trio.page.folder}.py"
    code = sorted((project.snippets / trio.page.folder).glob("*.py"))
    return [*code, *trio.tests, *([adapters] if adapters.is_file() else [])]


def _found(project: Project, *command: str) -> list[dict[str, Any]]:
    """What a tool prints, one JSON object a line."""
    ask = [sys.executable, "-m", *command]
    done = subprocess.run(ask, cwd=project.root, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _ruff(project: Project, files: Sequence[Path], *, rule: str, fix: str, command: Sequence[str]) -> list[Breach]:
    names = list(map(project.relative, files)) or ["."]
    breaches = []
    for each in _found(project, "ruff", *command, "--output-format=json-lines", *names):
        path, message = project.relative(Path(each["filename"])), f"{each['message'].rstrip('.')} ({each['code']})."
        breaches.append(Breach(path, each["location"]["row"], rule, message, fix))
    return breaches


formatted = partial(_ruff, rule="format", fix="make format", command=["format", "--check"])
linted = partial(_ruff, rule="lint", fix="make format mends most; correct the rest.", command=["check"])


def typed(project: Project, files: Sequence[Path]) -> list[Breach]:
    """What mypy finds in snippets; tests are not typed."""
    code = [project.relative(path) for path in files if path.is_relative_to(project.snippets)]
    if files and not code:
        return []
    found = _found(project, "mypy", "--output=json", "--no-error-summary", *code)
    return [Breach(each["file"], each["line"], "types", f"{each['message']} ({each['code']}).", each["hint"] or "")
            for each in found if each["severity"] == "error"]  # fmt: skip


TOOLS: tuple[Callable[[Project, Sequence[Path]], list[Breach]], ...] = (formatted, linted, typed)
