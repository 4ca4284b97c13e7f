"""Collectives: figures of the ring's steps, and of time by size."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from snippets.distributed.collectives.cost import (
    CARD,
    MANY,
    START,
    crossover,
    ring_seconds,
    tree_lag,
    tree_seconds,
)
from snippets.distributed.collectives.steps import held, ring
from snippets.distributed.collectives.units import with_unit

MUTED = "var(--fg-muted)"
HEAD = (
    '<marker id="head" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="5" markerHeight="5"'
    ' orient="auto"><path d="M0 0L6 3L0 6z" fill="currentColor"/></marker>'
)


def svg(width: int, height: int, body: list[str]) -> str:
    """A drawing with arrowheads, its text 12 units high."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<defs>{HEAD}</defs><g font-size="12">{"".join(body)}</g></svg>'
    )


def write(
    x: float, y: float, text: str, anchor: str = "start", fill: str = "currentColor"
) -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{fill}">{text}</text>'


def arrow(x: float, y: float) -> str:
    """A short arrow downward."""
    return (
        f'<path d="M{x:g} {y:g}v10" fill="none" stroke="currentColor"'
        ' stroke-width="1.3" marker-end="url(#head)"/>'
    )


def cell(x: float, y: float, who: set[int], ranks: int) -> str:
    """A chunk of a rank, with a stripe for each rank that is in its sum."""
    stripes = [
        f'<rect x="{x + 1 + 8 * rank:g}" y="{y + 1:g}" width="8" height="15" fill="var(--fg-s{rank})"/>'
        for rank in sorted(who)
    ]
    complete = len(who) == ranks
    line = "currentColor" if complete else MUTED
    return "".join(stripes) + (
        f'<rect x="{x:g}" y="{y:g}" width="{2 + 8 * ranks}" height="17" fill="none"'
        f' stroke="{line}" stroke-width="{2 if complete else 1}"/>'
    )


def panel(left: float, top: float, ranks: int, step: int, title: str) -> list[str]:
    """All chunks after a step, with arrows for what the next step sends."""
    parts = [write(left, top, title), write(left, top + 19, "chunk", fill=MUTED)]
    for chunk in range(ranks):
        parts.append(write(left + 63 + 40 * chunk, top + 19, f"{chunk}", "middle", MUTED))
    for rank, chunks in enumerate(held(ranks, step)):
        y = top + 34 + 29 * rank
        parts.append(write(left, y + 13, f"rank {rank}", fill=MUTED))
        parts += [cell(left + 46 + 40 * i, y, who, ranks) for i, who in enumerate(chunks)]
        if step < len(ring(rank, ranks)):
            x = left + 63 + 40 * ring(rank, ranks)[step].send
            parts.append(arrow(x, y + 18))
            if rank == ranks - 1:  # around to the first
                parts.append(arrow(x, top + 22))
    return parts


def figure_steps() -> str:
    """A ring of four: who is in which sum, and what each rank sends next."""
    ranks = 4
    half, last = ranks - 1, len(ring(0, ranks))
    return svg(424, 344, [
        *panel(4, 14, ranks, 0, "start"),
        *panel(216, 14, ranks, 1, "after step 1"),
        *panel(4, 190, ranks, half, f"after step {half}: sums complete"),
        *panel(216, 190, ranks, last, f"after step {last}: copied to all"),
    ])  # fmt: skip


def figure_times() -> Figure:
    """Time of a ring and of trees by size, and where they cross."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = figure.subplots()
    sizes = [10 ** (2 + i / 8) for i in range(73)]
    for color, function in (("C0", ring_seconds), ("C1", tree_seconds)):
        axes.plot(sizes, [1e3 * function(size, MANY, START, CARD) for size in sizes], color=color)  # fmt: skip
        starts = function(0, MANY, START, CARD)
        name = function.__name__.removesuffix("_seconds")
        axes.annotate(f"{name}: {with_unit(starts, 'µs')} of starts", (sizes[0], 1e3 * starts), (0, 5),
                      textcoords="offset points", color=color)  # fmt: skip
    equal = crossover(MANY, START, CARD)
    then = ring_seconds(equal, MANY, START, CARD)
    axes.plot([equal], [1e3 * then], "o", color="black")
    axes.annotate(f"equal at {with_unit(equal, 'MB')}, {with_unit(then, 'ms', 1)}", (equal, 1e3 * then),
                  (-9, 4), textcoords="offset points", ha="right")  # fmt: skip
    axes.annotate(f"beyond, trees take\nup to {tree_lag(MANY):.0%} longer", (equal, 1e3 * then),
                  (-2, -62), textcoords="offset points")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="size of the tensor", ylabel="time of an all-reduce, ms",
             xticks=[1e2, 1e4, 1e6, 1e8, 1e10], xticklabels=["100 B", "10 kB", "1 MB", "100 MB", "10 GB"])  # fmt: skip
    axes.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:,g}"))
    axes.minorticks_off()
    return figure
