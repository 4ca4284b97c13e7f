"""Rules on what a page may bring into a browser, and on characters that a reviewer cannot see."""

import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

import markdown
import nh3

from fieldguide.guide.project import Project
from fieldguide.proof.rules.rule import Finding, rule

ATTRIBUTES = {
    "*": {"class", "id", "markdown", "hidden", "role", "aria-label"}, "a": {"href", "title"}, "button": {"type"}, "data": {"value"},
    "img": {"src", "alt", "title", "width", "height", "loading"}, "details": {"open"}, "ol": {"start"},
    "th": {"style", "colspan"}, "td": {"style", "colspan"},
}  # fmt: skip
TAGS = nh3.ALLOWED_TAGS | {"button"}
LINK = r"\]\(\s*(?!https?:|mailto:|[#./]|[\w/-]+\.md)|^\s*\[[^\]]+\]:"
SUSPECT = re.compile(rf"<(?!data value=\"[^\"]*\">|dfn>|/|br>)\w|\{{[:#. ]|!\[|{LINK}", re.M)
WORD = re.compile(r"[^\W\d_]*[^\x00-\x7F\W\d_][^\W\d_]*")


class Tags(HTMLParser):
    """Every tag of a text, and every attribute with its value."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, str, str]] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, and each attribute."""
        self.found[tag, "", ""] += 1
        self.found.update((tag, name, value or "") for name, value in attrs)


@rule("markup", "A page holds the tags, attributes and links that a text needs: no script, no handler, no style.",
      "say it in Markdown; drawings, calculators and quizzes have fences.")  # fmt: skip
def markup(project: Project) -> Iterator[Finding]:
    """What an allow-list of HTML would take out, and pictures without a text for who does not see them."""
    for page in project.every_page:
        start = 0
        for block in re.split(r"\n[ \t]*\n", page.told):
            start = page.told.index(block, start)
            if SUSPECT.search(block):
                for message in _refused(block):
                    yield Finding(page.path, page.line(start + len(block) - len(block.lstrip("\n"))), message)
            start += len(block)


def _refused(block: str) -> Iterator[str]:
    text = markdown.markdown(textwrap.dedent(block), extensions=["attr_list", "md_in_html", "tables"])
    tags = Tags(text).found
    clean = nh3.clean(
        text, tags=TAGS, attributes=ATTRIBUTES, generic_attribute_prefixes={"data-fg-"}, link_rel=None,
        url_schemes={"https", "http", "mailto"}, clean_content_tags=set(), filter_style_properties={"text-align"},
    )  # fmt: skip
    lost = tags - Tags(clean).found
    for tag, name, value in lost:
        if name and (tag, "", "") in lost:
            continue  # its tag is said
        what = f"`{name}={value[:40]}` of `<{tag}>`" if name else f"`<{tag}>`"
        yield f"{what} cannot stand in a page."
    described = sum(n for (tag, name, value), n in tags.items() if (tag, name) == ("img", "alt") and value.strip())
    if described < tags["img", "", ""]:
        yield "a picture has no text for who does not see it."


@rule("characters", "No character is invisible, turns the direction of a text, or looks like one of another alphabet.",
      "type the word anew.")  # fmt: skip
def characters(project: Project) -> Iterator[Finding]:
    """Characters that hide something from who reads a change."""
    lists = [path for path in project.docs.glob("*.*") if path.suffix in (".yml", ".bib", ".txt")]
    tests = sorted(project.tests.rglob("test_*.py"))
    for path in (*(page.path for page in project.every_page), *project.snippet_files, *tests, *lists):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
            if not line.isascii():
                for character in {c for c in line if unicodedata.category(c) == "Cf"}:
                    name = unicodedata.name(character, "unnamed").lower()
                    yield Finding(path, number, f"the character U+{ord(character):04X} ({name}) cannot be seen.")
                for word in WORD.findall(line):
                    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in word} & {"LATIN", "GREEK", "CYRILLIC"}
                    if len(scripts) > 1 and ("CYRILLIC" in scripts or len(word) > 3):  # βF is a formula
                        mixed = " and ".join(name.title() for name in sorted(scripts))
                        yield Finding(path, number, f"`{word}` mixes letters of {mixed}.")
