"""The step after the build: the search index keeps what finds a section, not the whole section.

MkDocs writes the full text of every page into the index, code and calculators included: ten kilobytes a
page, gzipped, which every reader loads. Here a section keeps its title, its opening, and of the rest the
words that say what it is about: those that few other sections have, and those that it repeats.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from pathlib import Path

OPENING = 280
RARE = 0.02
REPEATED = 3
EVERYWHERE = 0.3
CODE = re.compile(r"<pre\b.*?</pre>", re.S)
TAG = re.compile(r"<[^>]+>")
SYMBOL = re.compile(r"\b(?:def|class) (\w+)|\b([A-Za-z]\w*_\w+|[A-Z][a-z]+[A-Z]\w+)\b")
WORD = re.compile(r"[A-Za-z][\w-]+\w")


def readable(text: str) -> str:
    """The text of an entry without tags; of its code, the names."""
    text = CODE.sub(lambda code: f" {names(TAG.sub('', code.group()))} ", text)
    return " ".join(html.unescape(TAG.sub(" ", text)).split())


def names(code: str) -> str:
    """What code defines, and the compound names that it uses, each once.

    >>> names("def ring(x): return x.all_reduce(x) + all_reduce(x)")
    'ring all_reduce'
    """
    return " ".join(dict.fromkeys(defined or used for defined, used in SYMBOL.findall(code)))


def opening(text: str) -> str:
    """The first sentences, up to `OPENING` characters, and never half a word."""
    if len(text) <= OPENING:
        return text
    start = text[:OPENING]
    end = max(start.rfind(mark) + 1 for mark in (". ", "? ", ": "))
    return start[: end if end > OPENING / 2 else start.rfind(" ")].rstrip()


def trimmed(texts: list[str]) -> list[str]:
    """Each text cut to its opening and the words that it is about.

    Args:
        texts: Readable texts of all sections; how rare a word is, they decide together.

    Returns:
        As many texts, in the same order.
    """
    counts = [Counter(word.lower() for word in WORD.findall(text)) for text in texts]
    sections = Counter(word for count in counts for word in count)
    rare, everywhere = max(3, RARE * len(texts)), max(3, EVERYWHERE * len(texts))
    short = []
    for text, count in zip(texts, counts, strict=True):
        start = opening(text)
        shown = {word.lower() for word in WORD.findall(start)}
        spelled = {word.lower(): word for word in WORD.findall(text)}
        rest = " ".join(spelled[word] for word, times in count.items() if word not in shown and (
            sections[word] <= rare or (times >= REPEATED and sections[word] <= everywhere)))  # fmt: skip
        short.append(f"{start} … {rest}" if rest else start)
    return short


def trim(site: Path) -> None:
    """Rewrite the search index of a built site."""
    path = site / "search/search_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    texts = trimmed([readable(entry["text"]) for entry in index["docs"]])
    for entry, text in zip(index["docs"], texts, strict=True):
        entry["text"] = html.escape(text, quote=False)
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
