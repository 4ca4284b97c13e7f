"""Rules on the form of a page: its front matter, its place in the curriculum, its headings and sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from fieldguide.guide.markup import Heading
from fieldguide.guide.project import Page
from fieldguide.proof.rules.guide import FROM_DATA, Finding, Guide, meta_line, near, rule, status

LEVELS = ("core", "deep")
STATUSES = ("planned", "draft", "complete")
SECTIONS = ("At scale", "How it breaks", "In practice", "Check yourself", "Sources")
THEME_KEYS = frozenset({"template", "hide", "icon", "search"})
"""Keys that the theme reads and any page may set."""


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


Kinds = dict[str, tuple[Callable[[Any], bool], str]]
EVERY_PAGE: Kinds = {
    "title": (_text, "must be a text"),
    "description": (_text, "must be a sentence that search results can show"),
}
AREA_PAGE: Kinds = EVERY_PAGE | {
    "area": (_text, "must be the name of the folder"),
    "level": (LEVELS.__contains__, f"must be one of {', '.join(LEVELS)}"),
    "prerequisites": (_names, "must be a list of pages such as `[inference/index]`, or `[]`"),
    "status": (STATUSES.__contains__, f"must be one of {', '.join(STATUSES)}"),
}


@rule("meta", "The front matter has the keys of its kind of page, each of the right type, and no others.")
def front_matter(guide: Guide) -> Iterator[Finding]:
    """Missing, unknown and ill-typed keys."""
    for page in guide.pages:
        if page.name in guide.without_meta:
            continue
        kinds = AREA_PAGE if page.area in guide.area_slugs else EVERY_PAGE
        for key, (fits, must) in kinds.items():
            if key not in page.meta:
                yield (
                    page.path,
                    1,
                    f"the front matter lacks `{key}`, which {must}.",
                    f"add a line `{key}: …`.",
                )
            elif not _safely(fits, page.meta[key]):
                yield (
                    page.path,
                    meta_line(page, key),
                    f"`{key}: {page.meta[key]}` {must}.",
                    "correct the value.",
                )
        for key in page.meta:
            if key not in kinds and key not in THEME_KEYS:
                yield (
                    page.path,
                    meta_line(page, str(key)),
                    f"the front matter has an unknown key `{key}`. " + near(str(key), [*kinds, *THEME_KEYS]),
                    "correct or delete it.",
                )
        if kinds is AREA_PAGE and _text(page.meta.get("area")) and page.meta["area"] != page.area:
            yield (
                page.path,
                meta_line(page, "area"),
                f"the area is `{page.meta['area']}`, the folder `{page.area}`.",
                f"write `area: {page.area}`, or move the page.",
            )


def _safely(fits: Callable[[Any], bool], value: object) -> bool:
    try:
        return bool(fits(value))
    except TypeError:  # a list where a word is expected
        return False


@rule(
    "prerequisites",
    "Pages and prerequisites are in the curriculum; no page requires itself, even by way of others.",
)
def prerequisites(guide: Guide) -> Iterator[Finding]:
    """Names that are not in the curriculum, and circles."""
    requires = {
        page.name: [str(name) for name in page.meta.get("prerequisites", []) or []]
        for page in guide.area_pages
        if _names(page.meta.get("prerequisites"))
    }
    for page in guide.area_pages:
        if page.name not in guide.planned:
            yield (
                page.path,
                1,
                f"the curriculum has no page `{page.name}`. {near(page.name, guide.planned)}",
                "name the page as `docs/curriculum.yml` does, or add it there.",
            )
        line = meta_line(page, "prerequisites")
        for name in requires.get(page.name, ()):
            if name not in guide.planned:
                yield (
                    page.path,
                    line,
                    f"the prerequisite `{name}` is not in the curriculum. {near(name, guide.planned)}",
                    "correct the name.",
                )
        circle = _circle(page.name, requires)
        if circle and page.name == min(circle):
            way = " → ".join([*circle, page.name])
            yield (
                page.path,
                line,
                f"the prerequisites run in a circle: {way}.",
                "remove one of these prerequisites.",
            )


def _circle(start: str, requires: dict[str, list[str]]) -> list[str]:
    """The shortest way from a page back to itself, or nothing."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        for name in requires.get(way[-1], ()):
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


@rule("headings", "A page has one first-level heading, at its top, and no level is left out.")
def headings(guide: Guide) -> Iterator[Finding]:
    """Outlines that a screen reader cannot follow."""
    for page in guide.pages:
        found = guide.markup[page.name].headings
        top = [heading for heading in found if heading.level == 1]
        if not top and page.area in guide.area_slugs:
            yield (
                page.path,
                page.body_line,
                "the page has no first-level heading.",
                "begin it with `# Title`.",
            )
        for heading in top[1:]:
            yield (
                page.path,
                heading.line,
                f"`# {heading.text}` is a second first-level heading.",
                "make it `##`.",
            )
        if top and found[0].level != 1:
            yield (
                page.path,
                found[0].line,
                "a heading stands above the first-level heading.",
                "move it below.",
            )
        for above, below in pairwise(found):
            if below.level > above.level + 1:
                yield (
                    page.path,
                    below.line,
                    f"`{below.text}` is of level {below.level} under a heading of level {above.level}.",
                    f"make it level {above.level + 1}.",
                )


@rule(
    "sections", f"A complete page has the sections {', '.join(SECTIONS)}, in this order, none of them empty."
)
def sections(guide: Guide) -> Iterator[Finding]:
    """Complete pages that lack a part of the anatomy."""
    for page in guide.area_pages:
        if status(page) != "complete" or page.name in FROM_DATA:
            continue
        found = guide.markup[page.name].headings
        second = {heading.text: heading for heading in found if heading.level == 2}
        for name in SECTIONS:
            if name not in second:
                yield (
                    page.path,
                    1,
                    f"a complete page needs the section `## {name}`. " + near(name, second),
                    f"write it, or set `status: draft` on line {meta_line(page, 'status')}.",
                )
        present = [second[name] for name in SECTIONS if name in second]
        for before, after in pairwise(present):
            if after.line < before.line:
                yield (
                    page.path,
                    after.line,
                    f"the section `{after.text}` stands before `{before.text}`.",
                    f"the order is {', '.join(SECTIONS)}.",
                )
        for heading in present:
            if heading.text != "Sources" and _empty(page, heading, found):
                yield page.path, heading.line, f"the section `{heading.text}` is empty.", "write it."


def _empty(page: Page, heading: Heading, all_headings: tuple[Heading, ...]) -> bool:
    end = next((h.line - 1 for h in all_headings if h.line > heading.line and h.level <= 2), None)
    return not any(line.strip() for line in page.text.split("\n")[heading.line : end])
