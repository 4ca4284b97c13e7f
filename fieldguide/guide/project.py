"""The project as the machinery sees it: areas, pages, and the trios that prove them.

Everything here is read from the files of one checkout, given by its root, so that a
test can point the same code at a corrupted copy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same YAML, read ten times faster where libyaml is there."""


@dataclass(frozen=True, order=True)
class Breach:
    """One thing that is wrong, where it is, and what to do about it."""

    path: str
    line: int
    rule: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        """`docs/a/b.md:12: message. To fix: …`, as editors and terminals link it."""
        tail = f" To fix: {self.fix}" if self.fix else ""
        return f"{self.path}:{self.line}: {self.message}{tail} [{self.rule}]"


class BreachError(Exception):
    """Raised where one breach makes it impossible to go on."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(str(breach))
        self.breach = breach


@dataclass(frozen=True)
class PlannedPage:
    """A page of the curriculum, landed or not."""

    area: str
    slug: str
    title: str
    answers: str

    @property
    def name(self) -> str:
        """`inference/kv-cache`."""
        return f"{self.area}/{self.slug}"


@dataclass(frozen=True)
class Area:
    """One area of the curriculum, as `docs/curriculum.yml` describes it."""

    slug: str
    title: str
    short: str
    summary: str
    icon: str
    pages: tuple[PlannedPage, ...]


@dataclass(frozen=True)
class Page:
    """One Markdown page under `docs/`."""

    path: Path
    name: str
    text: str
    meta: dict[str, Any] = field(compare=False)
    body_line: int
    """Number of the first line after the front matter, counted from 1."""

    @property
    def area(self) -> str:
        """Folder of the page: `inference`, or an empty string at the top."""
        return self.name.rpartition("/")[0]

    @property
    def slug(self) -> str:
        """File name without suffix."""
        return self.name.rpartition("/")[2]

    @property
    def body(self) -> str:
        """The text after the front matter."""
        return "\n".join(self.text.split("\n")[self.body_line - 1 :])

    @property
    def folder(self) -> str:
        """Where the page's code lies, below `snippets/` and `tests/`: `inference/kv_cache`."""
        return folder_of(self.name)


def folder_of(name: str) -> str:
    """The folder of a page's code: a hyphen becomes an underscore, and an index is an `overview`.

    >>> folder_of("post-training/index")
    'post_training/overview'
    """
    area, _, slug = name.rpartition("/")
    return f"{area}/{'overview' if slug == 'index' else slug}".replace("-", "_")


@dataclass(frozen=True)
class Trio:
    """A page, the snippets it shows, and the tests that prove them."""

    page: Page
    snippets: tuple[Path, ...]
    tests: tuple[Path, ...]

    @property
    def name(self) -> str:
        """`inference/kv-cache`."""
        return self.page.name


class Project:
    """One checkout of the guide."""

    def __init__(self, root: Path | str = ROOT) -> None:
        self.root = Path(root).resolve()
        self.docs = self.root / "docs"
        self.snippets = self.root / "snippets"
        self.tests = self.root / "tests"

    def relative(self, path: Path) -> str:
        """`path` as a reader of a message wants it: from the root, with slashes."""
        path = Path(path)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    @cached_property
    def areas(self) -> tuple[Area, ...]:
        """The curriculum, in the order of the map."""
        data = yaml.load((self.docs / "curriculum.yml").read_text(encoding="utf-8"), Loader=LOADER)
        return tuple(
            Area(
                slug=slug,
                title=area["title"],
                short=area["short"],
                summary=area["summary"],
                icon=area["icon"],
                pages=tuple(
                    PlannedPage(slug, page, entry["title"], entry["answers"])
                    for page, entry in area["pages"].items()
                ),
            )
            for slug, area in data["areas"].items()
        )

    @cached_property
    def area_slugs(self) -> frozenset[str]:
        """Folders that hold trios."""
        return frozenset(area.slug for area in self.areas)

    @cached_property
    def page_files(self) -> tuple[Path, ...]:
        """Every Markdown file under `docs/`."""
        return tuple(sorted(self.docs.rglob("*.md")))

    @cached_property
    def pages(self) -> tuple[Page, ...]:
        """Every page. Raises `BreachError` at the first that cannot be read."""
        return tuple(self.read_page(path) for path in self.page_files)

    def read_page(self, path: Path) -> Page:
        """Read one page and its front matter.

        Raises:
            BreachError: if the page is not UTF-8 or its front matter is malformed.
        """
        where = self.relative(path)
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise BreachError(
                Breach(
                    where,
                    line,
                    "encoding",
                    f"the page is not UTF-8: byte {raw[error.start]:#04x}.",
                    "save the file as UTF-8.",
                )
            ) from None
        meta, body_line = self._front_matter(where, text)
        name = path.relative_to(self.docs).with_suffix("").as_posix()
        return Page(path, name, text, meta, body_line)

    @staticmethod
    def _front_matter(where: str, text: str) -> tuple[dict[str, Any], int]:
        if not text.startswith("---\n"):
            return {}, 1
        end = re.search(r"^---[ \t]*$", text[4:], re.M)
        if end is None:
            raise BreachError(
                Breach(
                    where,
                    1,
                    "front-matter",
                    "the front matter is never closed.",
                    "add a line `---` after it.",
                )
            )
        block = text[4 : 4 + end.start()]
        try:
            meta = yaml.load(block, Loader=LOADER) or {}
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = 2 + (mark.line if mark else 0)
            problem = getattr(error, "problem", None) or "not YAML"
            raise BreachError(
                Breach(
                    where,
                    line,
                    "front-matter",
                    f"the front matter is malformed: {problem}.",
                    "write `key: value` lines; quote a value that holds a colon.",
                )
            ) from None
        if not isinstance(meta, dict):
            raise BreachError(
                Breach(
                    where,
                    2,
                    "front-matter",
                    "the front matter is not a list of `key: value` lines.",
                    "see CONTRIBUTING.md, “Front matter”.",
                )
            )
        return meta, block.count("\n") + 3

    @cached_property
    def by_name(self) -> dict[str, Page]:
        """Pages by name."""
        return {page.name: page for page in self.pages}

    @cached_property
    def snippet_files(self) -> tuple[Path, ...]:
        """Every snippet: `snippets/<area>/<page>/<aspect>.py`, and the shapes that all pages may use."""
        files = [*self.snippets.glob("*/*/*.py"), *self.snippets.glob("shapes/*.py")]
        return tuple(sorted(path for path in files if path.name != "__init__.py"))

    @cached_property
    def trios(self) -> tuple[Trio, ...]:
        """Every page of an area, with the snippets and tests that carry its name."""
        return tuple(self._trio(page) for page in self.pages if page.area in self.area_slugs)

    @cached_property
    def by_folder(self) -> dict[str, Page]:
        """Pages of the areas by the folder of their code."""
        return {page.folder: page for page in self.pages if page.area in self.area_slugs}

    def owner(self, path: Path) -> Page | None:
        """The page whose folder a snippet, an output or a test lies in, or whose test it is."""
        home = self.snippets if path.is_relative_to(self.snippets) else self.tests
        parts = list(path.relative_to(home).with_suffix("").parts)
        if home == self.tests and len(parts) == 2:  # tests/inference/test_kv_cache.py
            parts[1] = parts[1].removeprefix("test_")
        return self.by_folder.get("/".join(parts[:2]))

    def _trio(self, page: Page) -> Trio:
        area, _, stem = page.folder.partition("/")
        snippets = (p for p in self.snippet_files if p.parent == self.snippets / page.folder)
        tests = [self.tests / area / f"test_{stem}.py", *(self.tests / page.folder).glob("test_*.py")]
        return Trio(page, tuple(snippets), tuple(sorted(path for path in tests if path.is_file())))

    def trio(self, name: str) -> Trio:
        """The trio called `name`; underscores, folders of code, and the suffixes of files are forgiven.

        Raises:
            KeyError: if there is none, with the nearest names.
        """
        asked = re.sub(r"\.(py|md)$", "", name.strip("/"))
        asked = re.sub(r"^(docs|snippets|tests)/", "", asked)
        for trio in self.trios:
            files = {f"{trio.page.folder}/{path.stem}" for path in trio.snippets}
            if asked in {trio.name, trio.page.folder, *files} or asked.replace("_", "-") == trio.name:
                return trio
        import difflib

        near = difflib.get_close_matches(asked, [t.name for t in self.trios], 3, 0.4)
        raise KeyError(f"there is no page {name!r}." + (f" Did you mean {', '.join(near)}?" if near else ""))
