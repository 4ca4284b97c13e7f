"""What a run of pytest must prove beyond green: assertions ran, skips are paid for, nothing was lost.

Loaded by every run of pytest in this project. It notes for each test whether an assertion of its own was
executed, applies the ledger `tests/skips.toml`, and writes the report that `fieldguide.proof.testing` reads.
"""

import ast
import importlib
import json
import sys
import tomllib
from collections.abc import Generator
from functools import cache, wraps
from pathlib import Path
from typing import Any

import pytest

from fieldguide.guide.project import Project
from fieldguide.proof.testing import REPORT

Reports = Generator[None, pytest.TestReport, pytest.TestReport]
CAP = 0.2
"""The widest tolerance, as a share of what is expected, with which a test of a page still proves something."""
OUR_OWN = {"labs": "labs", "published": "published", "site": "site"}
OUR_OWN |= dict.fromkeys(("machinery", "pages", "sabotage"), "machinery")
"""Folders of tests that belong to no area, and under which name their seconds are counted."""


def area_of(test: str) -> str:
    """The area of a test, `tests/post_training/test_lora.py::test_a`, or what else it is about."""
    folder = test.split("/")[1] if test.count("/") > 1 else ""
    return OUR_OWN.get(folder, folder.replace("_", "-"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--whole-suite`: also hold the run against the list of pages; `--report`: where the report goes."""
    parser.addoption("--whole-suite", action="store_true", help="fail if a page contributed no assertion")
    parser.addoption("--report", default=REPORT, help="where the report goes, below the root")


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.pluginmanager.register(Ledger(config), "fieldguide-ledger")


class Ledger:
    """Outcome, seconds and assertions of each test of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.root = config.rootpath
        self.tests: dict[str, dict[str, Any]] = {}
        self.ran: dict[Path, set[int]] = {}
        self.running: pytest.Item | None = None
        pytest.approx = self._counted(pytest.approx, proves=False)
        pytest.raises = self._counted(pytest.raises)
        self.problems: list[dict[str, Any]] = []

    def _test(self, name: str) -> dict[str, Any]:
        new = {"area": area_of(name), "outcome": "", "seconds": 0.0, "asserted": False, "line": 1, "message": ""}
        return self.tests.setdefault(name, new)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Turn every ledger entry into a strict expected failure: one that starts to pass fails."""
        path = self.root / "tests/skips.toml"
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("skip", []) if path.is_file() else []
        for entry in entries:
            for item in items:
                if entry["test"] in (item.nodeid, item.nodeid.split("[")[0]):
                    reason = f"{entry['reason']} ({entry['issue']}, until {entry['expires']})"
                    item.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected has failed."""
        if report.failed:
            reason = str(report.longrepr).strip().splitlines()[-1].removeprefix("E").strip()
            self._test(report.nodeid).update(outcome="failed", message=reason)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count what checks arrays as well, under every name by which tests call it."""
        for name in ("torch.testing", "numpy.testing", "pandas.testing"):
            if name.partition(".")[0] in sys.modules:
                module = importlib.import_module(name)
                for check in [key for key in vars(module) if key.startswith("assert_")]:
                    old = getattr(module, check)
                    new = self._counted(old)
                    for each in {module, *(getattr(item, "module", module) for item in session.items)}:
                        for known in [key for key, value in vars(each).items() if value is old]:
                            setattr(each, known, new)

    def _counted(self, check: Any, proves: bool = True) -> Any:
        """`check`, which notes that the running test called it, and with which tolerance."""

        @wraps(check)
        def counted(*args: Any, **kwargs: Any) -> Any:
            test = self._test(self.running.nodeid) if self.running else {}
            test["asserted"] = test.get("asserted") or proves
            size = abs(args[0]) if args and isinstance(args[0], int | float) else 0
            wide = [kwargs.get(key) or 0 for key in ("rel", "rtol")]
            wide += [kwargs["abs"] / size] if size and (kwargs.get("abs") or 0) > 0.1 else []
            if max(wide) > CAP and test.get("area") not in OUR_OWN.values():
                test["wide"] = max(wide)
            return check(*args, **kwargs)

        return counted

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Know which test runs."""
        self.running = item
        try:
            return (yield)
        finally:
            self.running = None

    def pytest_assertion_pass(self, item: pytest.Item, lineno: int, orig: str) -> None:
        """Note an `assert` that held, if it is written in the tests of the page: a library has its own."""
        folder = item.path.parent
        for path in folder.glob("*.py") if folder.parent.parent.name == "tests" else [item.path]:
            if orig.split("\n")[0] in _asserts(path).get(lineno, ""):
                self._test(item.nodeid)["asserted"] = True
                self.ran.setdefault(path, set()).add(lineno)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Reports:
        """Note the outcome, and where in its file a test failed."""
        report = yield
        test = self._test(item.nodeid)
        test["seconds"] += report.duration
        test |= {key: value for key, value in report.user_properties if key in ("area", "seconds")}
        if report.when == "call" or report.outcome != "passed":
            outcome = "xfailed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
            test["outcome"] = "failed" if "failed" in (test["outcome"], outcome) else outcome
            test["line"] = (item.location[1] or 0) + 1
            if outcome == "skipped":
                message = f"`{item.name}` was skipped without an entry in tests/skips.toml."
                self._problem(item.nodeid.split("::")[0], test["line"], message, "add one, or repair it.")
            if report.failed:
                here = [e.lineno + 1 for e in call.excinfo.traceback if e.path == item.path] if call.excinfo else []
                test["line"] = here[-1] if here else test["line"]
                reason = call.excinfo.exconly() if call.excinfo else str(report.longrepr)
                first, *more = reason.removeprefix("AssertionError: ").strip().split("\n")
                test["message"] = f"{first} {more[-1]}" if more and first.endswith(":") else first  # of another process
        return report

    def _problem(self, path: str, line: int, message: str, fix: str) -> None:
        self.problems.append({"path": path, "line": line, "message": message, "fix": fix})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hold the run against what it must prove, then write the report."""
        self._hold_against_functions()
        if self.config.option.whole_suite:
            self._hold_against_pages()
        if self.problems and exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        path = self.root / self.config.option.report
        path.parent.mkdir(parents=True, exist_ok=True)
        report = {"exit": int(session.exitstatus), "tests": self.tests, "problems": self.problems}
        path.write_text(json.dumps(report, indent=1), encoding="utf-8")

    def _hold_against_functions(self) -> None:
        """Every test of a page executed an assertion of its own, and each that its function holds ran at least once."""
        for name, test in self.tests.items():
            file, _, function = name.partition("::")
            if test["outcome"] == "passed" and test["area"] not in OUR_OWN.values():
                if not test["asserted"]:
                    message = f"`{function}` asserts nothing: it would pass whatever the code does."
                    fix = "compare what it computes with an implementation that nobody here wrote."
                    self._problem(file, test["line"], message, fix)
                if "wide" in test:
                    message = f"`{function}` allows an error of {test['wide']:.0%}; {CAP:.0%} are allowed."
                    self._problem(file, test["line"], message, "compute it better, or compare something sharper.")
        if not self.config.option.keyword and not any("[" in name for name in self.config.args):
            self._hold_against_assertions()

    def _hold_against_assertions(self) -> None:
        failed = {name.split("[")[0] for name, test in self.tests.items() if test["outcome"] != "passed"}
        for function, path in {name.split("[")[0]: self.root / name.split("::")[0] for name in self.tests}.items():
            if function not in failed and area_of(function) not in OUR_OWN.values() and path.is_file():
                file, name = function.split("::")[0], function.split("::")[-1]
                functions = [n for n in ast.walk(ast.parse(path.read_bytes())) if isinstance(n, ast.FunctionDef)]
                for node in (n for n in functions if n.name == name):
                    lines = (n.lineno for n in ast.walk(node) if isinstance(n, ast.Assert))
                    for line in [line for line in lines if line not in self.ran.get(path, ())][:1]:
                        message = f"this assertion of `{name}` never ran: a loop was empty, or a test ended early."
                        self._problem(file, line, message, "make it run, or delete it.")

    def _hold_against_pages(self) -> None:
        """Every page with code executed an assertion."""
        project = Project(self.root)
        proven = {name.split("::")[0] for name, test in self.tests.items() if test["asserted"]}
        for trio in project.trios:
            if trio.snippets and not proven & {project.relative(path) for path in trio.tests}:
                message = "no assertion was executed in the tests of this page."
                self._problem(f"docs/{trio.name}.md", 1, message, "write its tests.")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was wrong beyond failed tests."""
        for problem in self.problems:
            line = "✗ {path}:{line}: {message} To fix: {fix}".format(**problem)
            terminalreporter.write_line(line, red=True)


@cache
def _asserts(path: Path) -> dict[int, str]:
    """Line and first words of each assertion that a file of tests holds."""
    source = path.read_text(encoding="utf-8")
    lines = source.split("\n")
    return {node.lineno: lines[node.lineno - 1] for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)}
