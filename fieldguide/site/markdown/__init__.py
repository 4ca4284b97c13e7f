"""The one Python-Markdown extension of the guide.

It adds citations, facts, mathematics, quizzes, calculators, and what the site computes about itself. It knows its page
by the text, under any generator, so an error names file and line. Whatever it cannot render ends the build.
"""

import html
import posixpath
import re
import textwrap
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from click import ClickException
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import Processor

from fieldguide.calc import fence as calc
from fieldguide.guide import drills, glossary
from fieldguide.guide import sources as bibliography
from fieldguide.guide.page import CITATION, Fence, Page, cited, fences
from fieldguide.guide.project import ROOT, Area, Breach, BreachError, Project
from fieldguide.site.markdown import citing, ending, figure, quiz, tables, terms
from fieldguide.site.markdown.tex import TexError, render_tex

TEX = r"(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<block>.*?)\\\])"
FORMULA = re.compile(rf'<(span|div) class="arithmatex">\s*{TEX}\s*</\1>', re.S)
OUTPUT = re.compile(r'<div class="language-text highlight">(?=<span class="filename">Output)')
CELL = re.compile(r"</(?:t[dh]|summary|figcaption|dt)>(?=<)")  # for the search index, words on both sides are two
PLAIN = re.compile(r'<span class="(?:n|p|w|o)">([^<]*)</span>')  # tokens that the stylesheet shows like plain code
DOCSTRING = re.compile(r'<span class="sd">[^<]*</span>(?:\s*<span class="sd">[^<]*</span>)*')  # an element a line
NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows it
PIECES = re.compile(  # of a short text: code, mathematics, a citation, a fact; prose between them
    rf"(?P<code>`[^`]+`)|(?<![\\\w])\$(?P<tex>[^$\s](?:[^$]*[^$\s])?)\$(?!\d)|(?P<cited>{CITATION})|(?P<data><data\b[^>]*>.*?</data>)",
    re.S,
)
WORDS_A_MINUTE, LINES_A_MINUTE = 200, 30  # a line of code takes as long as seven words
LABELS = {
    "identity": "an equality that holds at any size",
    "mechanism": "the effect exists, and this is how; its size here says nothing about yours",
    "planted": "we put it there, to show how it is found",
}


class BuildError(ClickException):
    """Ends a build with one line, which MkDocs prints without a traceback."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(str(breach))


@lru_cache(maxsize=4)
def _snapshot(root: Path, state: tuple[tuple[str, int], ...]) -> Project:
    return Project(root)


def project_at(root: Path) -> Project:
    """The project as its files are now; read anew when a page, a snippet or the curriculum changed."""
    lists = [root / name for name in ("docs/curriculum.yml", "docs/references.bib", glossary.FILE)]
    paths = [*root.glob("docs/**/*.md"), *lists, *root.glob("snippets/**/*.py")]
    return _snapshot(root, tuple(sorted((str(path), path.stat().st_mtime_ns) for path in paths if path.is_file())))


sources = lru_cache(maxsize=4)(bibliography.load)
glossary_of = lru_cache(maxsize=4)(glossary.load)


@lru_cache(maxsize=4)
def by_text(project: Project) -> dict[str, Page]:
    """Pages by their text, which is all that a Markdown extension is given of them."""
    return {page.body.strip(): page for page in project.pages}


class Writing:
    """The page being written: where it stands, what it cites."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = Project(root)
        self.seen = False
        self.page: Page | None = None
        self.cited: list[str] = []
        self.labels: dict[str, str] = {}

    def begin(self, text: str) -> None:
        """Find out which page this text is, and how it calls its sources."""
        self.cited = []
        if not self.seen or re.search(r"^# ", text, re.M):  # docstrings, of which there are many, have no title
            self.project, self.seen = project_at(self.root), True
        try:
            self.page = by_text(self.project).get(text.strip())
            self.labels = citing.labels(text, sources(self.project))
            self.terms = glossary_of(self.project)
        except BreachError as error:
            raise BuildError(error.breach) from None

    @property
    def folder(self) -> str:
        """Folder of the page's code below `snippets/`."""
        return self.page.folder if self.page else ""

    @property
    def area(self) -> Area | None:
        """The area of the page."""
        return next((area for area in self.project.areas if self.page and area.slug == self.page.area), None)

    def fail(self, near: str, message: str, rule: str, fix: str = "") -> BuildError:
        """An error at the line of the page, or of the lab, that holds `near` or at least how it begins."""
        near, docs = near.strip(), self.project.docs
        place, number = (self.page.path, self.page.body_line) if self.page else (docs, 1)
        files = [self.page.path] if self.page else [*sorted(docs.rglob("*.md")), *sorted(docs.glob("labs/*.py"))]
        for wanted, path in product((near, near.partition("\n")[0]), files):
            before, found, _ = path.read_text(encoding="utf-8", errors="replace").partition(wanted)
            if found:
                place, number = path, before.count("\n") + 1
                break
        return BuildError(Breach(self.project.relative(place), number, rule, message, fix))

    def link(self, name: str) -> str:
        """Address of another page, relative to this one, as a directory URL."""
        names = (name, self.page.name if self.page else "index")
        there, here = ("/" + name.removesuffix("index") for name in names)
        return posixpath.relpath(there, here).rstrip("/") + "/"

    def tex(self, formula: str, near: str, display: bool = False) -> str:
        """A formula as HTML; `near` is where an error is reported."""
        try:
            return render_tex(formula, display, self.root)
        except TexError as error:
            raise self.fail(near, f"the formula {formula.strip()!r} is wrong: {error}", "tex") from None

    def cite(self, inside: str, near: str) -> ElementTree.Element:
        """What stands between the brackets of a citation, as an element; the keys are noted."""
        known = sources(self.project)
        found = []
        for key, locator in cited(inside):
            if key not in known:
                fix = "add it to docs/references.bib, or correct the key."
                raise self.fail(near, f"no source is called {key!r}.", "citation", fix)
            if key not in self.cited:
                self.cited.append(key)
            found.append((known[key], self.labels.get(key, key), locator))
        return citing.element(found)

    def inline(self, text: str) -> str:
        """A short text with code, mathematics, citations, facts, **bold** and *emphasis* as HTML."""
        out, end = [], 0
        for piece in PIECES.finditer(text):
            made = piece[0]
            if piece["code"]:
                made = f"<code>{html.escape(made[1:-1])}</code>"
            elif piece["tex"]:
                made = self.tex(piece["tex"], made)
            elif piece["cited"]:
                made = ElementTree.tostring(self.cite(made[1:-1], made), encoding="unicode")
            out += [self._prose(text[end : piece.start()]), made]
            end = piece.end()
        return "".join([*out, self._prose(text[end:])])

    def _prose(self, text: str) -> str:
        if link := re.search(r"\[[^\]]*\]\([^)]*\)", text):
            message = f"the link {link[0]} cannot stand in the text of a fence."
            raise self.fail(link[0], message, "link", "put it in the prose beside it.")
        text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(text, quote=False))
        return re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)

    def fact(self, name: str) -> str | None:
        """Text of a fact as a page states it: `name` is this page's, `area/slug:name` another's."""
        return self.project.fact(name, self.page.name if self.page else "")


class Part(Processor):
    """A part of the extension: it knows the page being written."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(md)
        self.writing = writing


class Begin(Part, Preprocessor):
    """Runs before everything else: notes which page this is, names the file that a block shows, writes the end."""

    def run(self, lines: list[str]) -> list[str]:
        """Look the page up, give each fence of one include its title, and the page its takeaways."""
        self.writing.begin("\n".join(lines))
        for fence in fences(lines):
            if fence.info == "python" and fence.include:
                lines[fence.line - 1] += f' title="snippets/{fence.include.file}"'
        return ending.added(lines, self.writing.page, self.writing.project) if self.writing.page else lines


class Fences(Part, Preprocessor):
    """Replaces our fences by their HTML, outside of any other fence."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(md, writing)
        self.makers: dict[str, Callable[[str], str]] = {
            "quiz": lambda source: quiz.render(source, writing.inline, writing.fact),
            "calc": lambda source: calc.render(source, writing.root, writing.folder, writing.inline),
            "drills": self._drills,
            "figure": lambda source: figure.render(source, writing.root, writing.folder, writing.inline),
        }
        self.makers |= {name: partial(self._table, name) for name in tables.FENCES}

    def _table(self, name: str, _: str) -> str:
        if name == "coverage" and not self.writing.area:
            raise ValueError("a coverage fence stands on the overview page of an area.")
        return tables.render(name, self.writing.project, area=self.writing.area, link=self.writing.link)

    def _drills(self, _: str) -> str:
        project, page = self.writing.project, self.writing.page
        found, problems = drills.load(project, page) if page else ([], [])
        if page and problems:
            raise BuildError(project.breach(drills.path_of(project, page), problems[0], "drill"))
        return tables.render("drills", project, page=page, drills=found, shown=drills.shown, inline=self.writing.inline)

    def run(self, lines: list[str]) -> list[str]:
        """Replace ours, from the last to the first, so that lines keep their numbers."""
        for fence in reversed([f for f in fences(lines) if f.language in {*self.makers, "glossary"}]):
            lines[fence.line - 1 : fence.end] = ["", *self._made(fence), ""]
        return lines

    def _made(self, fence: Fence) -> list[str]:
        if not fence.closed:
            message = f"a {fence.language} fence is never closed."
            near = "\n".join([f"```{fence.language}", *fence.body])
            raise self.writing.fail(near, message, fence.language, "end it with a line of the same marks.")
        if fence.language == "glossary":  # the one that becomes Markdown
            text = terms.page(self.writing.project, self.writing.terms.values())
            return textwrap.indent(text, fence.indent).split("\n")
        try:
            made = self.makers[fence.language](fence.text)
        except BuildError:
            raise
        except Exception as error:
            near = fence.text.strip() or f"```{fence.language}"
            raise self.writing.fail(near, str(error), fence.language) from error
        return [fence.indent + self.md.htmlStash.store(made)]


class Citations(InlineProcessor):
    """`[@key]`, `[@key, §3]`, `[@a; @b]`: author and year, linked to the list of sources."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(CITATION, md)
        self.writing = writing

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[ElementTree.Element, int, int]:
        """Build the element, and note the keys."""
        return self.writing.cite(m[1], m[0]), m.start(0), m.end(0)


class Labels(InlineProcessor):
    """`*identity*`, `*mechanism*`, `*planted*`: what a miniature proves, linked to where the three words are explained."""

    def __init__(self, md: Markdown, writing: Writing) -> None:
        super().__init__(rf"(?<![\w*])\*({'|'.join(LABELS)})\*(?![\w*])", md)
        self.writing = writing

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[ElementTree.Element | None, int | None, int | None]:
        """A link with a tooltip, on the pages of areas."""
        if not self.writing.area or self.writing.page is None:
            return None, None, None
        there = posixpath.relpath("reference/index.md", posixpath.dirname(self.writing.page.name))
        title, href = LABELS[m[1]], f"{there}#what-a-miniature-proves"
        link = ElementTree.Element("a", {"href": href, "title": title, "class": "fg-label"})
        ElementTree.SubElement(link, "em").text = m[1]
        return link, m.start(0), m.end(0)


class Tooltips(Part, Treeprocessor):
    """Says at its first use on a page what a term is, or an abbreviation stands for."""

    def run(self, root: ElementTree.Element) -> None:
        """Leave alone the glossary itself, and what is no page: a docstring."""
        name = self.writing.page.name if self.writing.page else ""
        if name != glossary.PAGE and (name or root.find("h1") is not None):
            terms.Tooltips(self.writing.terms.values(), self.md.htmlStash).put(root)


class Furniture(Part, Treeprocessor):
    """Puts the page's standing under its title, and the list of sources under *Sources*."""

    def run(self, root: ElementTree.Element) -> None:
        """Insert both."""
        page, known = self.writing.page, sources(self.writing.project)
        if page and self.writing.area:
            element = ElementTree.Element("p")
            element.text = self.md.htmlStash.store(self._standing(page, self.writing.area))
            self._behind(root, "h1", "", element)
        if self.writing.cited:
            listed = citing.listed([known[key] for key in self.writing.cited], self.writing.labels)
            if not self._behind(root, "h2", "Sources", listed):
                root.append(listed)

    @staticmethod
    def _behind(root: ElementTree.Element, tag: str, text: str, element: ElementTree.Element) -> bool:
        """Insert an element behind the first heading of a tag and, where one is given, a text; whether there is one."""
        for at, child in enumerate(root, start=1):
            if child.tag == tag and text in ("", "".join(child.itertext()).strip()):
                root.insert(at, element)
                return True
        return False

    def _standing(self, page: Page, area: Area) -> str:
        writing, project = self.writing, self.writing.project
        prose = re.sub(r"^(`{3,}).*?^\1", "", page.body, flags=re.S | re.M)
        shown = [(project.snippets / i.file, i.region) for i in page.includes if i.file.endswith(".py")]
        code = sum(len(project.regions(path)[0][region].lines) for path, region in shown)
        titles = {p.name: p.title for area in project.areas for p in area.pages}
        titles |= {f"{area.slug}/index": area.title for area in project.areas}
        return tables.render(
            "standing", project, page=page, area=area, titles=titles, link=writing.link,
            minutes=max(1, round(len(prose.split()) / WORDS_A_MINUTE + code / LINES_A_MINUTE)),
            terms=len(writing.terms) if page.name == glossary.PAGE else 0,
        )  # fmt: skip


class Finish(Part, Postprocessor):
    """Renders formulas, cuts docstrings to their first line, and keeps recorded outputs out of the search index."""

    def run(self, text: str) -> str:
        """Replace what Arithmatex marked."""
        text = DOCSTRING.sub(self._docstring, PLAIN.sub(r"\1", text))
        text = OUTPUT.sub('<div class="language-text highlight fg-output" data-search-exclude>', text)
        return FORMULA.sub(self._formula, CELL.sub(r"\g<0> ", text)).replace(NAMESPACE, "")

    def _docstring(self, match: re.Match[str]) -> str:
        """What a function does; of a page's code, the details are in the library."""
        first, more, rest = re.sub("<[^>]+>", "", match[0]).partition("\n")
        rest = '"""' if more and self.writing.page else more + rest
        return f'<span class="sd">{first}{rest}</span>'

    def _formula(self, match: re.Match[str]) -> str:
        tex = html.unescape(match["inline"] or match["block"] or "")
        return self.writing.tex(tex, tex, match["inline"] is None)


class FieldGuide(Extension):
    """Everything above, for one Markdown instance."""

    def __init__(self, **options: Any) -> None:
        self.config = {"root": [str(ROOT), "Folder that holds docs/ and snippets/"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        """Register the parts; priorities place them around pymdown-extensions' own."""
        writing = Writing(Path(self.getConfig("root")).resolve())
        md.preprocessors.register(Begin(md, writing), "fieldguide-begin", 1000)
        md.preprocessors.register(Fences(md, writing), "fieldguide-fences", 27)  # after snippets, before superfences
        md.inlinePatterns.register(Citations(md, writing), "fieldguide-citation", 175)  # code first, links after
        md.inlinePatterns.register(Labels(md, writing), "fieldguide-label", 174)
        md.treeprocessors.register(Tooltips(md, writing), "fieldguide-tooltips", 6.5)  # after an author's abbreviations
        md.treeprocessors.register(Furniture(md, writing), "fieldguide-furniture", 6)  # before anchors are collected
        md.postprocessors.register(Finish(md, writing), "fieldguide-finish", 1)  # after stashed HTML is back


def makeExtension(**options: Any) -> FieldGuide:
    """What Python-Markdown looks for. Loading it also makes notebooks render by this Markdown."""
    from fieldguide.site import notebooks

    notebooks.install()
    return FieldGuide(**options)
