"""What the figures draw, against sums that are added up another way and formulas that are written out."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from snippets.distributed.collectives import figures, paths

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    """All texts of a drawing."""
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_figure_of_steps_draws_who_is_in_which_sum():
    """Stripes by color against sums in which rank r adds ten to the power r."""
    svg = figures.figure_steps()
    digits = [np.array([[10**rank] * 4 for rank in range(4)])]
    for step in range(6):
        now = digits[-1].copy()
        for rank in range(4):
            chunk = (rank - step - 1) % 4 if step < 3 else (rank - step + 3) % 4
            arriving = digits[-1][rank - 1, chunk]
            now[rank, chunk] = arriving + (now[rank, chunk] if step < 3 else 0)
        digits.append(now)
    drawn = "".join(str(value) for step in (0, 1, 3, 6) for value in digits[step].ravel())
    fills = re.findall(r'width="8" height="15" fill="var\(--fg-s(\d)\)"', svg)
    assert len(fills) == drawn.count("1")
    for rank in range(4):
        expected = sum((digits[step] // 10**rank % 10).sum() for step in (0, 1, 3, 6))
        assert fills.count(str(rank)) == expected
    assert svg.count('stroke-width="2"') == sum((digits[step] == 1111).sum() for step in (0, 1, 3, 6))
    assert svg.count("marker-end") == 3 * (4 + 1)  # three panels with a next step; one send goes around
    assert "after step 3: sums complete" in texts(svg)
    assert "after step 6: copied to all" in texts(svg)


def test_an_arrow_points_from_the_chunk_that_a_rank_sends():
    """In step s of a reduce-scatter, rank r sends chunk r - s: a diagonal."""
    parts = "".join(figures.panel(0, 0, 4, 1, "after step 1"))
    arrows = [(float(x), float(y)) for x, y in re.findall(r'd="M([\d.]+) ([\d.]+)v10"', parts)]
    cells = sorted({float(x) for x in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="34"', parts)})
    columns = [max(i for i, left in enumerate(cells) if left < x) for x, _ in arrows]
    assert columns == [3, 0, 1, 2, 2]


def test_the_figure_of_times_crosses_where_the_formulas_do():
    axes = figures.figure_times().axes[0]
    ring, tree, cross = axes.lines
    size, ms = float(cross.get_xdata()[0]), float(cross.get_ydata()[0])
    assert ms == pytest.approx(2 * 511 * 2e-3 + 2 * 511 / 512 * size / 50e6)
    assert ms == pytest.approx(2 * 9 * 2e-3 + 2 * size / 0.92 / 50e6)
    sizes = np.asarray(ring.get_xdata())
    assert ring.get_ydata() == pytest.approx(2 * 511 * 2e-3 + 2 * 511 / 512 * sizes / 50e6)
    assert tree.get_ydata() == pytest.approx(2 * 9 * 2e-3 + 2 * sizes / 0.92 / 50e6)
    labels = " ".join(text.get_text() for text in axes.texts)
    for label in ("ring: 2,044 µs", "tree: 36 µs", "equal at 565 MB, 24.6 ms", "up to 9% longer"):
        assert label in labels


def test_the_figure_of_wiring_draws_what_each_nic_sends():
    svg = paths.figure_wiring()
    bars = [float(high) for high in re.findall(r'width="11" height="([\d.]+)" fill="var\(--fg-s1\)"', svg)]
    full = 2 * 127 / 128  # GB
    expected = [full] * 8 + [0] * 7 + [full] + [full / 8] * 8
    assert [high / max(bars) * full for high in bars] == pytest.approx(expected, abs=1e-4)
    assert texts(svg).count("1.98 GB, 39.7 ms") == 2
    assert "0.25 GB, 5.0 ms" in texts(svg)
    below = [path.count("M") for path in re.findall(r'<path d="(M[^"]*C[^"]*)"', svg)]
    assert len(below) == 1 + 1 + 8  # one path a ring


def test_the_words_beside_the_figures_are_those_of_the_figures():
    page = (Path(__file__).parents[3] / "docs/distributed/collectives.md").read_text(encoding="utf-8")
    times, wired = (page.split(f"figure: {name}")[1].split("```")[0] for name in ("figures:times", "paths:wiring"))
    for words in ("trees win up to 565 MB", "565 MB and 24.6 ms"):
        assert words in times
    assert wired.count("1.98 GB") == 2
    assert wired.count("39.7 ms") == 2
    assert "0.25 GB in 5.0 ms" in wired
