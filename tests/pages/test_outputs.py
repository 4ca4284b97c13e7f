"""Every snippet runs; its recorded output and the facts on the pages still hold."""

import pytest

from fieldguide.guide.project import Project
from fieldguide.proof import record as verify

PROJECT = Project()
TRIOS = [trio for trio in PROJECT.trios if trio.snippets]


@pytest.fixture(scope="session")
def runs():
    return verify.run_trios(PROJECT, TRIOS)


@pytest.mark.parametrize("trio", TRIOS, ids=lambda trio: trio.name)
def test_outputs_and_facts_hold(trio, runs, record_property):
    record_property("area", trio.page.area)
    record_property("seconds", sum(run.seconds for run in runs[trio.name]))
    breaches = verify.verify(PROJECT, [trio], runs)
    assert not breaches, "\n" + "\n".join(map(str, breaches))
