"""The page's drawings: what they show is counted another way, and read back from the drawing."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snippets.distributed.fsdp import calculator, cost, figures, holding, peak, peak_plot
from snippets.distributed.memory.recipes import zero_bytes


@given(blocks=st.integers(1, 8), units=st.integers(1, 8), count=st.integers(1, 64))
def test_peak_counted_number_by_number(blocks, units, count):
    """Unit by unit: the last one's gradients leave while the two before it are gathered."""
    unit = 1000 * blocks
    waiting = [2 * unit] * (units - 1)  # bf16 weights of the other units
    parts = peak.peak(units * unit, count, unit)
    assert parts["gathered weights"] == sum(waiting[-2:])
    assert parts["whole gradients"] == 2 * unit + 4 * unit
    assert sum(list(parts.values())[:3]) == pytest.approx(16 * units * unit / count)
    assert peak.peak(units * unit, count, unit, kept=True)["gathered weights"] == 2 * units * unit


def test_the_drawn_peaks():
    """70B on 64 ranks: 16 bytes / 64, and with a unit u: 2 bytes of two units, 6 bytes of one."""
    assert peak.sizes() == [1, 2, 4, 5, 8, 10, 16, 20, 40, 80]
    block = 70 / 80
    assert peak.peak_gb(1) == pytest.approx(70 * 16 / 64 + 10 * block)
    assert peak.peak_gb(40) == pytest.approx(17.5 + 2 * 35 + 6 * 35)  # no third unit to gather
    assert peak.peak_gb(80) == pytest.approx(17.5 + 6 * 70)
    assert [n for n in peak.sizes() if peak.peak_gb(n) <= 80] == [1, 2, 4, 5]
    assert peak.largest() == 5
    (axes,) = peak_plot.figure_peak().axes
    x, y = axes.lines[0].get_data()
    assert list(x) == peak.sizes()
    assert list(y) == pytest.approx([peak.peak_gb(n) for n in peak.sizes()])
    assert list(axes.lines[1].get_ydata()) == [80, 80]
    said = {text.get_text() for text in axes.texts}
    assert said == {"an H100 has 80 GB", "one block: 26 GB", "5 blocks: 61 GB", "whole model: 438 GB"}


@given(count=st.integers(1, 16), stage=st.integers(0, 3))
def test_what_ranks_hold_is_zeros_memory_and_covers_everything(count, stage):
    everyone = [holding.held(rank, count, stage) for rank in range(count)]
    for part in everyone:
        size = sum((end - start) * getattr(cost.RECIPE, kind) for kind, (start, end) in part.items())
        assert size == pytest.approx(zero_bytes(1, count, stage, cost.RECIPE))
    for kind in holding.SHARDED_FROM:
        ends = sorted(part[kind] for part in everyone)
        assert (ends[0][0], ends[-1][1]) == (0, 1)
        assert all(a[1] >= b[0] for a, b in pairwise(ends))  # no gap


def rectangles(svg, color):
    """x, y, width and height of what has a color."""
    found = [e.attrib for e in ElementTree.fromstring(svg).iter() if e.get("fill") == color]
    return [tuple(float(a[k]) for k in ("x", "y", "width", "height")) for a in found if "width" in a]


def words(svg):
    return [e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]


def test_the_drawing_of_who_holds_what():
    svg = figures.figure_holding()
    for kind, size in (("weights", 2), ("gradients", 2), ("optimizer", 12)):
        drawn = sorted(rectangles(svg, figures.COLOR[kind]))
        assert len(drawn) == 4 * 8
        for stage in range(4):
            tall = [height for *_, height in drawn[8 * stage : 8 * stage + 8]]
            share = 1 / 8 if stage >= {"optimizer": 1, "gradients": 2, "weights": 3}[kind] else 1
            assert tall == pytest.approx([8 * size * share] * 8)
    said = words(svg)
    assert said.count("28.1 GB") == 3  # 2 bytes, twice 7/8 of 8.03e9
    for number in ("128.5 GB", "44.2 GB", "30.1 GB", "16.1 GB", "42.2 GB"):
        assert number in said


def test_the_drawing_of_a_step():
    link, work = calculator.play(4, 0.8, 1.0, 1, False)
    svg = figures.figure_passes()
    assert {"waits 0.8 ms", "whole weights, of 2 blocks at most"} <= set(words(svg))
    messages = [name for _, _, name in link]
    assert [w for w in words(svg) if w in {"G0", "G1", "G2", "G3", "R0", "R1", "R2", "R3"}] == messages
    scale = 342 / 13.6
    passes = rectangles(svg, figures.LINE["F"])
    assert [x for x, *_ in passes] == pytest.approx([50 + start * scale for start, _, _ in work], rel=1e-4)
    thin = [(x, width) for x, _, width, height in rectangles(svg, figures.COLOR["gradients"]) if height == 4]
    # block 0: from its backward pass at 10.8 ms to the end of the step
    assert thin[0] == pytest.approx((50 + 10.8 * scale, 2.8 * scale), rel=1e-4)


@given(units=st.integers(1, 9), gather=st.floats(0.1, 3), ahead=st.integers(0, 3))
def test_whole_units_by_the_clock(units, gather, ahead):
    """Played moment by moment: a unit is whole from a gather's start to the end of the next pass."""
    link, work = calculator.play(units, gather, 1.0, ahead, False)
    found = holding.whole(link, work)
    events = [(start, 0, name) for start, _, name in link if name[0] == "G"]
    events += [(end, -1, name) for _, end, name in work]
    there, most = [0] * units, 0
    for _, _, name in sorted(events):
        there[int(name[1:])] += 1 if name[0] == "G" else -1
        most = max(most, sum(n > 0 for n in there))
    assert there == [0] * units
    assert holding.most(link, work) == most <= ahead + 1
    for unit, spans in found.items():
        busy = [(start, end) for start, end, name in work if name[1:] == str(unit)]
        assert all(any(a <= start and end <= b for a, b in spans["weights"]) for start, end in busy)
    first, last = holding.waits(link, work)
    assert first == pytest.approx(gather)
    assert last >= gather - 1e-9  # the last reduction follows the last backward pass
    assert last == pytest.approx(link[-1][1] - sum(end - start for start, end, _ in work) - idle(work))


def idle(work):
    """Time in which nothing is computed, before the last pass."""
    return work[0][0] + sum(b[0] - a[1] for a, b in pairwise(work))


@given(units=st.integers(1, 12), gather=st.floats(0.1, 5), ahead=st.integers(0, 4), keep=st.booleans())
def test_the_drawing_obeys_its_rules(units, gather, ahead, keep):
    link, work = calculator.play(units, gather, 1.0, ahead, keep)
    assert len(work) == 2 * units
    assert len(link) == units * (2 if keep else 3)
    for lane in (link, work):
        assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(lane))
    gathers = iter([span for span in link if span[2][0] == "G"])
    for k, (start, _, name) in enumerate(work):
        if name[0] == "F" or not keep:
            begun, arrived, _ = next(gathers)
            assert arrived <= start + 1e-9
            if k > ahead:
                assert begun >= work[k - 1 - ahead][1] - 1e-9
    backward = {name[1:]: end for _, end, name in work if name[0] == "B"}
    assert all(start >= backward[name[1:]] - 1e-9 for start, _, name in link if name[0] == "R")
