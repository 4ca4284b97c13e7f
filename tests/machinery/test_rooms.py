"""Six rooms, each importing only rooms below it; the lowest needs nothing but the standard library."""

from __future__ import annotations

import ast
import sys

import pytest

from fieldguide.guide.project import ROOT

FLOORS = ("runner", "guide", "calc", "proof", "site", "commands")
FILES = [path for room in FLOORS for path in sorted((ROOT / "fieldguide" / room).rglob("*.py"))]


def imported(path):
    """Modules that a file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_folder_is_one_of_the_rooms():
    folders = {p.name for p in (ROOT / "fieldguide").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == set(FLOORS) and len(FILES) > 40
    assert {p.name for p in (ROOT / "fieldguide").glob("*.py")} == {"__init__.py", "__main__.py"}


def test_the_machinery_stays_small():
    assert sum(path.read_bytes().count(b"\n") for path in (ROOT / "fieldguide").rglob("*.py")) <= 8500


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_room_imports_only_rooms_below(path):
    own = path.relative_to(ROOT / "fieldguide").parts[0]
    for module in imported(path):
        top, _, rest = module.partition(".")
        if top == "fieldguide":
            room = rest.partition(".")[0]
            assert FLOORS.index(room) <= FLOORS.index(own), f"{own} must not import {room}"
        elif own == "runner":
            assert top in sys.stdlib_module_names, f"the runner must not import {top}"
