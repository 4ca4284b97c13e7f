"""`pytest tests/published --cases FILE`: hold our functions against any file of published numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from fieldguide.guide.project import ROOT, BreachError, Project
from fieldguide.proof import published

CASES = pytest.StashKey[list[published.Case]]()
FAMILIES = pytest.StashKey[dict[str, published.Adapter]]()
COUNTS: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", metavar="FILE", help=f"published numbers to reproduce (default: {published.CASES})")


def pytest_configure(config: pytest.Config) -> None:
    # the option is missing where this file is read late, in a run of the whole suite
    named = config.getoption("cases", None)
    try:
        config.stash[CASES] = (
            list(published.read({named: config.invocation_params.dir / named}))
            if named
            else published.own(Project(ROOT))
        )
    except BreachError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[FAMILIES] = published.adapters(Project(ROOT))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case whose family has an adapter; one that fails if there is none."""
    if "case" in metafunc.fixturenames:
        stash = metafunc.config.stash
        cases: list[Any] = [case for case in stash[CASES] if case.family in stash[FAMILIES]]
        metafunc.parametrize("case", cases or [None], ids=lambda case: case.id if case else "none")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and "::test_reproduces[" in report.nodeid:
        COUNTS[report.outcome] += 1


@pytest.fixture(scope="session")
def families(request: pytest.FixtureRequest) -> dict[str, published.Adapter]:
    """An adapter for each family that our pages cover."""
    return request.config.stash[FAMILIES]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    waiting = Counter(case.family for case in config.stash[CASES] if case.family not in config.stash[FAMILIES])
    terminalreporter.write_line(
        f"published numbers: {COUNTS['passed']} reproduced, {COUNTS['failed']} not reproduced, "
        f"{waiting.total()} in {len(waiting)} families have no adapter yet"
    )
    if waiting and config.option.verbose > 0:
        terminalreporter.write_line(
            "no adapter yet: " + ", ".join(f"{name} ({n})" for name, n in sorted(waiting.items()))
        )
