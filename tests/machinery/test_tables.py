"""What the site computes about itself: standing, mapand published numbers."""

import json
import re

import pytest

from fieldguide.guide.project import Project
from fieldguide.site.markdown import tables

CURRICULUM = """\
areas:
  inference:
    {title: Inference & serving, short: Inference, summary: Tokens., icon: material/lan, pages: {
      index: {title: Overview, answers: "Size it."},
      demo: {title: Demo, answers: "Follow it."},
      cost: {title: Cost, answers: "Count it."}}}
  data:
    {title: Data at scale, short: Data, summary: Rows., icon: material/lan, pages: {
      index: {title: Overview, answers: "Choose."}}}
  recommenders:
    {title: Recommender systems, short: Recommenders, summary: Items., icon: material/lan, pages: {
      index: {title: Overview, answers: "Rank."}}}
"""


def case(name, area, expected, unit, status="verified", note="", source="A book", quantity="Share"):
    return {"id": name, "area": area, "family": "f", "quantity": quantity, "inputs": {}, "expected": expected,
            "tolerance": {"kind": "exact"}, "unit": unit, "source": source, "status": status, "note": note}  # fmt: skip


CASES = [
    case("A-1", "inference", 2.0, "GB", source="vLLM paper arXiv 2309.06180 sec. 3", quantity="Cache"),
    case("A-2", "recommenders", 7.34, "ratio", "corrected", "the paper prints 7.28x. its two numbers give 7.34x",
         "github.com/a/b-c.d README.md.", "Ratio"),
    case("A-3", "data", [1, 2], "%", "disputed", "another says 3 <%"),
    case("A-4", "data", 3, "%", "disputed", "another says 3 <%", quantity="Share again"),
]  # fmt: skip


@pytest.fixture
def guide(tmp_path):
    """A guide of three areas, with one complete page and its snippet."""
    for name, text in {
        "docs/curriculum.yml": CURRICULUM,
        "docs/inference/index.md": "---\nstatus: planned\n---\n",
        "docs/inference/demo.md": "---\nstatus: complete\n---\n",
        "docs/data/index.md": "---\nstatus: planned\n---\n",
        "snippets/inference/demo/double.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(tmp_path)


def link(name):
    return name + "/"


def passed(guide, **record):
    path = guide.root / ".cache/fieldguide/passed.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"inference/demo": record}))


def published(guide, ours):
    for case in CASES:
        folder = guide.root / "tests/published" / case["area"]
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "cases.jsonl").open("a") as file:
            file.write(json.dumps(case) + "\n")
    (guide.root / "tests/published/reproduced.json").write_text(json.dumps(ours))
    return guide


def test_an_area_says_how_far_it_is(guide):
    html = tables.render("coverage", guide, area=guide.areas[0], link=link)
    assert "<p>1 of 3 pages is complete, with 1 snippet. A page" in html
    assert '<a href="inference/demo/">Demo</a>' in html and '<th scope="row">Cost</th>' in html
    assert html.count("not yet written</span>") == 1
    assert "<p>0 of 1 pages are complete. A page" in tables.render("coverage", guide, area=guide.areas[1], link=link)


def test_map_and_tracker_count_what_is_there(guide):
    html = tables.render("curriculum", guide, link=link)
    assert html.count('<section class="fg-card"') == 3
    assert '<li><a href="inference/demo/">Demo</a></li><li>Cost</li>' in html
    assert '--fields:3" aria-hidden="true"><span style="width:33.3%">' in html
    rows = re.findall(r"<td>.*?</tr>", tables.render("progress", guide, link=link))
    assert [re.sub("<[^>]+>", " ", row).split() for row in rows] == [
        ["in", "progress", "1", "of", "3", "1", "not", "run", "here"],
        ["planned", "0", "of", "1", "0", "not", "run", "here"],
        ["planned", "0", "of", "1", "0", "not", "run", "here"],
    ]


def test_the_last_pass_is_told_with_its_versions(guide):
    assert tables.passed(guide, "inference/demo") == "not run where this site was built"
    passed(guide, date="2026-11-02", versions={"python": "3.11.7", "torch": "2.13.0+cpu"})
    told = "last passed November 2, 2026 on python 3.11.7, torch 2.13.0"
    assert tables.passed(guide, "inference/demo") == told
    assert "last passed November 2, 2026. A page" in tables.render("coverage", guide, area=guide.areas[0], link=link)
    assert "<td>November 2, 2026</td>" in tables.render("progress", guide, link=link)


def test_reproduced_numbers_stand_beside_the_published_ones(guide):
    html = tables.render("reproduced", published(guide, {"A-1": 2.1, "A-2": None}))
    assert "1 of 4 collected numbers" in html
    assert "<td>2 GB</td><td>2.1 GB</td><td>5%</td>" in html
    assert '<a href="https://arxiv.org/abs/2309.06180">arXiv 2309.06180</a> sec. 3' in html
    assert "Ratio" not in html, "a case without a value of ours is not reproduced"


def test_a_value_of_another_shape_is_not_called_exact(guide):
    with pytest.raises(ValueError):
        tables.render("reproduced", published(guide, {"A-3": [1]}))


def test_errata_do_not_claim_more_than_their_cases(guide):
    html = tables.render("errata", published(guide, {"A-2": 7.344}))
    assert html.index("Data at scale") < html.index("Recommender"), "in the order of the map"
    corrected = (
        "The paper prints 7.28x. Its two numbers give 7.34x. Its own arithmetic gives 7.34 ratio; computed here: 7.344."
    )
    other = "Another says 3 &lt;%. The value in our collection: 1; 2%; not yet computed here."
    assert corrected in html and other in html
    assert "Share again" not in html and "Cache" not in html
    assert '<a href="https://github.com/a/b-c.d">github.com/a/b-c.d</a> README.md.' in html


def test_without_published_numbers_the_pages_say_so(guide):
    assert "No published number is reproduced yet" in tables.render("reproduced", guide)
    assert "None so far" in tables.render("errata", guide)
