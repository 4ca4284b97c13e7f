"""Rules on facts: a number in prose names the fact that computes it.

Values are compared where snippets run, in `fieldguide.proof.record`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from fieldguide.guide import regions as code
from fieldguide.guide.project import Page
from fieldguide.proof.rules.guide import Finding, Guide, child, compose, near, rule

TAG = re.compile(r"<data\b(?P<attributes>[^>]*)>(?P<text>.*?)(?P<end></data\s*>|(?=<data\b)|\Z)", re.S | re.I)
VALUE = re.compile(r"\s+value=\"(?P<name>[^\"]+)\"\s*")  # the form that `fieldguide.proof.record` compares


@dataclass(frozen=True)
class Use:
    """One place that names a fact."""

    page: Page
    line: int
    name: str


@lru_cache(maxsize=1)
def defined(guide: Guide) -> dict[str, dict[str, tuple[Path, int]]]:
    """Facts of every page: where each is first named."""
    facts: dict[str, dict[str, tuple[Path, int]]] = {}
    for trio in guide.trios.values():
        names = facts.setdefault(trio.page.name, {})
        for path in trio.snippets:
            if (tree := guide.tree(path)) is not None:
                for name, line in code.fact_names(tree)[0]:
                    names.setdefault(name, (path, line))
    return facts


def resolve(facts: dict[str, dict[str, tuple[Path, int]]], page: Page, name: str) -> tuple[str, str] | None:
    """Page and fact that `name` (`fact` or `area/slug:fact`) means, or None."""
    owner, _, fact = name.rpartition(":")
    owner = owner or page.name
    return (owner, fact) if fact in facts.get(owner, {}) else None


@lru_cache(maxsize=1)
def uses(guide: Guide) -> tuple[Use, ...]:
    """Every fact that a page or a quiz names."""
    return tuple(_uses(guide))


def _uses(guide: Guide) -> Iterator[Use]:
    for page in guide.pages:
        markup = guide.markup[page.name]
        for tag in TAG.finditer(markup.prose):
            if found := VALUE.fullmatch(tag["attributes"]):
                yield Use(page, markup.line(tag.start()), found["name"])
        for fence in markup.fences:
            if fence.language == "quiz":
                yield from (
                    Use(page, fence.line + line, name) for line, name in _numeric("\n".join(fence.body))
                )


def _numeric(text: str) -> Iterator[tuple[int, str]]:
    """The fact of a numeric quiz, with its line within the fence."""
    try:
        node = child(child(compose(text), "numeric"), "fact")
    except yaml.YAMLError:
        return  # the rule `quiz` says so
    if isinstance(node, yaml.ScalarNode):
        yield node.start_mark.line + 1, node.value


@rule("fact", "Every fact that a page names is one that a snippet computes.")
def known_fact(guide: Guide) -> Iterator[Finding]:
    """Unknown names, and `<data>` elements that name nothing."""
    facts = defined(guide)
    for page in guide.pages:
        markup = guide.markup[page.name]
        for tag in TAG.finditer(markup.prose):
            line = markup.line(tag.start())
            if VALUE.fullmatch(tag["attributes"]) is None:
                yield (
                    page.path,
                    line,
                    "a `<data>` element is not written in the form that is compared.",
                    'write `<data value="name">text</data>`.',
                )
            elif not tag["end"].startswith("</"):
                yield (
                    page.path,
                    line,
                    "a `<data>` element is never closed.",
                    "write `</data>` after the number.",
                )
            elif not tag["text"].strip():
                yield (
                    page.path,
                    line,
                    "a `<data>` element holds no text.",
                    "run `fieldguide record`, which fills it in.",
                )
    for use in uses(guide):
        if resolve(facts, use.page, use.name) is not None:
            continue
        owner, _, fact = use.name.rpartition(":")
        if owner and owner not in facts:
            problem = f"there is no page `{owner}` with facts. {near(owner, facts)}"
        else:
            problem = f"no snippet of `{owner or use.page.name}` computes the fact `{fact}`. "
            problem += near(fact, facts.get(owner or use.page.name, {}))
        yield use.page.path, use.line, problem, "correct the name, or compute the number in `facts()`."


@rule("unused-fact", "Every fact is used by some page.")
def used_fact(guide: Guide) -> Iterator[Finding]:
    """Facts that are computed for nobody."""
    facts = defined(guide)
    used = {resolve(facts, use.page, use.name) for use in uses(guide)}
    for owner, names in facts.items():
        for name, (path, line) in names.items():
            if (owner, name) not in used:
                yield (
                    path,
                    line,
                    f"no page uses the fact `{name}`.",
                    f'write `<data value="{name}">…</data>` on `docs/{owner}.md`, or delete it.',
                )


@rule("fact-names", "The names of facts are written out, and each is given once per page.")
def fact_names(guide: Guide) -> Iterator[Finding]:
    """Computed names, and names that two snippets of one page share."""
    for trio in guide.trios.values():
        seen: dict[str, tuple[Path, int]] = {}
        for path in trio.snippets:
            tree = guide.tree(path)
            if tree is None:
                continue
            names, problems = code.fact_names(tree)
            for line, message, fix in problems:
                yield path, line, message, fix
            for name, line in names:
                if name in seen:
                    first, at = seen[name]
                    yield (
                        path,
                        line,
                        f"the fact `{name}` is already given in `{first.name}`, line {at}.",
                        "give it another name, or delete one of the two.",
                    )
                elif not re.fullmatch(r"[A-Za-z]\w*", name):
                    yield (
                        path,
                        line,
                        f"`{name}` is no name for a fact.",
                        "use letters, digits and underscores.",
                    )
                seen.setdefault(name, (path, line))
