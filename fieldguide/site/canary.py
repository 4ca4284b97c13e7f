"""Build the site with Zensical and compare it with the MkDocs build in `site/`. Standard library only.

`python3 -m fieldguide.site.canary`: makes its own environment in `.venv-canary`, builds a copy
of the project, and lists pages, headings and anchors that differ.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from fieldguide.commands.environments import ROOT, environment, python_of


class Headings(HTMLParser):
    """Collects `(level, id, text)` of the headings in the article of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.open: tuple[str, str] | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a heading that has an anchor."""
        anchor = dict(attrs).get("id")
        if re.fullmatch("h[1-6]", tag) and anchor:
            self.open, self.text = (tag, anchor), ""

    def handle_data(self, data: str) -> None:
        """Gather the heading's text."""
        self.text += data if self.open else ""

    def handle_endtag(self, tag: str) -> None:
        """Close the heading."""
        if self.open and tag == self.open[0]:
            self.found.append((*self.open, " ".join(self.text.replace("¶", "").replace("#", "").split())))
            self.open = None


def outline(site: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Headings of every page of a built site, by path."""
    pages = {}
    for path in sorted(site.rglob("index.html")):
        reader = Headings()
        reader.feed(path.read_text(encoding="utf-8"))
        pages[path.relative_to(site).as_posix()] = reader.found
    return pages


def compare(
    ours: dict[str, list[tuple[str, str, str]]], theirs: dict[str, list[tuple[str, str, str]]]
) -> list[str]:
    """What the second build lacks or has beyond the first, a line each."""
    lines = [f"page missing: {page}" for page in sorted(ours.keys() - theirs.keys())]
    lines += [f"page extra: {page}" for page in sorted(theirs.keys() - ours.keys())]
    for page in sorted(ours.keys() & theirs.keys()):
        for mark, left, right in (("missing", ours, theirs), ("extra", theirs, ours)):
            lines += [f"{page}: heading {mark}: {h}" for h in left[page] if h not in right[page]]
    return lines


def main() -> None:
    """Build with Zensical, compare, and fail when they differ."""
    if not (ROOT / "site").is_dir():
        raise SystemExit("Build the site first: make site")
    python = python_of("canary")
    if not python.exists():
        subprocess.run(["python3", "-m", "venv", str(environment("canary"))], check=True)
        lock = ROOT / "requirements/site.txt"
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "zensical", "-r", str(lock)], check=True
        )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv*", "site", ".git"))
        subprocess.run([str(python), "-m", "zensical", "build", "--clean"], cwd=copy, check=True)
        differences = compare(outline(ROOT / "site"), outline(copy / "site"))
    print("\n".join(differences) or "The two builds agree on pages, headings and anchors.")
    raise SystemExit(1 if differences else 0)


if __name__ == "__main__":
    main()
