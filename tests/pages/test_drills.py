"""Every exercise of the guide: the tests that grade it see what is blank or broken."""

import shutil

import pytest

from fieldguide.commands.drill import grade
from fieldguide.guide import drills
from fieldguide.guide.project import ROOT, Project

PROJECT = Project(ROOT)
EXERCISES = {
    f"{trio.name} {drill.name}": (trio, drill)
    for trio in PROJECT.trios
    for drill in drills.load(PROJECT, trio.page)[0]
    if not drill.evidence
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """One copy of the snippets for all exercises."""
    folder = tmp_path_factory.mktemp("drills")
    shutil.copytree(ROOT / "snippets", folder / "snippets", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("name", EXERCISES)
def test_what_grades_an_exercise_fails_before_it_is_done(name, copy, record_property, monkeypatch):
    """That it passes afterwards, the suite says: the solution is what the checkout has."""
    trio, drill = EXERCISES[name]
    if not drill.blank:  # one red test of the page is enough: the first ends the run
        monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    record_property("area", trio.page.area)
    file = copy / "snippets" / trio.page.folder / drill.place[0]
    whole = file.read_text(encoding="utf-8")
    file.write_text(drills.applied(PROJECT, trio.page, drill), encoding="utf-8")
    tests = grade(PROJECT, trio, drill, copy).tests
    file.write_text(whole, encoding="utf-8")
    failed = {test.rpartition("::")[2].split("[")[0] for test, told in tests.items() if told["outcome"] == "failed"}
    assert failed >= set(drill.tests) if drill.blank else failed, tests


def test_there_are_exercises_of_each_kind():
    pages = {trio.name: drills.load(PROJECT, trio.page)[0] for trio in PROJECT.trios}
    counts = {name: len(found) for name, found in pages.items() if found}
    assert all(2 <= count <= 3 for count in counts.values()), counts
    assert {drill.kind for found in pages.values() for drill in found} == set(drills.NEEDS)
