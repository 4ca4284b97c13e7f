"""Rules on sources: every citation is in the bibliography, every source is cited, complete and dated."""

import datetime
import re
from collections.abc import Iterator

from fieldguide.guide import sources
from fieldguide.guide.names import near
from fieldguide.guide.project import Project
from fieldguide.guide.sources import FILE, Entry
from fieldguide.proof.rules.rule import Finding, rule


@rule("citation", "Every citation names a source of the bibliography.")
def known_source(project: Project) -> Iterator[Finding]:
    """Citations of what is not there."""
    entries, _ = sources.read(project)
    for page in project.every_page:
        for citation in page.citations:
            if not citation.key:
                fix = "write `[@key]`, `[@key, §3]`, or `[@first; @second]`."
                yield Finding(page.path, citation.line, "a citation cannot be read.", fix)
            elif citation.key not in entries:
                message = f"`{FILE}` has no source `{citation.key}`. {near(citation.key, entries)}"
                yield Finding(page.path, citation.line, message, "correct the key, or add the source.")


@rule("bibliography", "Every source is cited, and has authors, a title, a year, an address and the date it was read.")
def complete_source(project: Project) -> Iterator[Finding]:
    """Malformed, unused and incomplete sources; an incomplete one belongs to each page that cites it."""
    entries, breaches = sources.read(project)
    path = project.root / FILE
    for breach in breaches:
        yield Finding(path, breach.line, breach.message, breach.fix)
    citing: dict[str, set[str]] = {key: set() for key in entries}
    for page in project.every_page:
        for citation in page.citations:
            citing.get(citation.key, set()).add(page.name)
    for entry in entries.values():
        if not citing[entry.key]:
            fix = f"write `[@{entry.key}]` where it is used, or delete it."
            yield Finding(path, entry.line, f"no page cites `{entry.key}`.", fix)
        for problem, fix in _incomplete(entry):
            for name in sorted(citing[entry.key]) or [""]:
                yield Finding(path, entry.line, f"the source `{entry.key}` {problem}.", fix, name)


def _incomplete(entry: Entry) -> Iterator[tuple[str, str]]:
    needed = [
        (entry.authors, "has no author", "add `author = {Family, Given and …}`; an institution in double braces."),
        (entry.title, "has no title", "add `title = {…}`."),
        (re.fullmatch(r"\d{4}", entry.year), "has no year", "add `year = {2024}`."),
        (entry.doi or entry.eprint or entry.url, "has no DOI, arXiv id or URL", "add `doi`, `eprint` or `url`."),
    ]
    yield from ((problem, fix) for there, problem, fix in needed if not there)
    try:
        datetime.date.fromisoformat(entry.urldate)
    except ValueError:
        yield "does not say when it was read", "add `urldate = {2026-01-31}`."
