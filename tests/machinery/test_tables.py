"""What the site computes about itself: standing, map, published numbers, and the drawing on the home page."""

import json
import re

import pytest

from fieldguide.guide.project import Project
from fieldguide.site.markdown import drawing, tables

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
CASES = [
    {"id": "A-1", "area": "inference", "quantity": "Cache", "expected": 2.0, "unit": "GB", "status": "verified",
     "note": "", "source": "vLLM paper arXiv 2309.06180 sec. 3"},
    {"id": "A-2", "area": "recsys", "quantity": "Ratio", "expected": 7.34, "unit": "ratio", "status": "corrected",
     "note": "DISAGREEMENT: the paper prints 7.28x. its two numbers give 7.34x", "source": "github.com/a/b-c.d README.md."},
    {"id": "A-3", "area": "data-at-scale", "quantity": "Share", "expected": [1, 2], "unit": "%", "status": "verified",
     "note": "DISAGREEMENT with the textbook", "source": "A book"},
    {"id": "A-4", "area": "data-at-scale", "quantity": "Share again", "expected": 3, "unit": "%", "status": "verified",
     "note": "DISAGREEMENT with the textbook", "source": "A book"},
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
    (guide.root / "tests/published").mkdir(parents=True)
    (guide.root / "tests/published/cases.jsonl").write_text("\n".join(map(json.dumps, CASES)) + "\n")
    (guide.root / "tests/published/reproduced.json").write_text(json.dumps(ours))
    return guide


def test_an_area_says_how_far_it_is(guide):
    html = tables.coverage(guide, guide.areas[0], link)
    assert "<p>1 of 3 pages is complete, with 1 snippet. A page" in html
    assert '<a href="inference/demo/">Demo</a>' in html and '<th scope="row">Cost</th>' in html
    assert html.count("not yet written</span>") == 1
    assert "<p>0 of 1 pages are complete. A page" in tables.coverage(guide, guide.areas[1], link)


def test_map_and_tracker_count_what_is_there(guide):
    html = tables.curriculum(guide, link)
    assert html.count('<section class="fg-card"') == 3
    assert '<li><a href="inference/demo/">Demo</a></li><li>Cost</li>' in html
    assert '--fields:3" aria-hidden="true"><span style="width:33.3%">' in html
    rows = re.findall(r"<td>.*?</tr>", tables.progress(guide, link))
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
    assert "last passed November 2, 2026. A page" in tables.coverage(guide, guide.areas[0], link)
    assert "<td>November 2, 2026</td>" in tables.progress(guide, link)


def test_reproduced_numbers_stand_beside_the_published_ones(guide):
    html = tables.reproduced(published(guide, {"A-1": 2.1, "A-2": None}))
    assert "1 of 4 collected numbers" in html
    assert "<td>2</td><td>2.1</td><td>GB</td><td>5%</td>" in html
    assert '<a href="https://arxiv.org/abs/2309.06180">arXiv 2309.06180</a> sec. 3' in html
    assert "Ratio" not in html, "a case without a value of ours is not reproduced"


def test_a_value_of_another_shape_is_not_called_exact(guide):
    with pytest.raises(ValueError):
        tables.reproduced(published(guide, {"A-3": [1]}))


def test_errata_do_not_claim_more_than_their_cases(guide):
    html = tables.errata(published(guide, {"A-2": 7.344}))
    assert html.index("Data at scale") < html.index("Recommender"), "in the order of the map"
    corrected = "The paper prints 7.28x. Its two numbers give 7.34x. Its own arithmetic gives 7.34 ratio; computed here: 7.344."
    other = "Disagreement with the textbook. The value in our collection: 1, 2%; not yet computed here."
    assert corrected in html and other in html
    assert "Share again" not in html and "Cache" not in html
    assert '<a href="https://github.com/a/b-c.d">github.com/a/b-c.d</a> README.md.' in html


def test_without_published_numbers_the_pages_say_so(guide):
    assert "No published number is reproduced yet" in tables.reproduced(guide)
    assert "None so far" in tables.errata(guide)


FACTS = {
    "weights_70b": "141 GB",
    "spare": "18.9 GB",
    "mha_70b_8k": "21.5 GB",
    "per_token_70b": "320 KiB",
    "users_8k": "7",
    "users_8k_fp8": "14",
}


def test_the_drawing_is_to_scale_and_follows_its_facts():
    made = drawing.users_that_fit(lambda name: FACTS[name.partition(":")[2]])
    strips = re.findall(r'<svg viewBox="0 0 ([\d.]+) 10"[^>]*>(.*?)</svg>', made)
    assert [wide for wide, _ in strips] == ["159.90", "159.90", "21.50", "21.50", "21.50"]
    assert [strip.count("fg-fit-user") for _, strip in strips] == [1, 0, 0, 7, 14]
    ends = [float(x) + float(w) for x, w in re.findall(r'x="([\d.]+)" width="([\d.]+)"', strips[3][1])]
    assert ends[-1] < 18.9 and len(ends) == 7 and ends[1] - ends[0] == pytest.approx(2.684, abs=0.02)
    assert re.findall(r"<strong>(.*?)</strong>", made) == ["0 users", "7 users", "14 users"]
    assert 'style="--spare:87.91%"' in made
