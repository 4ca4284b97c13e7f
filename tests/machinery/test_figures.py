"""A figure is drawn by a snippet, recorded as SVG in the colors of both palettes, compared, and shown."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from fieldguide.proof import record
from fieldguide.runner import drawing
from fieldguide.site.markdown import figure
from tests.small_guide import make_guide

SNIPPET = '''
from matplotlib.figure import Figure


def squares():
    return [n * n for n in range(5)]


def figure_growth() -> Figure:
    """Squares over numbers."""
    figure = Figure()
    axes = figure.subplots()
    axes.plot(squares(), color="C1")
    axes.annotate("0.0004 at 4", (4, 16))
    return figure


def figure_box() -> str:
    """A box."""
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect id="a" width="9" height="9" fill="var(--fg-s2)"/></svg>'
'''


@pytest.fixture
def drawn(tmp_path):
    guide = make_guide(tmp_path, demo=True)
    guide.snippet("demo/growth", SNIPPET)
    return guide


def test_figures_are_recorded_once_and_stay(drawn):
    trio = drawn.project.trio("inference/demo")
    changes, refused = record.record(drawn.project, [trio])
    assert refused == []
    assert sorted(change.path.name for change in changes) == ["box.svg", "growth.svg"]
    assert record.record(drawn.project, [trio]) == ([], [])
    assert record.verify(drawn.project, [trio]) == []
    svg = drawn.read("snippets/inference/demo/growth.svg")
    assert "var(--fg-s1)" in svg and ">0.0004 at 4<" in svg
    assert not re.search(r"#[0-9a-f]{6}|style=|font-family|DOCTYPE|metadata|\d\.\d{3}[^<]*\"", svg)
    ids = {e.get("id") for e in ElementTree.fromstring(svg).iter() if e.get("id")}
    assert ids and all(name.startswith("growth-") for name in ids)
    assert set(re.findall(r"(?:url\(|href=\")#([\w-]+)", svg)) == ids


def test_a_figure_that_is_drawn_otherwise_is_named_where_it_is_shown(drawn):
    fence = "\n```figure\nfigure: growth:growth\ncaption: They grow.\nalt: A curve.\n```\n"
    drawn.write("docs/inference/demo.md", drawn.read("docs/inference/demo.md") + fence)
    trio = drawn.project.trio("inference/demo")
    record.record(drawn.project, [trio])
    drawn.replace("snippets/inference/demo/growth.py", "n * n for", "n * n + n for")
    (breach,) = record.verify(drawn.project, [trio])
    assert breach.rule == "figure"
    assert (breach.path, breach.line) == (
        "docs/inference/demo.md", drawn.line("docs/inference/demo.md", "figure: growth")
    )  # fmt: skip
    assert (
        "figure `growth` of snippets/inference/demo/growth.py is not what is recorded" in breach.message
        and "fieldguide record" in breach.fix
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('"C1"', '"#123456"'), "no palette knows"),
        (("return figure", "return 7"), "it returned int, not a Matplotlib figure"),
        (("<rect", "<script>alert(1)</script><rect"), "an element `<script>`"),
        (('<rect id="a"', '<rect onclick="x"'), "`onclick=x`"),
        ((' viewBox="0 0 9 9"', ""), "with a `viewBox`"),
        (("</svg>", ""), "its SVG cannot be read"),
    ],
)
def test_what_a_page_must_not_show_is_refused_and_nothing_is_written(drawn, change, says):
    drawn.replace("snippets/inference/demo/growth.py", *change)
    changes, (breach,) = record.record(drawn.project, [drawn.project.trio("inference/demo")])
    assert changes == [] and says in breach.message
    assert breach.path == "snippets/inference/demo/growth.py" and "figure_" in breach.message


def test_a_figure_that_changes_from_run_to_run_is_refused(drawn):
    drawn.replace(
        "snippets/inference/demo/growth.py",
        "[n * n for n in range(5)]",
        "[len(hex(hash(c))) * hash(c) % 97 for c in 'abcde']",
    )
    _, refused = record.record(drawn.project, [drawn.project.trio("inference/demo")])
    assert [b.rule for b in refused] == ["unstable"] and "figure `growth` changes" in refused[0].message


def test_the_fence_shows_caption_and_alternative_text(tmp_path):
    (tmp_path / "snippets/a/b").mkdir(parents=True)
    (tmp_path / "snippets/a/b/box.svg").write_text('<svg viewBox="0 0 9 9">\n<rect width="9" />\n</svg>\n')
    source = 'figure: shapes:box\ncaption: It is *full*.\nalt: A "box".'
    made = figure.render(source, tmp_path, "a/b", lambda text: f"[{text}]")
    assert 'role="img" aria-label="A &quot;box&quot;."' in made and "<figcaption>[It is *full*.]</figcaption>" in made
    assert made.startswith('<figure class="fg-plot" id="figure-box">')
    elsewhere = source.replace("shapes:", "a.b.shapes:")
    assert figure.render(elsewhere, tmp_path, "", lambda text: f"[{text}]") == made, "of another page"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("figure: a:b\ncaption: c", "has no `alt`"),
        ("figure: a:b\ncaption: c\nalt: ''", "`alt` is empty"),
        ("figure: a:b\ncaption: c\nalt: d", "has not been recorded: there is no b.svg"),
        ("figure: [", "not YAML"),
    ],
)
def test_a_fence_that_shows_nothing_is_refused(tmp_path, source, says):
    with pytest.raises(ValueError, match=says):
        figure.render(source, tmp_path, "a/b", str)


def test_coordinates_are_rounded_and_texts_are_not():
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text x="1.23456" y="-0.0001">1.23456</text></svg>'
    )
    assert '<text x="1.23" y="0">1.23456</text>' in drawing.svg(text, "x")
