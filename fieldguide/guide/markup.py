"""A Markdown page as the contract sees it: its fences, its headings, and its prose without code.

This is a reading of lines, not a rendering: a hundred pages take milliseconds, and every
finding keeps its line.
"""

from __future__ import annotations

import bisect
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from markdown.extensions.toc import slugify, unique

from fieldguide.guide.project import Page

OPEN = re.compile(r"^(?P<indent>[ \t>]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>.*?)[ \t]*$")
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
INLINE_CODE = re.compile(r"(?<![`\\])(`+)(?!`)(?:[^\n]|\n(?!\s*\n))+?(?<!`)\1(?!`)")
MATH = re.compile(
    r"(?<![\\$])\$\$(?!\$).+?(?<!\\)\$\$|(?<![\\$])\$(?![\s$])(?:[^$\n]|\n(?!\s*\n))+?(?<![\s\\])\$(?!\d)",
    re.S,
)
HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<text>.+?)(?:[ \t]+#+)?[ \t]*$", re.M)
SETEXT = re.compile(r"^(?![ \t>|#*+-]|\d+\.)(?P<text>\S.*)\n(?P<marks>=+|-+)[ \t]*$", re.M)
ATTRIBUTES = re.compile(r"[ \t]*\{:?(?P<list>[^}\n]*)\}[ \t]*$")
EXPLICIT_ID = re.compile(r"\{:?[^}\n]*?#(?P<a>[\w:.-]+)[^}\n]*\}|\b(?:id|name)=[\"'](?P<b>[^\"']+)[\"']")


@dataclass(frozen=True)
class Fence:
    """One fenced block."""

    line: int
    """Of the opening fence, counted from 1 in the file."""
    language: str
    info: str
    body: tuple[str, ...]
    """The lines within, without the indentation of the fence."""
    closed: bool

    @property
    def title(self) -> str:
        """`title="…"` of the opening line."""
        found = re.search(r"""title=(["'])(.*?)\1""", self.info)
        return found[2] if found else ""


@dataclass(frozen=True)
class Heading:
    """One heading."""

    line: int
    level: int
    text: str
    id: str


class Markup:
    """The parts of one page. Every text has the line structure of the file."""

    def __init__(self, page: Page) -> None:
        self.page = page
        lines = page.text.split("\n")
        for number in range(page.body_line - 1):
            lines[number] = ""
        self.fences = tuple(_fences(lines))
        for fence in self.fences:
            kept = fence.language == "quiz"  # its text is rendered as prose
            for number in range(fence.line - 1, fence.line + len(fence.body) + fence.closed):
                if not (kept and fence.line <= number < fence.line + len(fence.body)):
                    lines[number] = ""
        self.unfenced = "\n".join(lines)
        """The page without its front matter and without fences other than quizzes."""

    @cached_property
    def shown(self) -> str:
        """`unfenced` without HTML comments."""
        return _blank(COMMENT, self.unfenced)

    @cached_property
    def prose(self) -> str:
        """`shown` without inline code."""
        return _blank(INLINE_CODE, self.shown)

    @cached_property
    def plain(self) -> str:
        """`prose` without mathematics: brackets in what is left are Markdown's."""
        return _blank(MATH, self.prose)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.unfenced))]

    def line(self, offset: int) -> int:
        """Line number of a character of `unfenced`, `shown`, `prose` or `plain`."""
        return bisect.bisect_right(self._starts, offset)

    @cached_property
    def headings(self) -> tuple[Heading, ...]:
        """Headings in order, with the identifiers that Python-Markdown gives them."""
        found: list[tuple[int, int, str]] = []
        outside_quiz = self._without_quizzes()
        for match in HEADING.finditer(outside_quiz):
            found.append((self.line(match.start()), len(match["marks"]), match["text"]))
        for match in SETEXT.finditer(outside_quiz):
            found.append((self.line(match.start()), 1 if match["marks"][0] == "=" else 2, match["text"]))
        taken: set[str] = set()
        headings = []
        for line, level, raw in sorted(found):
            text = _heading_text(raw)
            attributes = ATTRIBUTES.search(raw)
            explicit = re.search(r"#([\w:.-]+)", attributes["list"]) if attributes else None
            headings.append(
                Heading(line, level, text, explicit[1] if explicit else unique(slugify(text, "-"), taken))
            )
            taken.add(headings[-1].id)
        return tuple(headings)

    @cached_property
    def ids(self) -> frozenset[str]:
        """Everything that a link can point to on this page."""
        explicit = (match["a"] or match["b"] for match in EXPLICIT_ID.finditer(self.prose))
        footnotes = (f"fn:{match[1]}" for match in re.finditer(r"^\[\^([^\]]+)\]:", self.prose, re.M))
        return frozenset({heading.id for heading in self.headings}.union(explicit, footnotes))

    def _without_quizzes(self) -> str:
        lines = self.shown.split("\n")
        for fence in self.fences:
            for number in range(fence.line - 1, fence.line + len(fence.body)):
                lines[number] = " " * len(lines[number])
        return "\n".join(lines)


def _fences(lines: list[str]) -> Iterator[Fence]:
    number = 0
    while number < len(lines):
        match = OPEN.match(lines[number])
        number += 1
        if match is None or (match["fence"][0] == "`" and "`" in match["info"]):
            continue
        end = next(
            (n for n in range(number, len(lines)) if lines[n].strip(" \t>") == match["fence"]), None
        )  # as superfences does, a fence ends only with a line of the same marks
        body = lines[number : len(lines) if end is None else end]
        width = len(match["indent"])
        yield Fence(
            number,
            _language(match["info"]),
            match["info"],
            tuple(line[width:] if not line[:width].strip(" \t>") else line for line in body),
            end is not None,
        )
        number += len(body) + (end is not None)


def _language(info: str) -> str:
    """`python` of `python title="x"` and of `{ .python title="x" }`."""
    word = re.match(r"\{?\s*\.?([\w+#-]*)", info)
    return word[1].lower() if word else ""


def _heading_text(raw: str) -> str:
    text = ATTRIBUTES.sub("", raw)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"</?[a-zA-Z][^>]*>", "", text)
    text = re.sub(r"[`*]|(?<!\w)_|_(?!\w)", "", text)
    return html.unescape(text).strip()


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """`text` with every match turned into spaces, its line breaks kept."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
