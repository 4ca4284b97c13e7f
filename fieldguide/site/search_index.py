"""The step after the build: the search index, which every reader loads, keeps what finds a section, not all of it.

A section keeps its title and its opening. A field of its own, searched and not shown, holds the names in its code and
those of the terms that it uses, synonyms included; it holds a calculator's labels. A function has its name alone.
"""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

from fieldguide.calc import fence
from fieldguide.calc.engine import fields, summary
from fieldguide.guide import glossary
from fieldguide.guide.glossary import Term
from fieldguide.guide.project import Project
from fieldguide.site.llms import address

OPENING = 280
# ends of pages repeat them, as modules repeat pages
REPEATED = re.compile(r"#(?:takeaways|sources|snippets\.(?:shapes|\w+\.\w+)\.\w+)$|reference/api/.*#(?!snippets)")
CODE = re.compile(r"<pre\b.*?</pre>", re.S)
TAG = re.compile(r"<[^>]+>")
WITHIN = re.compile(r"</?(?:code|sub|sup)>|\u200b|snippets/\w+/\S+")  # within words, or the title of code
NAME = re.compile(r"\b(?:def|class) (\w+)|\b([A-Za-z]\w*_\w+|[A-Z][a-z]+[A-Z]\w+)\b")


def readable(text: str) -> tuple[str, list[str]]:
    """The opening of a section without its tags, and the names that its code defines or that are compounds.

    >>> readable("<p>A <code>ring</code>:</p><pre>def ring(x): return x.all_reduce(x) + all_reduce(x)</pre>")
    ('A ring:', ['ring', 'all_reduce'])
    """
    code = html.unescape(" ".join(TAG.sub("", block) for block in CODE.findall(text)))
    prose = " ".join(html.unescape(TAG.sub(" ", WITHIN.sub("", CODE.sub(" ", text)))).split())
    if len(prose) > OPENING:
        prose = prose[:OPENING].rpartition(" ")[0] + " …"
    return prose, list(dict.fromkeys(defined or used for defined, used in NAME.findall(code)))


def used(text: str, terms: list[Term]) -> Iterator[str]:
    """All names of the terms that a text uses by one of them; an abbreviation is one only as it is written."""
    words = " ".join(["", *re.findall(r"[\w/-]+", html.unescape(TAG.sub(" ", WITHIN.sub("", text)))), ""])
    lower = words.lower()
    for term in terms:
        named = any(f" {name.lower()} " in lower for name in (term.term, *term.aliases))
        if named or (term.abbr and f" {term.abbr} " in words):
            yield from (term.name, *term.aliases)


def kept(entry: dict[str, str], terms: list[Term]) -> dict[str, str]:
    """What stays of an entry; that of a page is found by all names of the terms that the page treats."""
    place = entry["location"]
    if "#snippets." in place:
        return {**entry, "text": ""}
    prose, names = readable(entry["text"])
    names += [] if place.startswith(glossary.PAGE) else used(f"{entry['title']} {entry['text']}", terms)
    for term in terms:
        if place == f"{term.page.removesuffix('index').rstrip('/')}/":
            names += [term.abbr, term.term, *term.aliases]
    also = " ".join(name for name in dict.fromkeys(names) if name not in prose)
    return {**entry, "text": html.escape(prose, quote=False), "also": also}


def calculators(project: Project) -> Iterator[dict[str, str]]:
    """An entry for each calculator: its title, its question, its name and labels."""
    for page in project.pages:
        for block in page.of("calc"):
            one = fence.parse(block.text, page.folder)
            function = fence.load(one, project.root)
            labels = [one.function_name.replace("_", " "), *(field.said for field in fields(function))]
            place, text = f"{address(page)}#{one.anchor}", html.escape(summary(function), quote=False)
            yield {"location": place, "title": f"Calculator: {one.title}", "text": text, "also": " ".join(labels)}


def trim(site: Path, project: Project) -> None:
    """Rewrite the search index of a built site."""
    path = site / "search/search_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    terms = list(glossary.load(project).values())
    found = (kept(entry, terms) for entry in index["docs"] if not REPEATED.search(entry["location"]))
    index["docs"] = [*found, *calculators(project)]
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
