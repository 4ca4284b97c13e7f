"""The glossary as a page, and the tooltips that it gives to all other pages."""

import posixpath
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from xml.etree import ElementTree

from markdown.util import HTML_PLACEHOLDER_RE, AtomicString, HtmlStash

from fieldguide.guide.glossary import PAGE, Term
from fieldguide.guide.project import Project
from fieldguide.site.markdown import tables

UNTOUCHED = re.compile("h[1-6]|a|code|pre|kbd|abbr|summary|button|label|script|style|svg|math")
"""Elements whose text stays as it is: headings, code, links, and what can be clicked."""
TITLE = "admonition-title"
RAW = re.compile(rf"<(?P<end>/?)(?:data|{UNTOUCHED.pattern})\b[^<>]*>")
"""A tag of the page's own HTML that begins or ends such an element."""


def page(project: Project, terms: Iterable[Term]) -> str:
    """Every term under its letter, as Markdown, so that headings, anchors and links are the generator's own."""
    letters = {letter: list(group) for letter, group in groupby(terms, lambda term: term.name[0].upper())}
    known = {term.name: term for group in letters.values() for term in group}
    return tables.render("glossary", project, letters=letters, known=known, link=_file)


def _file(name: str) -> str:
    return posixpath.relpath(f"{name}.md", posixpath.dirname(PAGE))


@lru_cache(maxsize=4)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    """Any of them as a word of its own, its plural included; the longest that fits."""
    longest = sorted(names, key=lambda name: (-len(name), name))
    words = "|".join(map(re.escape, longest))
    return re.compile(rf"{HTML_PLACEHOLDER_RE.pattern.replace('(', '(?P<raw>', 1)}|(?<![\w-])(?:{words})(?=s?\b)")


class Tooltips:
    """Puts the first use of each term of a page into an `<abbr>` that says what it is."""

    def __init__(self, terms: Iterable[Term], stash: HtmlStash) -> None:
        self.stash = stash
        self.inside = 0  # elements of the page's own HTML that are open and stay as they are
        self.left = {}
        for term in terms:
            if term.shown:
                self.left[term.name] = term
                self.left[term.name[0].upper() + term.name[1:]] = term
        self.pattern = _pattern(frozenset(self.left))

    def put(self, element: ElementTree.Element) -> None:
        """Walk an element in reading order."""
        if UNTOUCHED.fullmatch(element.tag) or element.get("class") == TITLE:
            return
        children = list(element)
        element.text = self._marked(element, 0, element.text)
        for child in children:
            self.put(child)
            child.tail = self._marked(element, list(element).index(child) + 1, child.tail)

    def _marked(self, parent: ElementTree.Element, at: int, text: str | None) -> str | None:
        """Insert what is found in `text` into the parent; the text that stays before it."""
        if not text or isinstance(text, AtomicString):
            return text
        head, end, last = text, 0, None
        for match in self.pattern.finditer(text):
            if tag := match["raw"]:
                self._enter(tag)
                continue
            term = self.left.get(match[0])
            if term is None or self.inside or _spelled_out(text[: match.start()], term):
                continue
            for name in (term.name, term.name[0].upper() + term.name[1:]):
                self.left.pop(name, None)
            mark = ElementTree.Element("abbr", {"title": term.shown})
            mark.text = AtomicString(match[0])
            if last is None:
                head = text[: match.start()]
            else:
                last.tail = text[end : match.start()]
            parent.insert(at, mark)
            at, end, last = at + 1, match.end(), mark
        if last is not None:
            last.tail = text[end:]
        return head

    def _enter(self, number: str) -> None:
        """Note a tag of the page's own HTML, of which the text holds only the number."""
        raw = self.stash.rawHtmlBlocks[int(number)]
        if isinstance(raw, str) and (tag := RAW.fullmatch(raw)):
            self.inside = max(0, self.inside + (-1 if tag["end"] else 1))


def _spelled_out(before: str, term: Term) -> bool:
    """Whether the page itself says what it stands for: `grouped-query attention (GQA`."""
    return before.endswith("(") and before[:-1].rstrip().lower().endswith(term.term.lower())
