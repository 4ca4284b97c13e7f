"""Everything the rules look at, read once, and how a rule is declared."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import yaml

from fieldguide.guide import glossary
from fieldguide.guide import regions as code
from fieldguide.guide import sources as bibliography
from fieldguide.guide.markup import Markup
from fieldguide.guide.project import Breach, BreachError, Page, Project, Trio

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Finding = tuple[Path | str, int, str, str]
"""File, line, message, and what to do."""
FROM_DATA = frozenset({glossary.PAGE})
"""Pages of an area that a file of data fills: no code to run, so no trio and not the sections of a lesson."""


@dataclass(frozen=True)
class Rule:
    """One rule of the contract."""

    id: str
    says: str
    find: Callable[[Guide], Iterator[Finding]]


RULES: dict[str, Rule] = {}


def rule(
    id: str, says: str
) -> Callable[[Callable[[Guide], Iterator[Finding]]], Callable[[Guide], Iterator[Finding]]]:
    """Register a function that yields what breaks the rule `id`; `says` is the rule in one sentence."""

    def register(find: Callable[[Guide], Iterator[Finding]]) -> Callable[[Guide], Iterator[Finding]]:
        RULES[id] = Rule(id, says, find)
        return find

    return register


class Guide:
    """One checkout, read as far as it can be: a file that cannot be read becomes a breach, not an end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = Project(root)
        self.unreadable: list[Breach] = []
        self.without_meta: set[str] = set()
        """Names of pages whose front matter cannot be read: the rules on it leave them alone."""
        pages = []
        for path in self.project.page_files:
            try:
                pages.append(self.project.read_page(path))
            except BreachError as error:
                self.unreadable.append(error.breach)
                pages.append(self._without_meta(path))
        self.project.pages = tuple(pages)
        self.pages = self.project.pages
        self.markup = {page.name: Markup(page) for page in self.pages}
        self._texts: dict[Path, str] = {}
        self._trees: dict[Path, ast.Module | None] = {}
        self._nodes: dict[Path, tuple[ast.AST, ...]] = {}
        self.undecodable: dict[Path, int] = {}
        self.unparsable: dict[Path, tuple[int, str]] = {}
        self._regions: dict[Path, tuple[dict[str, code.Region], list[code.Problem]]] = {}
        self._read_curriculum()

    def _without_meta(self, path: Path) -> Page:
        """What can be read of a page that is malformed, so that its snippets and sources keep their page."""
        text = path.read_bytes().decode("utf-8", errors="replace")
        end = re.search(r"\A---\n.*?^---[ \t]*$", text, re.M | re.S)
        name = path.relative_to(self.project.docs).with_suffix("").as_posix()
        self.without_meta.add(name)
        return Page(path, name, text, {}, text.count("\n", 0, end.end()) + 2 if end else 1)

    def _read_curriculum(self) -> None:
        """Areas are needed by nearly every rule: without them none is left, and one breach says why."""
        try:
            self.area_slugs = self.project.area_slugs
            self.planned = frozenset(page.name for area in self.project.areas for page in area.pages)
            return
        except FileNotFoundError:
            line, message = 1, "the file does not exist."
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line, message = (mark.line + 1 if mark else 1), f"not YAML: {getattr(error, 'problem', error)}."
        except KeyError as error:
            line, message = 1, f"an area or a page of it lacks the key {error}."
        except (TypeError, AttributeError):
            line, message = 1, "the file has not the form `areas: {area: {title, …, pages: {page: {…}}}}`."
        self.area_slugs = self.planned = frozenset()
        self.unreadable.append(
            Breach("docs/curriculum.yml", line, "curriculum", message, "restore it from the main branch.")
        )

    @cached_property
    def area_pages(self) -> tuple[Page, ...]:
        """Pages that must be trios, or say that they are planned."""
        return tuple(page for page in self.pages if page.area in self.area_slugs)

    @cached_property
    def owners(self) -> dict[Path, Page | None]:
        """The page of every snippet and of every test in an area's folder."""
        shapes = self.project.snippets / "shapes"
        owners = {p: self.project.owner(p) for p in self.project.snippet_files if p.parent != shapes}
        for area in sorted(self.area_slugs):
            folder = self.project.tests / area.replace("-", "_")
            for path in sorted([*folder.glob("test_*.py"), *folder.glob("*/test_*.py")]):
                owners[path] = self.project.owner(path)
        return owners

    @cached_property
    def trios(self) -> dict[str, Trio]:
        """Trios by page name."""
        snippets: dict[str, list[Path]] = {page.name: [] for page in self.area_pages}
        tests: dict[str, list[Path]] = {page.name: [] for page in self.area_pages}
        for path, owner in self.owners.items():
            if owner is not None and owner.name in snippets:
                (snippets if path.is_relative_to(self.project.snippets) else tests)[owner.name].append(path)
        return {
            page.name: Trio(page, tuple(snippets[page.name]), tuple(tests[page.name]))
            for page in self.area_pages
        }

    @cached_property
    def sources(self) -> tuple[dict[str, bibliography.Entry], list[Breach]]:
        """The bibliography, and what in it cannot be read."""
        return bibliography.read(self.project)

    @cached_property
    def outputs(self) -> tuple[Path, ...]:
        """Every recorded output."""
        return tuple(sorted(self.project.snippets.glob("*/*/*.out.txt")))

    @cached_property
    def test_files(self) -> tuple[Path, ...]:
        """Every Python file under `tests/`."""
        return tuple(
            sorted(path for path in self.project.tests.rglob("*.py") if "__pycache__" not in path.parts)
        )

    def text(self, path: Path) -> str:
        """Text of a file; bytes that are not UTF-8 are replaced, and reported by the rule `encoding`."""
        if path not in self._texts:
            raw = path.read_bytes()
            try:
                self._texts[path] = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                self.undecodable[path] = raw[: error.start].count(b"\n") + 1
                self._texts[path] = raw.decode("utf-8", errors="replace")
        return self._texts[path]

    def tree(self, path: Path) -> ast.Module | None:
        """Syntax tree of a Python file, or None where it cannot be parsed (rule `syntax`)."""
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self.text(path))
            except (SyntaxError, ValueError) as error:
                self.unparsable[path] = (
                    getattr(error, "lineno", None) or 1,
                    getattr(error, "msg", str(error)),
                )
                self._trees[path] = None
        return self._trees[path]

    def nodes(self, path: Path) -> tuple[ast.AST, ...]:
        """Every node of a Python file; none where it cannot be parsed."""
        if path not in self._nodes:
            tree = self.tree(path)
            self._nodes[path] = tuple(ast.walk(tree)) if tree else ()
        return self._nodes[path]

    def regions(self, path: Path) -> tuple[dict[str, code.Region], list[code.Problem]]:
        """Regions of a file, and what is wrong with its markers."""
        if path not in self._regions:
            self._regions[path] = code.regions(self.text(path))
        return self._regions[path]


def meta_line(page: Page, key: str) -> int:
    """Line of a key of the front matter; 1 where it is missing."""
    lines = page.text.split("\n")[: page.body_line - 1]
    return next((n for n, line in enumerate(lines, 1) if line.startswith(f"{key}:")), 1)


@cache
def compose(text: str) -> yaml.Node | None:
    """A YAML text as nodes, which know their lines and need no knowledge of tags.

    Raises:
        yaml.YAMLError: if the text is malformed.
    """
    return yaml.compose(text, LOADER)


def child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Value of a key of a YAML mapping, as a node that knows its line."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def output_of(snippet: Path) -> Path:
    """Where the recorded output of a snippet lies."""
    return snippet.with_suffix(".out.txt")


def status(page: Page) -> str:
    """`planned`, `draft` or `complete`."""
    return str(page.meta.get("status", ""))


def near(name: str, known: Iterable[str]) -> str:
    """A sentence with the known names closest to `name`, or with a few of them."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, 3, 0.5)
    if close:
        return "Did you mean " + ", ".join(f"`{n}`" for n in close) + "?"
    if not names:
        return "There is none yet."
    return "There are " + ", ".join(f"`{n}`" for n in names[:8]) + (", …" if len(names) > 8 else "") + "."
