"""What the test suite must prove beyond green: assertions ran, skips are paid for, nothing was lost.

Loaded by every run of pytest in this project. It counts executed assertions for each
test file, applies the ledger `tests/skips.toml`, and writes a report that
`fieldguide.commands.suite` reads: exit code 0 without that report is a failure.
"""

from __future__ import annotations

import ast
import inspect
import json
import tomllib
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fieldguide.guide.project import Project

REPORT = ".cache/fieldguide/report.json"
CHECKS = ("assert_", "raises", "fail_", "check_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--whole-suite`: also hold the run against the list of pages; `--report`: where the report goes."""
    parser.addoption(
        "--whole-suite", action="store_true", help="fail if a page contributed no executed assertion"
    )
    parser.addoption("--report", default=REPORT, help="where the report goes, below the root")


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.pluginmanager.register(Ledger(config), "fieldguide-ledger")


class Ledger:
    """Counts assertions, outcomes and ledgered skips of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.root = config.rootpath
        self.assertions: Counter[str] = Counter()
        self.outcomes: dict[str, Counter[str]] = {}
        self.problems: list[str] = []
        self.active: pytest.Item | None = None

    def _file(self, item: pytest.Item) -> str:
        return (
            item.path.relative_to(self.root).as_posix()
            if item.path.is_relative_to(self.root)
            else str(item.path)
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Turn every ledger entry into a strict expected failure: one that starts to pass fails."""
        path = self.root / "tests/skips.toml"
        if not path.is_file():
            return
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("skip", []):
            for item in items:
                if item.nodeid == entry["test"] or item.nodeid.split("[")[0] == entry["test"]:
                    reason = f"{entry['reason']} ({entry['issue']}, until {entry['expires']})"
                    item.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Remember which test is running."""
        self.active = item
        try:
            return (yield)
        finally:
            self.active = None

    def pytest_assertion_pass(self, item: pytest.Item) -> None:
        """Count one `assert` that held."""
        self.assertions[self._file(item)] += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count outcomes; a passed test that calls a checker such as `assert_close` asserted something."""
        file = report.nodeid.split("::")[0]
        if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
            kind = "xfailed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
            self.outcomes.setdefault(file, Counter())[kind] += 1
            if kind == "passed" and self.active is not None and _calls_a_checker(self.active):
                self.assertions[file] += 1
            if kind == "skipped":
                self.problems.append(f"{report.nodeid} was skipped without an entry in tests/skips.toml")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hold the run against the pages, then write the report."""
        if self.config.option.whole_suite:
            self._hold_against_pages()
        if self.problems and exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        report = {
            "exit": int(session.exitstatus),
            "passed": sum(c["passed"] for c in self.outcomes.values()),
            "files": {f: {**c, "assertions": self.assertions[f]} for f, c in sorted(self.outcomes.items())},
            "problems": self.problems,
        }
        path = self.root / self.config.option.report
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1))

    def _hold_against_pages(self) -> None:
        project = Project(self.root)
        for trio in project.trios:
            if trio.snippets and not any(self.assertions[project.relative(t)] for t in trio.tests):
                self.problems.append(f"docs/{trio.name}.md: no executed assertion in the tests of this page")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was wrong beyond failed tests."""
        for problem in self.problems:
            terminalreporter.write_line(f"✗ {problem}", red=True)


def _calls_a_checker(item: pytest.Item) -> bool:
    """Whether the test's own source calls something like `torch.testing.assert_close` or `pytest.raises`."""
    function = getattr(item, "function", None)
    if function is None:
        return False
    try:
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(inspect.unwrap(function))))
    except (OSError, SyntaxError):
        return False
    names = (n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "")
             for n in ast.walk(tree) if isinstance(n, ast.Call))  # fmt: skip
    return any(name.startswith(CHECKS) for name in names)


def read_report(root: Path, name: str = REPORT) -> dict[str, Any] | None:
    """The report of the last finished run, or None if it wrote none."""
    path = root / name
    return json.loads(path.read_text()) if path.is_file() else None
