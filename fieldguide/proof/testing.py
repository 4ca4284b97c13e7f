"""Runs pytest, and requires proof that it ran: exit code 0 without its report is a failure."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.guide.project import Breach

REPORT = ".cache/fieldguide/report.json"
PLUGIN = ["-p", "fieldguide.proof.pytest_plugin", "-o", "enable_assertion_pass_hook=true"]


@dataclass
class Proof:
    """What a run of pytest proved."""

    breaches: list[Breach]  # empty if all tests passed, at least one ran, and nothing was lost
    tests: dict[str, dict[str, Any]]  # outcome and seconds of each by its name, `tests/rl/test_ppo.py::test_clip`
    printed: str  # what pytest printed, if nobody was to see it


class Pytest:
    """A pytest that runs beside everything else; with a limit in seconds, it and all that it started end by then."""

    def __init__(self, root: Path, arguments: Sequence[str], report: str = REPORT, *,
                 quiet: bool = True, limit: float = 0) -> None:  # fmt: skip
        self.report, self.limit = root / report, limit
        self.report.unlink(missing_ok=True)
        self.output = tempfile.TemporaryFile() if quiet else None  # noqa: SIM115 (closed by `finish`)
        command = [sys.executable, "-m", "pytest", *PLUGIN, f"--rootdir={root}", f"--report={report}"]
        # containers often forbid bytecode, and to rewrite hypothesis anew takes longer than most tests
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self.process = subprocess.Popen(
            [*command, *arguments], cwd=root, env=environ, stdin=subprocess.DEVNULL,
            stdout=self.output, stderr=subprocess.STDOUT if quiet else None, start_new_session=bool(limit),
        )  # fmt: skip

    def finish(self) -> Proof:
        """Wait for the end, and turn what failed into breaches."""
        try:
            code = self.process.wait(self.limit or None)
        except subprocess.TimeoutExpired:
            why = f"the tests did not end within {self.limit:g} s: something waits, or never stops."
            return Proof([_breach("tests", 1, why, "see what waits for what.")], {}, "")
        finally:
            self.stop()
        found = json.loads(self.report.read_text(encoding="utf-8")) if self.report.is_file() else None
        printed = ""
        if self.output:
            self.output.seek(0)
            printed = self.output.read().decode("utf-8", errors="replace")
            self.output.close()
        if found is None:
            why = "pytest ended without a report: it was killed, or something called exit before the tests ran."
            return Proof([_breach("tests", 1, why, "see what ends it early.")], {}, printed)
        breaches = [_failed(name, test) for name, test in found["tests"].items() if test["outcome"] == "failed"]
        breaches += [_breach(**problem) for problem in found["problems"]]
        if not breaches and (code or found["exit"]):
            last = (printed.strip().splitlines() or ["it printed nothing"])[-1]
            breaches = [_breach("tests", 1, f"pytest ended with code {code}: {last}.", "read its output.")]
        elif not breaches and not any(test["outcome"] == "passed" for test in found["tests"].values()):
            breaches = [_breach("tests", 1, "no test passed: nothing was proven.", "see what pytest selected.")]
        return Proof(breaches, found["tests"], printed)

    def stop(self) -> None:
        """End pytest if it still runs, because something else went wrong; with a limit, also what it has left."""
        if self.limit or self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL) if self.limit else self.process.terminate()
            self.process.wait()


def _breach(path: str, line: int, message: str, fix: str) -> Breach:
    return Breach(path, line, "test", message, fix)


def _failed(name: str, test: dict[str, Any]) -> Breach:
    file, _, function = name.partition("::")
    message = f"`{function or file}` failed: {' '.join(test['message'].split())[:200].rstrip('.!')}."
    return _breach(file, test["line"], message, "the output of pytest says more.")
