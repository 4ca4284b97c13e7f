"""The glossary as a page."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from itertools import groupby

from fieldguide.glossary import PAGE, Term
from fieldguide.project import Project


def page(project: Project, terms: Iterable[Term]) -> str:
    """Every term under its letter, as Markdown, so that headings, anchors and links are the generator's own."""
    letters = [(letter, list(group)) for letter, group in groupby(terms, lambda t: t.name[0].upper())]
    strip = " ".join(f"[{letter}](#letter-{letter.lower()})" for letter, _ in letters)
    parts = [f"{strip}\n{{ .fg-letters }}"]
    for letter, group in letters:
        parts.append(f"## {letter} {{ #letter-{letter.lower()} }}")
        parts += [_entry(project, term, {t.name: t for _, ts in letters for t in ts}) for term in group]
    return "\n\n".join(parts)


def _entry(project: Project, term: Term, terms: dict[str, Term]) -> str:
    title = f"{term.abbr} ({term.term})" if term.abbr else term.term
    notes = []
    if term.aliases:
        notes.append(f"Also: {', '.join(term.aliases)}.")
    treated = project.by_name.get(term.page)
    if treated and treated.meta.get("status") != "planned":
        target = posixpath.relpath(f"{term.page}.md", posixpath.dirname(PAGE))
        notes.append(f"Page: [{treated.meta['title']}]({target}).")
    if term.see:
        notes.append(f"See {', '.join(f'[{name}](#{terms[name].id})' for name in term.see)}.")
    head = f'### {title} {{ #{term.id} data-toc-label="{term.name}" }}'
    return "\n\n".join([head, term.says, *([" ".join(notes) + "\n{ .fg-source }"] if notes else [])])
