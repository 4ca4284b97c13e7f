"""A copy of the project that tests may corrupt, line by line, and that heals after each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldguide.guide.project import ROOT, Breach, Project
from fieldguide.proof.rules import check

FOLDERS = ("docs", "snippets", "tests", "overrides")
IGNORED = shutil.ignore_patterns(
    "__pycache__", "vendor", "cards", "llms*.txt", ".ipynb_checkpoints", "node_modules", "sabotage"
)


class Copy:
    """A copy of what the contract reads, and what was in each file before a test changed it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in FOLDERS:
            shutil.copytree(ROOT / folder, root / folder, ignore=IGNORED)
        for path in ROOT.iterdir():
            if path.is_file() and path.name != ".git":  # a file in a second work tree
                shutil.copy(path, root / path.name)
        self._before: dict[Path, bytes | None] = {}
        self.baseline = set(self.breaches())

    @property
    def project(self) -> Project:
        """The copy, read anew."""
        return Project(self.root)

    def breaches(self) -> list[Breach]:
        """Everything that breaks the contract."""
        return check(self.project)

    def new_breaches(self) -> list[Breach]:
        """What the corruption broke. Breaches are compared without lines, which it may have moved."""
        old = {(b.path, b.rule, b.message) for b in self.baseline}
        return [b for b in self.breaches() if (b.path, b.rule, b.message) not in old]

    def text(self, name: str) -> str:
        """Text of a file; empty where there is none."""
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file, remembering what it was."""
        path = self.root / name
        self._before.setdefault(path, path.read_bytes() if path.exists() else None)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def remove(self, name: str) -> None:
        """Delete a file, remembering what it was."""
        self._before.setdefault(self.root / name, (self.root / name).read_bytes())
        (self.root / name).unlink()

    def line(self, name: str, pattern: str) -> int:
        """Line of the first match of a regular expression."""
        text = self.text(name)
        found = re.search(pattern, text, re.M)
        assert found, f"{name} has nothing like {pattern!r}: this sabotage needs another target"
        return text.count("\n", 0, found.start()) + 1

    def replace(self, name: str, pattern: str, new: str) -> int:
        """Replace the first match of a regular expression; the line where it stood."""
        line = self.line(name, pattern)
        self.write(name, re.sub(pattern, new, self.text(name), count=1, flags=re.M))
        return line

    def insert(self, name: str, before: str, new: str) -> int:
        """Insert lines, then an empty one, before the first match; the line of the first of them."""
        line = self.line(name, before)
        lines = self.text(name).split("\n")
        self.write(name, "\n".join([*lines[: line - 1], *new.split("\n"), "", *lines[line - 1 :]]))
        return line

    def append(self, name: str, new: str) -> int:
        """Add lines at the end of a file; the line of the first of them."""
        text = self.text(name)
        text = text if text.endswith("\n") or not text else text + "\n"
        self.write(name, text + new + "\n")
        return text.count("\n") + 1

    def heal(self) -> None:
        """Undo every change."""
        for path, content in self._before.items():
            if content is not None:
                path.write_bytes(content)
                continue
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self.root or any(folder.iterdir()):
                    break
                folder.rmdir()
        self._before.clear()


@pytest.fixture(scope="session")
def _copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


@pytest.fixture
def copy(_copy: Copy) -> Iterator[Copy]:
    """A faithful copy of the project; changes made through it are undone afterwards."""
    yield _copy
    _copy.heal()
