"""The drawing on the home page: to scale, and with the users that the page's planner counts."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from snippets.inference.kv_cache import designs, users
from snippets.shapes.models import MODELS, parameters

HOME = (Path(__file__).parents[3] / "docs/index.md").read_text(encoding="utf-8")
SVG = ElementTree.fromstring(users.figure_users())


def blocks(paint):
    """Left edge, top and width of the rectangles in a color."""
    found = SVG.findall(f".//{{*}}rect[@fill='var(--{paint})']")
    return [tuple(float(rect.get(key)) for key in ("x", "y", "width")) for rect in found]


def test_lengths_are_bytes_and_no_user_crosses_the_line():
    weights = 2 * parameters(MODELS["Llama 3 70B"])
    share = weights / 160e9
    (start, _, width), (_, _, end), *cut = blocks("fg-s0")
    assert start / users.WIDTH == pytest.approx(share, rel=1e-3)
    assert start + width == pytest.approx(users.WIDTH, rel=1e-3)
    tall = {y: [block for block in cut if block[1] == y] for _, y, _ in cut}
    each = [sum(w for _, _, w in row) / len(row) / 0.94 for row in tall.values()]
    assert [len(row) for row in tall.values()] == [7, 14]
    assert each[0] / end == pytest.approx(2 * 8192 * 80 * 8 * 128 * 2 / (160e9 - weights), rel=2e-3)
    assert each[0] == pytest.approx(2 * each[1], rel=2e-3)
    assert all(x + w <= end for x, _, w in cut)
    ((_, _, alone),) = blocks("fg-s1")
    assert alone > end and alone == pytest.approx(8 * each[0], rel=2e-3)


def test_the_words_are_those_of_the_page_and_of_who_cannot_see_it():
    words = [text.text for text in SVG.findall(".//{*}text")]
    facts = designs.facts()
    assert f"{facts['spare']} to spare" in words and f"{facts['weights_70b']} of weights" in words
    assert [word for word in words if word.endswith(" users")] == ["0 users", "7 users", "14 users"]
    for told in (facts["weights_70b"], facts["spare"], "no user fits", "7 users fit", "in 8 bits 14"):
        assert told in HOME
