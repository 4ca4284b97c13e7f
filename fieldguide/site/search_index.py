"""The step after the build: the search index, which every reader loads, keeps what finds a section, not all of it.

MkDocs writes the full text of every page into it. Here a section keeps its title, opening, and names in its code.
"""

import html
import json
import re
from pathlib import Path

OPENING = 280
CODE = re.compile(r"<pre\b.*?</pre>", re.S)
TAG = re.compile(r"<[^>]+>")
NAME = re.compile(r"\b(?:def|class) (\w+)|\b([A-Za-z]\w*_\w+|[A-Z][a-z]+[A-Z]\w+)\b")


def readable(text: str) -> str:
    """The opening of a section without its tags, and the names that its code defines or that are compounds.

    >>> readable("<p>A ring:</p><pre>def ring(x): return x.all_reduce(x) + all_reduce(x)</pre>")
    'A ring: … ring all_reduce'
    """
    code = " ".join(TAG.sub("", block) for block in CODE.findall(text))
    names = " ".join(dict.fromkeys(defined or used for defined, used in NAME.findall(html.unescape(code))))
    prose = " ".join(html.unescape(TAG.sub(" ", CODE.sub(" ", text))).split())
    if len(prose) > OPENING:
        prose = prose[:OPENING].rpartition(" ")[0]
    return f"{prose} … {names}" if names else prose


def trim(site: Path) -> None:
    """Rewrite the search index of a built site."""
    path = site / "search/search_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    for entry in index["docs"]:
        entry["text"] = html.escape(readable(entry["text"]), quote=False)
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
