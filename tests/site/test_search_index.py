"""What the search index keeps of a section, and that what it leaves out leads nowhere."""

import json
import re

from fieldguide.guide.glossary import Term
from fieldguide.guide.project import Project
from fieldguide.site import search_index


def test_a_section_keeps_its_opening_in_whole_words():
    short, names = search_index.readable("<p>Read <code>this</code>, &lt;now&gt;.</p>" + "<p>word</p>" * 500)
    assert short.startswith("Read this, <now>. word word") and short.endswith(" word …") and not names
    assert search_index.OPENING - 10 < len(short) <= search_index.OPENING + 2


def test_code_leaves_its_names():
    entry = "<p>Read &lt;this&gt;:</p><pre><code><span>def</span> ring_steps(ranks):\n    x = 1</code></pre>"
    assert search_index.readable(entry) == ("Read <this>:", ["ring_steps"])


def test_a_section_is_found_by_other_names_of_its_terms():
    oom = Term(term="out of memory", abbr="OOM", aliases=["OutOfMemoryError"], says="S", page="distributed/memory")
    ep = Term(term="expert parallelism", abbr="EP", says="S", page="distributed/index")
    assert list(search_index.used("<p>It ran out of <em>memory</em> ep.</p>", [oom, ep])) == ["OOM", "OutOfMemoryError"]
    assert list(search_index.used("With EP, nothing.", [oom, ep])) == ["EP"]
    entry = {"location": "distributed/", "title": "T", "text": "<p>Opening.</p>"}
    found = search_index.kept(entry, [oom, ep])
    assert (found["text"], found["also"]) == ("Opening.", "EP expert parallelism")
    entry["location"] = "reference/api/a/#snippets.a.f"
    assert search_index.kept(entry, [oom, ep])["text"] == ""


def test_every_calculator_is_an_entry_with_its_labels():
    project = Project()
    found = list(search_index.calculators(project))
    assert len(found) == sum(len(list(page.of("calc"))) for page in project.pages)
    planner = next(entry for entry in found if entry["location"] == "inference/#calc-serving-planner")
    assert planner["title"].startswith("Calculator: ") and "serving planner" in planner["also"]
    assert "Mean prompt" in planner["also"] and "$" not in planner["also"]


def test_texts_read_well(served):
    """No formula that is not a line, no cells that run together, no file names."""
    docs = json.loads((served.folder / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    texts = {entry["location"]: entry["text"] for entry in docs}
    assert not [
        place
        for place, text in texts.items()
        if re.search(r"[\u200b]|=βF|PageWhat|afterwardsStatus|snippets/\w+/", text)
    ]
    in_practice = texts["inference/kv-cache/#in-practice"]
    assert "System What it does to the cache Llama 3 GQA" in in_practice
    assert not [place for place in texts if re.search("reference/api/.*#(?!snippets)", place)]


def test_every_compound_name_of_code_leads_to_its_page(served):
    """On the built site, from its pages: a function is found where it is shown."""
    index = json.loads((served.folder / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    for page in ("inference/kv-cache", "distributed/collectives"):
        html = (served.folder / page / "index.html").read_text("utf-8")
        code = " ".join(re.sub(r"<[^>]+>", "", block) for block in re.findall(r"<pre\b.*?</pre>", html, re.S))
        defined = set(re.findall(r"\bdef (\w+_\w+)\(", code))
        texts = " ".join(entry.get("also", "") for entry in index if entry["location"].startswith(f"{page}/"))
        assert len(defined) >= 5 and defined <= set(texts.split())


def test_what_a_calculator_computed_is_not_searched(served):
    text = (served.folder / "search/search_index.json").read_text(encoding="utf-8")
    assert "8,192 tokens: 1" not in text
    assert "Computed when the site was built" not in text
    assert "min · last passed" not in text
