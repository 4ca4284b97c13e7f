"""What the index keeps, and that what it leaves out leads nowhere."""

import json
import re
from collections import Counter

from fieldguide.site import search_index


def test_a_section_keeps_its_opening_and_its_rare_words():
    everywhere = "The machine is slow. " * 30
    texts = [f"{everywhere}{'here prefix ' * (n % 10)} Section {n} has zebra{n}." for n in range(100)]
    short = search_index.trimmed(texts)
    assert all(text.startswith("The machine is slow. The machine") for text in short)
    assert short[1].endswith("slow. … zebra1")
    assert short[12].endswith("slow. … zebra12"), "said twice, as elsewhere"
    assert short[3].endswith("slow. … zebra3"), "repeated, but everywhere"


def test_code_leaves_its_names():
    entry = "<p>Read &lt;this&gt;:</p><pre><code><span>def</span> ring_steps(ranks):\n    x = 1</code></pre>"
    assert search_index.readable(entry) == "Read <this>: ring_steps"


def test_every_compound_name_of_code_leads_to_its_section(served):
    """On the built site, from its pages: a function is found where it is shown."""
    index = json.loads((served[0] / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    words = [set(search_index.WORD.findall(entry["text"])) for entry in index]
    for page in ("inference/kv-cache", "distributed/collectives"):
        code = re.findall(r"<pre\b.*?</pre>", (served[0] / page / "index.html").read_text("utf-8"), re.S)
        defined = {name for block in code
                   for name in re.findall(r"\bdef (\w+_\w+)\(", re.sub(r"<[^>]+>", "", block))}  # fmt: skip
        found = Counter(name for entry, have in zip(index, words, strict=True)
                        if entry["location"].startswith(f"{page}/") for name in defined & have)  # fmt: skip
        assert len(defined) >= 5
        assert not defined - set(found)


def test_what_a_calculator_computed_is_not_searched(served):
    text = (served[0] / "search/search_index.json").read_text(encoding="utf-8")
    assert "Which chunk is where in a ring all-reduce?" not in text
    assert "Computed when the site was built" not in text
    assert "min · last passed" not in text
