"""Rules on sources: every citation is in the bibliography, every source is cited, complete and dated."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from fieldguide.guide.sources import FILE, Entry
from fieldguide.proof.rules.guide import Finding, Guide, near, rule

CITATION = re.compile(r"(?<![\\!])\[(?P<inside>[^\[\]]*@[^\[\]]*)\](?![(\[])")
KEY = re.compile(r"(?<!\w)@[a-z]+\d{4}")  # `[see @kwon2023vllm]`, which would be shown as it stands
PART = re.compile(r"\s*@(?P<key>\w[\w:.+-]*)\s*(?:,.*)?", re.S)


def cited(guide: Guide) -> Iterator[tuple[str, int, str]]:
    """Page name, line and key of every citation; an empty key where the citation cannot be read."""
    for page in guide.pages:
        markup = guide.markup[page.name]
        for found in CITATION.finditer(markup.plain):
            if not found["inside"].lstrip().startswith("@") and not KEY.search(found["inside"]):
                continue  # an address such as [write to a@b.org], not a citation
            line = markup.line(found.start())
            for part in found["inside"].split(";"):
                match = PART.fullmatch(part)
                yield page.name, line, match["key"] if match and ", @" not in part else ""


@rule("citation", "Every citation names a source of the bibliography.")
def known_source(guide: Guide) -> Iterator[Finding]:
    """Citations of what is not there."""
    entries, _ = guide.sources
    for name, line, key in cited(guide):
        path = guide.project.docs / f"{name}.md"
        if not key:
            yield (
                path,
                line,
                "a citation cannot be read.",
                "write `[@key]`, `[@key, §3]`, or `[@first; @second]`.",
            )
        elif key not in entries:
            yield (
                path,
                line,
                f"`{FILE}` has no source `{key}`. {near(key, entries)}",
                "correct the key, or add the source.",
            )


@rule("unused-source", "Every source is cited by some page.")
def used_source(guide: Guide) -> Iterator[Finding]:
    """Sources that nothing rests on."""
    used = {key for _, _, key in cited(guide)}
    for entry in guide.sources[0].values():
        if entry.key not in used:
            yield (
                FILE,
                entry.line,
                f"no page cites `{entry.key}`.",
                f"write `[@{entry.key}]` where it is used, or delete it.",
            )


@rule(
    "bibliography",
    "Every source can be read, and has authors, a title, a year, an address and the date it was read.",
)
def complete_source(guide: Guide) -> Iterator[Finding]:
    """Malformed and incomplete sources."""
    entries, breaches = guide.sources
    yield from ((b.path, b.line, b.message, b.fix) for b in breaches)
    for entry in entries.values():
        for problem, fix in _incomplete(entry):
            yield FILE, entry.line, f"the source `{entry.key}` {problem}.", fix


def _incomplete(entry: Entry) -> Iterator[tuple[str, str]]:
    if not entry.authors:
        yield "has no author", "add `author = {Family, Given and …}`; an institution in double braces."
    if not entry.title:
        yield "has no title", "add `title = {…}`."
    if not re.fullmatch(r"\d{4}", entry.year):
        yield "has no year", "add `year = {2024}`."
    if not (entry.doi or entry.eprint or entry.url):
        yield "has no DOI, arXiv id or URL", "add `doi`, `eprint` or `url`."
    try:
        datetime.date.fromisoformat(entry.urldate)
    except ValueError:
        yield "does not say when it was read", "add `urldate = {2026-01-31}`."
