"""Rules on the glossary: its file can be read and holds together, and its page shows it."""

from __future__ import annotations

from collections.abc import Iterator

from fieldguide.guide import glossary
from fieldguide.proof.rules.guide import Finding, Guide, rule


@rule(
    "glossary", "Every term is explained once, in one or two sentences without a number, and leads somewhere."
)
def terms(guide: Guide) -> Iterator[Finding]:
    """What is wrong with `docs/glossary.yml`, and a glossary page that does not show it."""
    found, breaches = glossary.read(guide.project) if guide.area_slugs else ([], [])
    yield from ((b.path, b.line, b.message, b.fix) for b in breaches)
    page = next((page for page in guide.pages if page.name == glossary.PAGE), None)
    if page is None:
        if found:
            message = f"no page shows the glossary: `docs/{glossary.PAGE}.md` does not exist."
            yield glossary.FILE, 1, message, "restore it from the main branch."
    elif not any(fence.language == "glossary" for fence in guide.markup[page.name].fences):
        yield page.path, page.body_line, "the page does not show the glossary.", "add a `glossary` fence."
