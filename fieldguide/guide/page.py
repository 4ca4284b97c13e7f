"""A Markdown page, read once for everybody: rules, recorder, Markdown extension and exporter.

This is a reading of lines, not a rendering: a hundred pages take milliseconds, and everything
that is found keeps its line.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from fieldguide.guide import forms
from fieldguide.guide.forms import Filled, Form, Problem, Spoken, Text
from fieldguide.guide.names import folder_of

OPEN = re.compile(r"^(?P<indent>[ \t>]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>.*?)[ \t]*$")
INCLUDE = re.compile(r"""^[ \t>]*-+8<-+[ \t]+(["'])(?P<target>.+?)\1[ \t]*$""")
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
INLINE_CODE = re.compile(r"(?<![`\\])(`+)(?!`)(?:[^\n]|\n(?!\s*\n))+?(?<!`)\1(?!`)")
DISPLAYED = r"(?<![\\$])\$\$(?!\$).+?(?<!\\)\$\$"
MATH = re.compile(rf"{DISPLAYED}|(?<![\\$])\$(?![\s$])(?:[^$\n]|\n(?!\s*\n))+?(?<![\s\\])\$(?!\d)", re.S)
HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<text>.+?)(?:[ \t]+#+)?[ \t]*$", re.M)
ATTRIBUTES = re.compile(r"[ \t]*\{:?[^}\n]*\}[ \t]*$")
FACT = re.compile(r"<data\b(?P<attributes>[^>]*)>(?P<text>.*?)(?P<end></data\s*>|(?=<data\b)|\Z)", re.S | re.I)
FACT_NAME = re.compile(r"\s+value=\"(?P<name>[^\"]+)\"\s*")
CITATION = r"\[(@[\w:.+-]+(?:,[^\];]*)?(?:;\s*@[\w:.+-]+(?:,[^\];]*)?)*)\](?!\()"
"""`[@key]`, `[@key, §3]`, `[@first; @second]`."""
MEANT = re.compile(r"(?<![\\!])\[(?P<inside>\s*@[^\[\]]*|[^\[\]]*(?<!\w)@[a-z]+\d{4}[^\[\]]*)\](?![(\[])")
"""What somebody meant as a citation, `[see @kwon2023vllm]` included, but not `[write to a@b.org]`."""


class FrontMatter(Form):
    """What every page says of itself; the last four are keys of the theme."""

    title: Text
    description: Text
    template: Any = None
    hide: Any = None
    icon: Any = None
    search: Any = None


class Lesson(FrontMatter):
    """What a page of an area says."""

    area: Text
    level: Literal["core", "deep"]
    prerequisites: list[Text]
    status: Literal["planned", "draft", "complete"]


class Answer(Form):
    """One choice of a quiz."""

    text: Spoken
    why: Text
    correct: bool = False


class Numeric(Form):
    """A number to be typed, proven by a fact."""

    fact: Text
    tolerance: float = 0.01
    unit: str = ""


class Quiz(Form):
    """A question with choices, or with a number as its answer."""

    question: Text
    answers: list[Answer] = Field(default=[])
    numeric: Numeric | None = None
    why: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Quiz:
        right = sum(answer.correct for answer in self.answers)
        if bool(self.answers) == bool(self.numeric):
            raise ValueError("a quiz has either `answers` or `numeric`.", "keep one of the two.")
        if len({answer.text.casefold() for answer in self.answers}) < len(self.answers):
            raise ValueError("two answers of a quiz are the same.", "say what tells them apart, or delete one.")
        if self.numeric and not self.why.strip():
            raise ValueError("a numeric quiz has no `why`.", "say how the number comes about.")
        if self.answers and right in (0, len(self.answers)):
            fix = "add `correct: true` to one, and one that a reader could believe."
            raise ValueError("a quiz needs a right answer and a wrong one.", fix)
        return self


class Figure(Form):
    """A recorded drawing, what it shows, and what is to be seen on it."""

    figure: Text
    caption: Text
    alt: Text


class Include(NamedTuple):
    """One `--8<-- "file:region"` line."""

    line: int
    target: str
    file: str  # path below `snippets/`
    region: str


@dataclass(frozen=True)
class Fence:
    """One fenced block."""

    line: int  # of the opening fence, counted from 1
    indent: str
    info: str
    body: tuple[str, ...]  # the lines within, without the indentation of the fence
    closed: bool

    @property
    def language(self) -> str:
        """`python` of `python title="x"` and of `{ .python title="x" }`."""
        word = re.match(r"\{?\s*\.?([\w+#-]*)", self.info)
        return word[1].lower() if word else ""

    @property
    def title(self) -> str:
        """`title="…"` of the opening line."""
        found = re.search(r"""title=(["'])(.*?)\1""", self.info)
        return found[2] if found else ""

    @property
    def end(self) -> int:
        """Line of the closing fence, or the last of the page."""
        return self.line + len(self.body) + self.closed

    @property
    def text(self) -> str:
        """What it holds."""
        return "\n".join(self.body)

    @property
    def include(self) -> Include | None:
        """The include, where the fence holds one and nothing else."""
        alone = len(self.text.strip().split("\n")) == 1
        return next(_includes(self.text, self.line + 1), None) if alone else None

    def read(self, form: type[forms.F]) -> Filled[forms.F]:
        """What it holds as a form, with the lines of the page."""
        return forms.read(form, self.text, f"the {self.language}", self.line + 1)


class Heading(NamedTuple):
    """One heading."""

    line: int
    level: int
    text: str


@dataclass(frozen=True)
class Fact:
    """One `<data>` element: which fact it shows, and where its text stands."""

    page: Page
    line: int
    owner: str  # name of the page whose snippet computes it
    name: str
    text: str
    start: int
    end: int  # offsets of the text in `page.text`
    problem: str = ""  # why it could not be compared

    @property
    def shown_as(self) -> str:
        """The fact as its page names it: another page's with that page's name."""
        return self.name if self.owner == self.page.name else f"{self.owner}:{self.name}"


class Citation(NamedTuple):
    """One key of a citation; an empty key where it cannot be read."""

    line: int
    key: str


@dataclass(frozen=True)
class Page:
    """One Markdown page under `docs/`. Every text of it that is derived has its length and its lines."""

    path: Path
    name: str
    text: str
    meta: dict[str, Any] = field(compare=False)
    body_line: int  # number of the first line after the front matter, counted from 1
    problem: Problem | None = field(default=None, compare=False)  # why it cannot be read, if it cannot

    @property
    def area(self) -> str:
        """Folder of the page: `inference`, or an empty string at the top."""
        return self.name.rpartition("/")[0]

    @property
    def slug(self) -> str:
        """File name without suffix."""
        return self.name.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Where the page's code lies, below `snippets/` and `tests/`: `inference/kv_cache`."""
        return folder_of(self.name)

    @property
    def status(self) -> str:
        """`planned`, `draft` or `complete`; empty outside of the areas."""
        return str(self.meta.get("status", ""))

    @property
    def body(self) -> str:
        """The text after the front matter."""
        return "\n".join(self.text.split("\n")[self.body_line - 1 :])

    @property
    def front(self) -> str:
        """The front matter, without the lines that enclose it."""
        return "\n".join(self.text.split("\n")[1 : max(1, self.body_line - 2)])

    def meta_line(self, key: str) -> int:
        """Line of a key of the front matter; 1 where it is missing."""
        lines = enumerate(self.front.split("\n"), 2)
        return next((number for number, line in lines if line.startswith(f"{key}:")), 1)

    def line(self, offset: int) -> int:
        """Line of a character."""
        return self.text.count("\n", 0, offset) + 1

    @cached_property
    def fences(self) -> tuple[Fence, ...]:
        """Every fenced block."""
        return tuple(fences(self.text.split("\n"), self.body_line))

    def of(self, language: str) -> Iterator[Fence]:
        """The fences of one language."""
        return (fence for fence in self.fences if fence.language == language)

    @cached_property
    def includes(self) -> tuple[Include, ...]:
        """Every include, in fences or not; in a comment it shows nothing."""
        return tuple(_includes(blank(COMMENT, self.body), self.body_line))

    def _without(self, *kept: str) -> str:
        """The text without front matter, comments, and fences but those that are kept."""
        lines = self.text.split("\n")
        gone = set(range(self.body_line - 1))
        for fence in self.fences:
            body = range(fence.line, fence.line + len(fence.body)) if fence.language in kept else ()
            gone |= set(range(fence.line - 1, fence.end)) - set(body)
        for number in gone:
            lines[number] = " " * len(lines[number])
        return blank(COMMENT, "\n".join(lines))

    @cached_property
    def prose(self) -> str:
        """The page without front matter, code, comments, and fences but those that hold prose."""
        return blank(INLINE_CODE, self._without("quiz", "figure"))

    @cached_property
    def told(self) -> str:
        """The prose without mathematics, quizzes and figures."""
        return blank(MATH, blank(INLINE_CODE, self._without()))

    @cached_property
    def headings(self) -> tuple[Heading, ...]:
        """Headings in order."""
        found = HEADING.finditer(self._without())
        return tuple(Heading(self.line(h.start()), len(h["marks"]), _heading(h["text"])) for h in found)

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """Every `<data>` element in prose; in code it is code."""
        return tuple(map(self._fact, FACT.finditer(self.prose)))

    def _fact(self, tag: re.Match[str]) -> Fact:
        named = FACT_NAME.fullmatch(tag["attributes"])
        owner, _, name = (named["name"] if named else "").rpartition(":")
        start, end = tag.span("text")
        text = " ".join(html.unescape(self.text[start:end]).split())
        problem = "" if text else "holds no text"
        problem = problem if tag["end"].startswith("</") else "is never closed"
        problem = problem if named else "is not written in the form that is compared"
        return Fact(self, self.line(tag.start()), owner or self.name, name, text, start, end, problem)

    @cached_property
    def quizzes(self) -> tuple[Filled[Quiz], ...]:
        """Every quiz."""
        return tuple(fence.read(Quiz) for fence in self.of("quiz"))

    @cached_property
    def figures(self) -> tuple[Filled[Figure], ...]:
        """Every figure."""
        return tuple(fence.read(Figure) for fence in self.of("figure"))

    @property
    def named_facts(self) -> Iterator[tuple[int, str, str]]:
        """Line, owner and name of every fact that the page rests on, those of its quizzes included."""
        yield from ((f.line, f.owner, f.name) for f in self.facts if not f.problem)
        for quiz in self.quizzes:
            if quiz.value and quiz.value.numeric:
                owner, _, name = quiz.value.numeric.fact.rpartition(":")
                yield quiz.line("numeric", "fact"), owner or self.name, name

    @cached_property
    def citations(self) -> tuple[Citation, ...]:
        """Every key that the page cites, as often as it does."""
        found = []
        for meant in MEANT.finditer(blank(MATH, self.prose)):  # brackets in formulas are no citations
            inside = meant["inside"]
            keys = cited(inside) if re.fullmatch(CITATION, f"[{inside}]") else [("", "")]
            found += [Citation(self.line(meant.start()), "" if "@" in more else key) for key, more in keys]
        return tuple(found)


def read(path: Path, name: str) -> Page:
    """A page as far as it can be read; what hinders it is its `problem`."""
    text, wrong = forms.text_of(path, "the page")
    end = re.search(r"^---[ \t]*$", text[4:], re.M)
    if wrong:
        return Page(path, name, text, {}, 1, wrong._replace(rule="encoding"))
    if not text.startswith("---\n"):
        return Page(path, name, text, {}, 1)
    if end is None:
        problem = Problem(1, "the front matter is never closed.", "add a line `---` after it.", "front-matter")
        return Page(path, name, text, {}, 1, problem)
    block = text[4 : 4 + end.start()]
    _, meta, wrong = forms.load(block, "the front matter", 2)
    if wrong is None and not isinstance(meta, dict | None):
        wrong = Problem(2, "the front matter is not a list of `key: value` lines.", "see CONTRIBUTING.md.")
    wrong = wrong._replace(rule="front-matter") if wrong else None
    return Page(path, name, text, {} if wrong else meta or {}, block.count("\n") + 3, wrong)


def _includes(text: str, first: int) -> Iterator[Include]:
    for number, line in enumerate(text.split("\n"), first):
        if found := INCLUDE.match(line):
            yield Include(number, found["target"], *found["target"].partition(":")[::2])


def fences(lines: list[str], first: int = 1) -> Iterator[Fence]:
    """Every fenced block of a text, from a line on; a fence within another one is text."""
    number = first - 1
    while number < len(lines):
        match = OPEN.match(lines[number])
        number += 1
        if match is None or (match["fence"][0] == "`" and "`" in match["info"]):
            continue
        end = next((n for n in range(number, len(lines)) if lines[n].strip(" \t>") == match["fence"]), None)
        body = lines[number:end]  # as superfences does, a fence ends only with a line of the same marks
        width = len(match["indent"])
        held = (line[width:] if not line[:width].strip(" \t>") else line for line in body)
        yield Fence(number, match["indent"], match["info"], tuple(held), end is not None)
        number += len(body) + (end is not None)


def cited(inside: str) -> list[tuple[str, str]]:
    """Key and locator of each source between the brackets of a citation.

    >>> cited("@a, §3; @b")
    [('a', '§3'), ('b', '')]
    """
    split = (part.strip().removeprefix("@").partition(",") for part in inside.split(";"))
    return [(key.strip(), locator.strip()) for key, _, locator in split]


def number_in(text: str) -> str:
    """The first number of a text, without separators; empty if there is none.

    >>> number_in("about 57,656 tokens")
    '57656'
    """
    number = re.search(r"-?[\d,]*\.?\d+(?:e[+-]?\d+)?", text)
    return number[0].replace(",", "") if number else ""


def _heading(raw: str) -> str:
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", ATTRIBUTES.sub("", raw))
    text = re.sub(r"</?[a-zA-Z][^>]*>|[`*]|(?<!\w)_|_(?!\w)", "", text)
    return html.unescape(text).strip()


def blank(pattern: re.Pattern[str], text: str) -> str:
    """`text` with every match turned into spaces, its line breaks kept."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
