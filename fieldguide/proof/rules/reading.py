"""Rules on what can be read at all: encodings, front matter, the curriculum, Python's syntax."""

from __future__ import annotations

from collections.abc import Iterator

from fieldguide.proof.rules.guide import Finding, Guide, rule


@rule("encoding", "Every page, snippet, output and test is UTF-8.")
def encoding(guide: Guide) -> Iterator[Finding]:
    """Bytes that are no text."""
    yield from _unreadable(guide, "encoding")
    for path in (*guide.project.snippet_files, *guide.outputs, *guide.test_files):
        guide.text(path)
    for path, line in guide.undecodable.items():
        yield path, line, "the file is not UTF-8.", "save the file as UTF-8."


@rule("front-matter", "Every page begins with well-formed front matter.")
def malformed_front_matter(guide: Guide) -> Iterator[Finding]:
    """Front matter that is no YAML mapping. What it must hold is the rule `meta`."""
    yield from _unreadable(guide, "front-matter")


@rule("curriculum", "The curriculum can be read.")
def curriculum(guide: Guide) -> Iterator[Finding]:
    """`docs/curriculum.yml` missing or malformed."""
    yield from _unreadable(guide, "curriculum")


@rule("syntax", "Every snippet and every test is valid Python.")
def syntax(guide: Guide) -> Iterator[Finding]:
    """Python files that cannot be parsed."""
    for path in (*guide.project.snippet_files, *guide.test_files):
        guide.tree(path)
    for path, (line, message) in guide.unparsable.items():
        yield path, line, f"not valid Python: {message}.", "correct the syntax."


def _unreadable(guide: Guide, id: str) -> Iterator[Finding]:
    return ((b.path, b.line, b.message, b.fix) for b in guide.unreadable if b.rule == id)
