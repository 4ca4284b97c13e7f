"""Rules on words: nothing unfinished, and nothing about the machine or the making of the guide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fieldguide.guide.markup import INLINE_CODE
from fieldguide.proof.rules.guide import Finding, Guide, rule, status


@dataclass(frozen=True)
class Trace:
    """Words that do not belong in the project.

    The hints are plain words, one of which is in any text that the pattern matches: looking
    for those first is what keeps a hundred pages under a second.
    """

    pattern: re.Pattern[str]
    hints: tuple[str, ...]
    problem: str
    fix: str


# No pattern matches its own source.
UNFINISHED = (
    Trace(
        re.compile(r"\b(?:TO(?:)DO|T(?:)BD|FIX(?:)ME|X{3}|W(?:)IP)\b"),
        ("todo", "tbd", "fixme", "xxx", "wip"),
        "is unfinished text",
        "finish it",
    ),
    Trace(
        re.compile(
            r"\b(?:lorem[ ]ipsum|coming[ ]soon|to[ ]be[ ](?:announced|determined|filled[ ]in|completed)"
            r"|(?:text|content|section|page)[ ]goes[ ]here|placeholder[ ](?:text|content|section))\b"
            r"|[\[<(]placeholder[\])>]|^[^\w\n]*placeholder[^\w\n]*$",
            re.I | re.M,
        ),
        ("lorem", "coming", "to be ", "goes here", "placeholder"),
        "is unfinished text",
        "finish it",
    ),
)
UNWRITTEN = Trace(
    re.compile(r"\b(?:to be|will be|not yet|still to be)[ ]written\b", re.I),
    ("written",),
    "is unfinished text",
    "write it",
)
ELLIPSIS = re.compile(r"^[ \t>]*(?:…|\.\.\.|\[…\]|\[\.\.\.\])[ \t]*$", re.M)

TOOL = r"(?:Chat[G]PT|Cla[u]de(?: Co[d]e)?|Co[p]ilot|Gem[i]ni|an? (?:AI|LLM))"
ALONE = (
    Trace(
        re.compile(
            r"(?<![\w./:~-])(?:/(?:work|root|opt[/]wheels)(?=[/\s`'\":,)]|$)|/(?:home|Users)/(?!pyodide)[A-Za-z]\w*)",
            re.M,
        ),
        tuple(f"/{folder}" for folder in ("work", "root", "opt", "home", "users")),
        "names a folder of one machine",
        "write a path from the root of the project.",
    ),
    Trace(
        re.compile(
            r"\b(?:pypi[.]org|files[.]pythonhosted[.]org|registry[.](?:npmjs[.]org|yarnpkg[.]com)|proxy[.]golang[.]org"
            r"|(?:deb|security|snapshot)[.]debian[.]org|(?:archive|security)[.]ubuntu[.]com|conda[.]anaconda[.]org"
            r"|(?:static|index)[.]crates[.]io)\b"
        ),
        ("pypi", "pythonhosted", "registry.", "golang", "debian", "ubuntu", "anaconda", "crates"),
        "names the host of a package registry",
        "name the package; the reader's own setup finds it.",
    ),
    Trace(
        re.compile(
            r"\bas an? (?:AI|large)(?: language)? model, I\b|\bI(?:'m| am) an AI\b"
            r"|\b(?:written|generated) (?:by|with) "
            + TOOL
            + r"(?=[.,;)\]]|$)|\bco-authored-by: "
            + TOOL
            + r"|"
            r"\b(?:in|during|earlier in) (?:this|our) (?:chat|conversation)\b"
            r"|\b(?:as|per) (?:you|the user) (?:asked|requested)\b",
            re.I | re.M,
        ),
        (
            "model, i",
            " an ai",
            "written ",
            "generated ",
            "co-authored",
            " chat",
            "conversation",
            "asked",
            "requested",
        ),
        "speaks of how the text was made, not of its subject",
        "delete it.",
    ),
)
SUFFIXES = frozenset(
    [
        ".md",
        ".py",
        ".txt",
        ".yml",
        ".yaml",
        ".toml",
        ".json",
        ".jsonl",
        ".ipynb",
        ".bib",
        ".html",
        ".css",
        ".js",
        ".mjs",
        ".cff",
        ".in",
        "",
    ]
)
FOLDERS = ("docs", "snippets", "tests", "fieldguide", "overrides", "requirements", ".github", ".ci")
GENERATED = frozenset({"__pycache__", "vendor", ".ipynb_checkpoints", "node_modules"})


@rule("unfinished", "Complete pages, snippets and tests hold no unfinished text.")
def unfinished(guide: Guide) -> Iterator[Finding]:
    """Marks of work left over."""
    for page in guide.pages:
        if status(page) == "draft":
            continue
        otherwise = ", or set `status: draft`." if page.area in guide.area_slugs else "."
        text = INLINE_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), page.text)
        # the home page and the overview of an area may say that other pages are not written yet
        traces = (*UNFINISHED, UNWRITTEN) if status(page) == "complete" else UNFINISHED
        for path, line, message, fix in _traces(page.path, text, traces):
            yield path, line, message, fix + otherwise
        markup = guide.markup[page.name]
        for found in ELLIPSIS.finditer(markup.prose):
            line = markup.line(found.start())
            yield (
                page.path,
                line,
                "a line of dots stands for text that is missing.",
                "write it, or delete the line.",
            )
    for path in (*guide.project.snippet_files, *guide.test_files):
        for _, line, message, fix in _traces(path, guide.text(path), UNFINISHED):
            yield path, line, message, fix + ", or open an issue for it."


def _traces(path: Path, text: str, traces: Iterable[Trace]) -> Iterator[Finding]:
    lower = text.lower()
    for trace in traces:
        if any(hint in lower for hint in trace.hints):
            for found in trace.pattern.finditer(text):
                yield path, _line(text, found), f"`{found[0].strip()[:40]}` {trace.problem}.", trace.fix


@rule(
    "alone", "The project speaks of its subject alone, not of one machine, of registries, or of its making."
)
def alone(guide: Guide) -> Iterator[Finding]:
    """Traces of the workshop."""
    for path in _texts(guide):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # the rule `encoding` says so where it matters
        yield from _traces(path, text, ALONE)


def _texts(guide: Guide) -> Iterator[Path]:
    files = [path for path in guide.root.iterdir() if not path.name.startswith(".git")]
    for folder in FOLDERS:
        files.extend((guide.root / folder).rglob("*"))
    for path in sorted(files):
        if path.suffix in SUFFIXES and not GENERATED.intersection(path.parts) and path.is_file():
            yield path


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start() + len(found[0]) - len(found[0].lstrip())) + 1
