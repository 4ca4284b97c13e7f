"""What `fieldguide check` does: contract, outputs, facts, notebooks and tests of some pages, side by side."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fieldguide.guide.outputs import output_file
from fieldguide.guide.project import Breach, Project, Trio
from fieldguide.proof import record as verify
from fieldguide.proof import rules as contract
from fieldguide.runner import Run


@dataclass
class Checked:
    """The result of a check."""

    trios: list[Trio]
    breaches: list[Breach] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    """Passed tests of each page."""
    pytest_output: str = ""
    """What pytest printed, if it failed."""
    seconds: float = 0.0

    def of(self, project: Project, trio: Trio) -> list[Breach]:
        """The breaches in the files of one page."""
        files = {trio.page.path, *trio.snippets, *trio.tests, *map(output_file, trio.snippets)}
        names = {project.relative(path) for path in files}
        return [breach for breach in self.breaches if breach.path in names]


def check(
    project: Project,
    trios: Iterable[Trio],
    *,
    whole_contract: bool = False,
    further_tests: Sequence[Path] = (),
    done: Callable[[Run], None] | None = None,
) -> Checked:
    """Check pages, and remember those that passed.

    Args:
        project: The checkout.
        trios: Which pages.
        whole_contract: Hold the contract against every page, not only these.
        further_tests: Test files to run beside those of the pages.
        done: Called with each run of a snippet as it ends.
    """
    began = time.monotonic()
    checked = Checked(list(trios))
    with tempfile.TemporaryDirectory(prefix="fg-check-") as folder:
        tests = _Tests(
            project, [*(t for trio in checked.trios for t in trio.tests), *further_tests], Path(folder)
        )
        try:
            if whole_contract:
                found = contract.check(project)
            else:
                found = [b for trio in checked.trios for b in contract.check_page(project, trio.page)]
            if not any(breach.rule == "syntax" for breach in found):
                runs = verify.run_trios(project, checked.trios, done=done)
                known = {(breach.path, breach.line, breach.rule) for breach in found}
                more = verify.verify(project, checked.trios, runs)
                found += [b for b in more if (b.path, b.line, b.rule) not in known]
            found += tests.finish(checked)
        finally:
            tests.stop()
    checked.breaches = sorted(set(found))
    checked.seconds = time.monotonic() - began
    sound = [t.name for t in checked.trios if checked.passed.get(t.name) and not checked.of(project, t)]
    if sound and not checked.pytest_output:
        verify.mark_passed(project, sound)
    return checked


class _Tests:
    """A pytest that runs beside everything else, and must prove that it ran."""

    def __init__(self, project: Project, files: list[Path], folder: Path) -> None:
        self.project = project
        self.report = folder / "report.xml"
        self.output = folder / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None
        if files:
            names = [project.relative(path) for path in files]
            command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=short", "--color=no"]
            with self.output.open("wb") as file:
                self.process = _start([*command, f"--junitxml={self.report}", *names], project.root, file)

    def finish(self, checked: Checked) -> list[Breach]:
        """Wait for the end; count what passed for each page; turn failures into breaches."""
        if self.process is None:
            return []
        code = self.process.wait()
        cases = list(ElementTree.parse(self.report).iter("testcase")) if self.report.is_file() else []
        modules = {self._module(test): (trio, test) for trio in checked.trios for test in trio.tests}
        breaches = []
        for case in cases:
            name = case.get("classname") or case.get("name") or ""
            trio, test = next((v for m, v in modules.items() if f"{name}.".startswith(f"{m}.")), (None, None))
            problem = next((node for node in case if node.tag in ("failure", "error")), None)
            if problem is not None:
                where = self.project.relative(test) if test else name.replace(".", "/") + ".py"
                breaches.append(_failed(case, problem, where))
            elif trio and case.find("skipped") is None:
                checked.passed[trio.name] = checked.passed.get(trio.name, 0) + 1
        if code or not cases:
            checked.pytest_output = self.output.read_text(encoding="utf-8", errors="replace")
        if code and not breaches:
            last = (checked.pytest_output.strip().splitlines() or ["it printed nothing"])[-1]
            message = f"pytest ended with code {code}: {last}."
            breaches.append(Breach("tests", 1, "test", message, "read its output."))
        elif not code and not cases:
            message = "pytest ended with code 0, but no test ran: nothing was proven."
            breaches.append(Breach("tests", 1, "test", message, "see what ends it early."))
        return breaches

    def _module(self, test: Path) -> str:
        return ".".join(test.relative_to(self.project.root).with_suffix("").parts)

    def stop(self) -> None:
        """End pytest if it still runs: something else went wrong."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def _start(command: list[str], root: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    )


def _failed(case: ElementTree.Element, problem: ElementTree.Element, where: str) -> Breach:
    text = problem.text or ""
    lines = re.findall(rf"^{re.escape(where)}:(\d+)", text, re.M)
    reason = " ".join((problem.get("message") or "it failed").split("\n")[0].split())
    message = f"`{case.get('name')}` failed: {reason[:200]}."
    return Breach(where, int(lines[-1]) if lines else 1, "test", message, "the output of pytest says more.")
