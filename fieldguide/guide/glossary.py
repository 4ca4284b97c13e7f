"""The terms of the guide, as `docs/glossary.yml` lists them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import yaml

from fieldguide.guide.project import LOADER, Breach, BreachError, Project

FILE = "docs/glossary.yml"
PAGE = "practice/glossary"
"""The page that shows the whole file."""
TEXTS = ("term", "abbr", "tip", "says", "page")
LISTS = ("aliases", "see")
NEEDED = ("term", "says", "page")
TIP = 50
"""Letters of a tip: each stands in the HTML of every page that uses the term."""
NUMBER = re.compile(r"(?<![\w.@-])\d[\d.,]*(?![\w-])")
"""A number that asserts something; `1F1B` and `FP8` are names."""


@dataclass(frozen=True)
class Term:
    """One entry."""

    term: str
    abbr: str
    tip: str
    aliases: tuple[str, ...]
    says: str
    page: str
    see: tuple[str, ...]
    line: int
    """Where the entry begins in the file, counted from 1."""

    @property
    def name(self) -> str:
        """What `see` calls it, and what the page sorts by: the abbreviation where there is one."""
        return self.abbr or self.term

    @property
    def shown(self) -> str:
        """What the tooltip says: what an abbreviation stands for, or the tip."""
        return self.term if self.abbr else self.tip

    @cached_property
    def id(self) -> str:
        """Its anchor on the glossary page."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def load(project: Project) -> dict[str, Term]:
    """Every term by its name, in alphabetical order.

    Raises:
        BreachError: at the first thing in the file that is wrong.
    """
    terms, breaches = read(project)
    if breaches:
        raise BreachError(breaches[0])
    return {term.name: term for term in sorted(terms, key=lambda term: term.name.lower())}


def read(project: Project) -> tuple[list[Term], list[Breach]]:
    """Every term that can be read, and everything that is wrong with the file, by line."""
    path = project.root / FILE
    if not path.is_file():
        return [], []
    try:
        document = yaml.compose(path.read_text(encoding="utf-8"), LOADER)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        return [], [_breach(line, "the glossary is not UTF-8.", "save the file as UTF-8.")]
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it is not YAML"
        where = "context_mark" if "end of stream" in problem else "problem_mark"  # the quote, not the end
        mark = getattr(error, where, None)
        fix = "correct the YAML; quote a text that holds a colon or begins with a special character."
        return [], [_breach(mark.line + 1 if mark else 1, f"the glossary cannot be read: {problem}.", fix)]
    if not isinstance(document, yaml.SequenceNode):
        fix = "begin each entry with `- term: …`."
        return [], [_breach(1, "the glossary is not a list of entries.", fix)]
    terms: list[Term] = []
    breaches: list[Breach] = []
    lines: dict[int, dict[str, int]] = {}
    for node in document.value:
        term, at, found = _entry(node)
        breaches += found
        if term is not None:
            terms.append(term)
            lines[term.line] = at
    planned = {page.name for area in project.areas for page in area.pages}
    breaches += _together(terms, lines, planned)
    return terms, sorted(breaches)


def _breach(line: int, message: str, fix: str) -> Breach:
    return Breach(FILE, line, "glossary", message, fix)


def _entry(node: yaml.Node) -> tuple[Term | None, dict[str, int], list[Breach]]:
    """An entry, the line of each of its keys, and what is wrong with it by itself."""
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        return None, {}, [_breach(line, "this entry is not a term with keys.", "write `- term: …`.")]
    texts: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    at: dict[str, int] = {}
    breaches = []
    for key_node, value in node.value:
        key, where = str(key_node.value), key_node.start_mark.line + 1
        if key in at:
            breaches.append(_breach(where, f"`{key}` is given twice.", "keep one."))
        at[key] = where
        if key in TEXTS and isinstance(value, yaml.ScalarNode) and str(value.value).strip():
            texts[key] = " ".join(str(value.value).split())
        elif key in LISTS and isinstance(value, yaml.SequenceNode) and all(map(_is_text, value.value)):
            lists[key] = tuple(str(item.value) for item in value.value)
        elif key in TEXTS:
            breaches.append(_breach(where, f"`{key}` must be a text.", f"write `{key}: …`, or delete it."))
        elif key in LISTS:
            fix = f"write `{key}: [first, second]`."
            breaches.append(_breach(where, f"`{key}` must be a list of texts.", fix))
        else:
            message = f"an entry has no key `{key}`. {_near(key, (*TEXTS, *LISTS))}"
            breaches.append(_breach(where, message, "correct or delete it."))
    for key in NEEDED:
        if key not in at:
            name = texts.get("term", "?")
            breaches.append(_breach(line, f"the entry `{name}` lacks `{key}`.", f"add `{key}: …`."))
    if "says" in texts:
        breaches += _definition(texts["says"], at["says"])
    if "tip" in texts and ("abbr" in texts or len(texts["tip"]) > TIP):
        why = "is for terms without `abbr`" if "abbr" in texts else f"is longer than {TIP} letters"
        breaches.append(_breach(at["tip"], f"`tip` {why}.", "shorten or delete it."))
    if any(key not in texts for key in NEEDED):
        return None, at, breaches
    term = Term(texts["term"], texts.get("abbr", ""), texts.get("tip", ""), lists.get("aliases", ()), texts["says"], texts["page"],
                lists.get("see", ()), line)  # fmt: skip
    return term, at, breaches


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(str(node.value).strip())


def _definition(says: str, line: int) -> Iterator[Breach]:
    if number := NUMBER.search(says):
        fix = "say it without the number; a page computes or cites numbers."
        yield _breach(line, f"the definition asserts the number `{number[0]}`.", fix)
    sentences = len(re.findall(r"[.!?](?=\s|$)", says))
    if not 1 <= sentences <= 2 or says[-1] not in ".!?":
        message = f"a definition is one or two sentences; this is {sentences or 'none'}."
        yield _breach(line, message, "shorten it, and end it with a period.")


def _together(terms: list[Term], lines: dict[int, dict[str, int]], planned: set[str]) -> Iterator[Breach]:
    """What is wrong between entries: names used twice, and names of what is not there."""
    first: dict[str, Term] = {}
    anchors: dict[str, Term] = {}
    for term in terms:
        for kind, name in [("term", term.term), ("abbr", term.abbr), *(("aliases", a) for a in term.aliases)]:
            other = first.setdefault(name.lower(), term)
            if name and other is not term:
                message = f"`{name}` is explained twice; first on line {other.line}."
                yield _breach(lines[term.line][kind], message, "keep one.")
        other = anchors.setdefault(term.id, term)
        if other is not term and other.name.lower() != term.name.lower():
            message = f"`{term.name}` and `{other.name}` have the same address, `#{term.id}`."
            yield _breach(term.line, message, "rename one.")
    names = {term.name for term in terms}
    for term in terms:
        if term.page not in planned:
            message = f"the curriculum has no page `{term.page}`. {_near(term.page, planned)}"
            yield _breach(lines[term.line]["page"], message, "name the page as `docs/curriculum.yml` does.")
        for other_name in term.see:
            if other_name not in names or other_name == term.name:
                message = f"`see` names `{other_name}`, which is no other entry. {_near(other_name, names)}"
                fix = "name an entry by its `abbr`, or by its `term` where it has none."
                yield _breach(lines[term.line]["see"], message, fix)


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), 3, 0.5)
    return f"Did you mean {', '.join(f'`{n}`' for n in close)}?" if close else ""
