"""The sources of the guide, as `docs/references.bib` lists them."""

import logging
import re
from dataclasses import dataclass
from functools import lru_cache

from bibtexparser import model
from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares import SeparateCoAuthors
from bibtexparser.middlewares.names import InvalidNameError, parse_single_name_into_parts
from pylatexenc.latex2text import LatexNodes2Text  # type: ignore[import-untyped]

from fieldguide.guide.forms import Problem, text_of
from fieldguide.guide.project import Breach, BreachError, Project

FILE = "docs/references.bib"
VENUES = ("journal", "booktitle", "howpublished", "publisher", "institution", "organization", "school")
LATEX = LatexNodes2Text(math_mode="verbatim")

logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # its warnings come back as breaches
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Entry:
    """One source."""

    key: str
    kind: str
    authors: tuple[str, ...]  # `Family, Given`; an institution in braces has no comma; `others` stands for et al.
    title: str
    year: str
    venue: str
    url: str
    doi: str
    eprint: str
    urldate: str
    line: int  # where the entry begins in the file, counted from 1


def load(project: Project) -> dict[str, Entry]:
    """Every source by its key, in the order of the file; a `BreachError` at the first thing that is wrong."""
    entries, breaches = read(project)
    if breaches:
        raise BreachError(breaches[0])
    return entries


@lru_cache(maxsize=4)
def read(project: Project) -> tuple[dict[str, Entry], list[Breach]]:
    """Every source that can be read, and a breach for each that cannot."""
    path = project.root / FILE
    if not path.is_file():
        return {}, []
    text, wrong = text_of(path, "the bibliography")
    if wrong:
        return {}, [project.breach(path, wrong, "bibliography")]
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    for block in parse_string(text, append_middleware=[SeparateCoAuthors()]).blocks:
        line = (block.start_line or 0) + 1
        if isinstance(block, model.Entry):
            try:
                entries[block.key] = _entry(block, line)
            except InvalidNameError as error:
                message = f"the authors of `{block.key}` cannot be read: {error}."
                fix = "write `Family, Given and Family, Given`; an institution in braces."
                problems.append(Problem(line, message, fix))
        elif isinstance(block, model.DuplicateBlockKeyBlock):
            first = f"; first on line {entries[block.key].line}" if block.key in entries else ""
            message = f"the key `{block.key}` is used twice{first}."
            problems.append(Problem(line, message, "delete one of the two, or rename it."))
        elif isinstance(block, model.ParsingFailedBlock):
            message = "an entry cannot be read: a brace, quote or comma is missing, or a field is given twice."
            fix = "close every brace, and end every field but the last with a comma."
            problems.append(Problem(line, message, fix))
        elif isinstance(block, model.ImplicitComment):
            fix = "begin an entry with `@`, a remark with `%`."
            for row in map(str.strip, (block.comment or "").split("\n")):
                if row and not row.startswith("%"):
                    problems.append(Problem(line, f"text outside an entry: `{row[:40]}`.", fix))
    return entries, sorted(project.breach(path, problem, "bibliography") for problem in problems)


def _entry(block: model.Entry, line: int) -> Entry:
    fields = {field.key.lower(): field.value for field in block.fields}

    def plain(*names: str) -> str:
        return next((_decode(str(fields[name])) for name in names if name in fields), "")

    def raw(name: str) -> str:
        return str(fields.get(name, "")).strip()

    names = fields.get("author") or fields.get("editor") or []
    authors = tuple(_author(name) for name in (names if isinstance(names, list) else [names]))
    return Entry(
        key=block.key, kind=block.entry_type, line=line, authors=authors, title=plain("title"),
        year=raw("year") or raw("date")[:4], venue=plain(*VENUES), url=raw("url"), urldate=raw("urldate"),
        doi=raw("doi").removeprefix("https://doi.org/"), eprint=raw("eprint").removeprefix("arXiv:"),
    )  # fmt: skip


def _author(name: str) -> str:
    parts = parse_single_name_into_parts(name)
    sides = (" ".join([*parts.von, *parts.last]), " ".join([*parts.first, *parts.jr]))
    return _decode(", ".join(filter(None, sides)))


@lru_cache(maxsize=4096)
def _decode(text: str) -> str:
    """LaTeX's accents and braces as plain text; a bare `%` is no comment here."""
    if not re.search(r"[\\{}$~]", text):
        return " ".join(text.split())
    text = re.sub(r"(?<!\\)%", r"\\%", text)
    return " ".join(str(LATEX.latex_to_text(text)).split())
