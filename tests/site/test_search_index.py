"""What the search index keeps of a section, and that what it leaves out leads nowhere."""

import json
import re

from fieldguide.site import search_index


def test_a_section_keeps_its_opening_in_whole_words():
    short = search_index.readable("<p>Read <em>this</em> &lt;now&gt;.</p>" + "<p>word</p>" * 500)
    assert short.startswith("Read this <now>. word word") and short.endswith(" word")
    assert search_index.OPENING - 10 < len(short) <= search_index.OPENING


def test_code_leaves_its_names():
    entry = "<p>Read &lt;this&gt;:</p><pre><code><span>def</span> ring_steps(ranks):\n    x = 1</code></pre>"
    assert search_index.readable(entry) == "Read <this>: … ring_steps"


def test_every_compound_name_of_code_leads_to_its_page(served):
    """On the built site, from its pages: a function is found where it is shown."""
    index = json.loads((served.folder / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    for page in ("inference/kv-cache", "distributed/collectives"):
        html = (served.folder / page / "index.html").read_text("utf-8")
        code = " ".join(re.sub(r"<[^>]+>", "", block) for block in re.findall(r"<pre\b.*?</pre>", html, re.S))
        defined = set(re.findall(r"\bdef (\w+_\w+)\(", code))
        texts = " ".join(entry["text"] for entry in index if entry["location"].startswith(f"{page}/"))
        assert len(defined) >= 5 and defined <= set(texts.split())


def test_what_a_calculator_computed_is_not_searched(served):
    text = (served.folder / "search/search_index.json").read_text(encoding="utf-8")
    assert "Which chunk is where in a ring all-reduce?" not in text
    assert "Computed when the site was built" not in text
    assert "min · last passed" not in text
