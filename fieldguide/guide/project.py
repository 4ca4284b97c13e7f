"""The project as the machinery sees it: areas, pages, and the trios that prove them.

Everything here is read from the files of one checkout, given by its root, so that a
test can point the same code at a corrupted copy.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fieldguide.guide import forms, page, regions
from fieldguide.guide.forms import Form, Problem, Text
from fieldguide.guide.names import near
from fieldguide.guide.page import Page

ROOT = Path(__file__).resolve().parents[2]
CURRICULUM = "docs/curriculum.yml"
SHARED = ("shapes", "tiny", "sequences", "worlds")  # folders of snippets that any page may import


@dataclass(frozen=True, order=True)
class Breach:
    """One thing that is wrong, where it is, and what to do about it."""

    path: str
    line: int
    rule: str
    message: str
    fix: str = ""
    page: str = field(default="", compare=False)  # name of the page that it belongs to, if it belongs to one

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


class _Described(Form):
    title: Text
    short: Text
    summary: Text
    icon: Text


class Area(_Described):
    """One area of the curriculum, as `docs/curriculum.yml` describes it."""

    slug: str
    pages: tuple[PlannedPage, ...]


class _Planned(Form):
    title: Text
    answers: str


class _Area(_Described):
    pages: dict[str, _Planned]


class _Curriculum(Form):
    areas: dict[str, _Area]


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
        self._regions: dict[Path, tuple[dict[str, regions.Region], list[Problem]]] = {}

    def relative(self, path: Path) -> str:
        """`path` as a reader of a message wants it: from the root, with slashes."""
        path = Path(path)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    @cached_property
    def areas(self) -> tuple[Area, ...]:
        """The curriculum, in the order of the map; a `BreachError` if it cannot be read."""
        path = self.root / CURRICULUM
        filled = forms.read_file(_Curriculum, path, "the curriculum")
        if filled.value is None:
            raise BreachError(self.breach(path, filled.problems[0], "curriculum"))
        areas = []
        for slug, area in filled.value.areas.items():
            pages = tuple(PlannedPage(slug, name, p.title, p.answers) for name, p in area.pages.items())
            areas.append(Area(slug=slug, pages=pages, **area.model_dump(exclude={"pages"})))
        return tuple(areas)

    def breach(self, path: Path, problem: Problem, rule: str) -> Breach:
        """A problem of a file as a breach of a rule."""
        return Breach(self.relative(path), problem.line, problem.rule or rule, problem.message, problem.fix)

    @cached_property
    def planned(self) -> frozenset[str]:
        """Names of all pages of the curriculum."""
        return frozenset(page.name for area in self.areas for page in area.pages)

    @cached_property
    def area_slugs(self) -> frozenset[str]:
        """Folders that hold trios."""
        return frozenset(area.slug for area in self.areas)

    @cached_property
    def every_page(self) -> tuple[Page, ...]:
        """Every Markdown file under `docs/` as far as it can be read; see its `problem`."""
        return tuple(page.read(path, self.page_of(path)) for path in sorted(self.docs.rglob("*.md")))

    @cached_property
    def pages(self) -> tuple[Page, ...]:
        """Every page; a `BreachError` at the first that cannot be read."""
        for found in self.every_page:
            if found.problem:
                raise BreachError(self.breach(found.path, found.problem, "front-matter"))
        return self.every_page

    @cached_property
    def by_name(self) -> dict[str, Page]:
        """Pages by name."""
        return {page.name: page for page in self.pages}

    @cached_property
    def snippet_files(self) -> tuple[Path, ...]:
        """Every snippet: `snippets/<area>/<page>/<aspect>.py`, and what all pages may use."""
        files = [*self.snippets.glob("*/*/*.py"), *(f for name in SHARED for f in self.snippets.glob(f"{name}/*.py"))]
        return tuple(sorted(path for path in files if path.name != "__init__.py"))

    @cached_property
    def outputs(self) -> tuple[Path, ...]:
        """Every recorded output."""
        return tuple(sorted(self.snippets.glob("*/*/*.out.txt")))

    @cached_property
    def trios(self) -> tuple[Trio, ...]:
        """Every page of an area, with the snippets and tests that carry its name."""
        return tuple(self.trio_of(page) for page in self.pages if page.area in self.area_slugs)

    @cached_property
    def by_folder(self) -> dict[str, Page]:
        """Pages by the folder of their code."""
        return {page.folder: page for page in self.every_page}

    def owner(self, path: Path) -> Page | None:
        """The page whose folder a snippet, an output or a test lies in, or whose test it is."""
        home, *parts = self.relative(path.with_suffix("")).split("/")
        if home == "tests" and len(parts) == 2:  # tests/inference/test_kv_cache.py
            parts[1] = parts[1].removeprefix("test_")
        folder = "/".join(parts[:2]).replace("-", "_")
        return self.by_folder.get(folder) if home in ("snippets", "tests") else None

    def page_of(self, path: Path) -> str:
        """Name of the page that a file is, or belongs to; empty if there is none."""
        if path.suffix == ".md" and path.is_relative_to(self.docs):
            return path.relative_to(self.docs).with_suffix("").as_posix()
        owner = self.owner(path)
        return owner.name if owner else ""

    def trio_of(self, page: Page) -> Trio:
        """A page with its snippets and tests."""
        area, _, stem = page.folder.partition("/")
        snippets = [path for path in (self.snippets / page.folder).glob("*.py") if path.name != "__init__.py"]
        tests = [self.tests / area / f"test_{stem}.py", *(self.tests / page.folder).glob("test_*.py")]
        return Trio(page, tuple(sorted(snippets)), tuple(sorted(path for path in tests if path.is_file())))

    def trio(self, name: str) -> Trio:
        """The trio called `name`, or a `KeyError` with the nearest names.

        Underscores, folders of code, and the suffixes of files are forgiven.
        """
        asked = re.sub(r"^(docs|snippets|tests)/|\.(py|md)$", "", name.strip("/"))
        for trio in self.trios:
            files = {f"{trio.page.folder}/{path.stem}" for path in trio.snippets}
            if asked in {trio.name, trio.page.folder, *files} or asked.replace("_", "-") == trio.name:
                return trio
        raise KeyError(f"there is no page {name!r}. {near(asked, [trio.name for trio in self.trios])}")

    def fact(self, name: str, page: str) -> str | None:
        """Text of a fact as a page states it: `name` is that of `page`, `area/slug:name` another's."""
        owner, _, short = name.rpartition(":")
        shown = (fact for each in self.every_page for fact in each.facts)
        return next((fact.text for fact in shown if (fact.owner, fact.name) == (owner or page, short)), None)

    def regions(self, path: Path) -> tuple[dict[str, regions.Region], list[Problem]]:
        """Regions of a snippet or an output, and what is wrong with its markers."""
        if path not in self._regions:
            self._regions[path] = regions.read(path.read_text(encoding="utf-8", errors="replace"))
        return self._regions[path]
