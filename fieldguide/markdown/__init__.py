"""The one Python-Markdown extension of the guide.

It adds citations, facts, mathematics rendered at build, quizzes, calculators, and the
tables that the site computes about itself. It knows which page it is writing by the
page's text, so that it works under any generator that runs Python-Markdown, and so that
an error names file and line. Whatever it cannot render ends the build.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

from fieldguide import bibliography, notebooks
from fieldguide.calc import fence as calc
from fieldguide.markdown import quiz, tables
from fieldguide.markdown.errors import BuildError
from fieldguide.markdown.tex import TexError, render_tex
from fieldguide.project import ROOT, Breach, BreachError, Page, Project

CITATION = r"\[(@[\w:.+-]+(?:,[^\];]*)?(?:;\s*@[\w:.+-]+(?:,[^\];]*)?)*)\](?!\()"
FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*([\w-]*)(.*)$")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\s*(?:\\\((.*?)\\\)|\\\[(.*?)\\\])\s*</\1>', re.S)
OUTPUT = re.compile(r'<div class="language-text highlight">(?=<span class="filename">Output)')
PLAIN = re.compile(
    r'<span class="(?:n|p|w|o)">([^<]*)</span>'
)  # tokens that the stylesheet shows like plain code
DATA = re.compile(r'<data\s+value="([^"]+)"\s*>(.*?)</data>', re.S)
WORDS_A_MINUTE = 200


@lru_cache(maxsize=4)
def _snapshot(root: Path, state: tuple[tuple[str, int], ...]) -> Project:
    return Project(root)


def project_at(root: Path) -> Project:
    """The project as its files are now; read anew when a page, a snippet or the curriculum changed."""
    paths = [
        *root.glob("docs/**/*.md"),
        root / "docs/curriculum.yml",
        root / "docs/references.bib",
        *root.glob("snippets/*/*.py"),
    ]
    return _snapshot(root, tuple((str(p), p.stat().st_mtime_ns) for p in sorted(paths) if p.is_file()))


@lru_cache(maxsize=4)
def sources(project: Project) -> dict[str, bibliography.Entry]:
    """The bibliography of a project."""
    return bibliography.load(project)


@lru_cache(maxsize=4)
def by_text(project: Project) -> dict[str, Page]:
    """Pages by their text, which is all that a Markdown extension is given of them."""
    return {page.body.strip(): page for page in project.pages}


class Writing:
    """The page being written: where it stands, what it cites."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.page: Page | None = None
        self.cited: list[str] = []

    def begin(self, text: str) -> None:
        """Find out which page this text is."""
        self.cited = []
        self.project = project_at(self.root)
        try:
            self.page = by_text(self.project).get(text.strip())
        except BreachError as error:
            raise BuildError(error.breach) from None

    def fail(self, near: str, message: str, rule: str, fix: str = "") -> BuildError:
        """An error at the line of the page that holds `near`."""
        path, line = "(a page that is not under docs/)", 1
        if self.page:
            path = self.project.relative(self.page.path)
            at = self.page.text.find(near.strip().split("\n")[0])
            line = self.page.text.count("\n", 0, at) + 1 if at >= 0 else self.page.body_line
        return BuildError(Breach(path, line, rule, message, fix))

    def link(self, name: str) -> str:
        """Address of another page, relative to this one, as a directory URL."""
        here = self._url(self.page.name if self.page else "index")
        return os.path.relpath(self._url(name), here).replace(os.sep, "/").rstrip("/") + "/"

    @staticmethod
    def _url(name: str) -> str:
        return "/" + (name.removesuffix("index").rstrip("/"))

    def inline(self, text: str) -> str:
        """A short text with `code`, $mathematics$, **bold** and *emphasis* as HTML."""

        def formula(match: re.Match[str]) -> str:
            try:
                return render_tex(html.unescape(match.group(1)), root=self.root)
            except TexError as error:
                raise self.fail(text, f"the formula ${match.group(1)}$ is wrong: {error}", "tex") from None

        parts = re.split(r"(`[^`]+`|(?<![\\\w])\$[^$\s](?:[^$]*[^$\s])?\$(?!\d))", text)
        out = []
        for part in parts:
            if part.startswith("`") and len(part) > 2:
                out.append(f"<code>{html.escape(part[1:-1])}</code>")
            elif part.startswith("$") and part.endswith("$") and len(part) > 2:
                out.append(re.sub(r"^\$(.*)\$$", formula, part, flags=re.S))
            else:
                part = html.escape(part, quote=False)
                part = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", part)
                out.append(re.sub(r"\*(.+?)\*", r"<em>\1</em>", part))
        return "".join(out)

    def fact(self, name: str) -> str | None:
        """Text of a fact as a page states it; this page's own come first."""
        owner, _, short = name.rpartition(":")
        pages = (
            [self.project.by_name[owner]]
            if owner in self.project.by_name
            else [self.page]
            if self.page
            else []
        )
        for page in (*pages, *self.project.pages):
            for match in DATA.finditer(page.text):
                if match.group(1) in (name, short, f"{owner}:{short}"):
                    return html.unescape(match.group(2))
        return None


class Begin(Preprocessor):
    """Runs before everything else: notes which page this is."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(md)
        self.writing = writing

    def run(self, lines: list[str]) -> list[str]:
        """Look the page up; change nothing."""
        self.writing.begin("\n".join(lines))
        return lines


class Fences(Preprocessor):
    """Replaces our fences by their HTML, outside of any other fence."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(md)
        self.writing = writing
        self.makers: dict[str, Callable[[str], str]] = {
            "quiz": lambda source: quiz.render(source, writing.inline, writing.fact),
            "calc": lambda source: calc.render(source, writing.root, writing.inline),
            "curriculum": lambda _: tables.curriculum(writing.project, writing.link),
            "progress": lambda _: tables.progress(writing.project, writing.link),
            "coverage": self._coverage,
            "reproduced": lambda _: tables.reproduced(writing.project),
            "errata": lambda _: tables.errata(writing.project),
        }

    def _coverage(self, _: str) -> str:
        area = self.writing.page.area if self.writing.page else ""
        found = next((a for a in self.writing.project.areas if a.slug == area), None)
        if found is None:
            raise ValueError("a coverage fence stands on the overview page of an area.")
        return tables.coverage(self.writing.project, found, self.writing.link)

    def run(self, lines: list[str]) -> list[str]:
        """Scan the page once, skipping what stands inside other fences."""
        out: list[str] = []
        block: list[str] | None = None
        mark = language = ""
        for line in lines:
            match = FENCE.match(line)
            if block is None:
                if match:
                    mark, language, block = match.group(1), match.group(2), [line]
                else:
                    out.append(line)
            elif (
                match
                and match.group(1).startswith(mark)
                and not match.group(2)
                and not match.group(3).strip()
            ):
                out += self._closed(language, [*block, line])
                block = None
            else:
                block.append(line)
        return out + (block or [])

    def _closed(self, language: str, block: list[str]) -> list[str]:
        maker = self.makers.get(language)
        if maker is None:
            return block
        source = "\n".join(block[1:-1])
        try:
            made = maker(source)
        except BuildError:
            raise
        except Exception as error:
            near = next((line for line in block[1:-1] if line.strip()), block[0])
            raise self.writing.fail(near, str(error), language) from error
        return ["", self.md.htmlStash.store(made), ""]


class Citations(InlineProcessor):
    """`[@key]`, `[@key, §3]`, `[@a; @b]`: author and year, linked to the list of sources."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(CITATION, md)
        self.writing = writing

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[ElementTree.Element, int, int]:
        """Build the element, and note the keys."""
        element = ElementTree.Element("span", {"class": "fg-cite"})
        element.text = "("
        links: list[ElementTree.Element] = []
        for part in m.group(1).split(";"):
            key, _, locator = part.strip().removeprefix("@").partition(",")
            entry = self._entry(key.strip(), m.group(0))
            if links:
                links[-1].tail = f"{links[-1].tail or ''}; "
            link = ElementTree.SubElement(element, "a", {"href": f"#ref-{entry.key}", "title": entry.title})
            link.text = f"{short_authors(entry)} {entry.year}"
            link.tail = f", {locator.strip()}" if locator.strip() else None
            links.append(link)
            if entry.key not in self.writing.cited:
                self.writing.cited.append(entry.key)
        links[-1].tail = f"{links[-1].tail or ''})"
        return element, m.start(0), m.end(0)

    def _entry(self, key: str, near: str) -> bibliography.Entry:
        try:
            return sources(self.writing.project)[key]
        except KeyError:
            fix = "add it to docs/references.bib, or correct the key."
            raise self.writing.fail(near, f"no source is called {key!r}.", "citation", fix) from None
        except BreachError as error:
            raise BuildError(error.breach) from None


def family_names(entry: bibliography.Entry) -> list[str]:
    """Family names, or the name of an institution."""
    return [author.partition(",")[0].strip() for author in entry.authors if author != "others"]


def short_authors(entry: bibliography.Entry) -> str:
    """`Kwon et al.`, `Little`, `Dean and Barroso`."""
    names = family_names(entry)
    if not names:
        return entry.title
    if len(names) > 2 or "others" in entry.authors:
        return f"{names[0]} et al."
    return " and ".join(names)


def full_entry(entry: bibliography.Entry) -> str:
    """One line of the list of sources."""
    names = family_names(entry)
    authors = ", ".join(names[:3]) + (" et al." if len(names) > 3 or "others" in entry.authors else "")
    url = entry.url or (
        f"https://doi.org/{entry.doi}" if entry.doi else f"https://arxiv.org/abs/{entry.eprint}"
    )
    venue = f" {html.escape(entry.venue)}." if entry.venue else ""
    venue += f" arXiv:{html.escape(entry.eprint)}." if entry.eprint else ""
    read = f' <span class="fg-read">Read {html.escape(entry.urldate)}.</span>' if entry.urldate else ""
    return (f'<li id="ref-{entry.key}">{html.escape(authors)} ({html.escape(entry.year)}). '
            f'<a href="{html.escape(url, quote=True)}">{html.escape(entry.title)}</a>.{venue}{read}</li>')  # fmt: skip


class Furniture(Treeprocessor):
    """Puts the page's standing under its title, and the list of sources under *Sources*."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(md)
        self.writing = writing

    def run(self, root: ElementTree.Element) -> None:
        """Insert both."""
        page = self.writing.page
        children = list(root)
        if page and page.area in self.writing.project.area_slugs:
            title = next((i for i, child in enumerate(children) if child.tag == "h1"), None)
            if title is not None:
                root.insert(title + 1, self._stashed(self._standing(page)))
        if not self.writing.cited:
            return
        entries = sorted((sources(self.writing.project)[key] for key in self.writing.cited),
                         key=lambda entry: (short_authors(entry).lower(), entry.year))  # fmt: skip
        # Elements, not stashed HTML: the generator must see the anchors to validate the citations.
        listed = ElementTree.fromstring(f'<ul class="fg-sources">{"".join(map(full_entry, entries))}</ul>')
        children = list(root)
        heading = next(
            (
                i
                for i, c in enumerate(children)
                if c.tag == "h2" and "".join(c.itertext()).strip() == "Sources"
            ),
            None,
        )
        root.insert(len(children) if heading is None else heading + 1, listed)

    def _stashed(self, made: str) -> ElementTree.Element:
        element = ElementTree.Element("p")
        element.text = self.md.htmlStash.store(made)
        return element

    def _standing(self, page: Page) -> str:
        project, meta = self.writing.project, page.meta
        parts = []
        if meta.get("status") == "planned":
            parts.append("Planned")
        else:
            prose = re.sub(r"^(`{3,}).*?^\1", "", page.body, flags=re.S | re.M)
            minutes = max(1, round(len(prose.split()) / WORDS_A_MINUTE))
            parts += [str(meta.get("level", "")).capitalize(), f"{minutes} min"]
            if meta.get("status") == "draft":
                parts.append("draft")
            passed = tables.last_passed(project, page.name)
            parts.append(
                f"last passed {tables.day(passed)}" if passed else "not run where this site was built"
            )
        titles = {p.name: p.title for area in project.areas for p in area.pages}
        areas = {area.slug: area.title for area in project.areas}
        needed = []
        for name in meta.get("prerequisites") or []:
            area, _, slug = name.partition("/")
            text = html.escape(areas.get(area, area) if slug == "index" else titles.get(name, name))
            needed.append(
                f'<a href="{self.writing.link(name)}">{text}</a>' if name in project.by_name else text
            )
        before = f'<span class="fg-needs">Read first: {", ".join(needed)}</span>' if needed else ""
        line = " · ".join(f"<span>{html.escape(p)}</span>" for p in parts if p)
        return f'<p class="fg-standing">{line}{before}</p>'


class Finish(Postprocessor):
    """Renders formulas, and keeps recorded outputs out of the search index."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(md)
        self.writing = writing

    def run(self, text: str) -> str:
        """Replace what Arithmatex marked."""

        def formula(match: re.Match[str]) -> str:
            inline, block = match.group(2), match.group(3)
            tex = html.unescape(inline if inline is not None else block)
            try:
                return render_tex(tex, inline is None, self.writing.root)
            except TexError as error:
                raise self.writing.fail(
                    tex, f"the formula {tex.strip()!r} is wrong: {error}", "tex"
                ) from None

        text = PLAIN.sub(r"\1", text)
        text = OUTPUT.sub('<div class="language-text highlight fg-output" data-search-exclude>', text)
        return FORMULA.sub(formula, text)


class FieldGuide(Extension):
    """Everything above, for one Markdown instance."""

    def __init__(self, **options: Any) -> None:
        self.config = {"root": [str(ROOT), "Folder that holds docs/ and snippets/"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        """Register the parts; priorities place them around pymdown-extensions' own."""
        writing = Writing(Path(self.getConfig("root")).resolve())
        md.preprocessors.register(Begin(md, writing), "fieldguide-begin", 1000)
        md.preprocessors.register(
            Fences(md, writing), "fieldguide-fences", 27
        )  # after snippets, before superfences
        md.inlinePatterns.register(
            Citations(md, writing), "fieldguide-citation", 175
        )  # code first, links after
        md.treeprocessors.register(
            Furniture(md, writing), "fieldguide-furniture", 6
        )  # before anchors are collected
        md.postprocessors.register(Finish(md, writing), "fieldguide-finish", 1)  # after stashed HTML is back


def makeExtension(**options: Any) -> FieldGuide:
    """What Python-Markdown looks for. Loading it also makes notebooks render by this Markdown."""
    notebooks.install()
    return FieldGuide(**options)
