# /// fieldguide
# timeout_s = 60
# ///
"""The plots of the page: sampled order, and recall against worth."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snippets.recommenders.evaluation import sampled
from snippets.recommenders.evaluation.policies import POLICIES
from snippets.recommenders.evaluation.prediction import average


def bare(axes: Axes) -> None:
    """Take away the upper and the right line."""
    axes.spines[["top", "right"]].set_visible(False)


def figure_order() -> Figure:
    """Expected average precision of the three recommenders by sample size."""
    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes = figure.subplots()
    bare(axes)
    sizes = [1, 2, 4, 8, 16, 32, 64, 99, 128, 256, 512, 1024, 2048, 4096, 9999]
    for color, (name, ranks) in zip(
        ("C0", "C1", "C2"), sampled.RECOMMENDERS.items(), strict=True
    ):
        values = [
            sampled.over_ranks(sampled.ap, ranks, sampled.ITEMS, size) for size in sizes
        ]
        axes.plot(sizes, values, color=color)
        axes.plot(
            [24_000],
            [sampled.over_ranks(sampled.ap, ranks, sampled.ITEMS, None)],
            "o",
            color=color,
            ms=5,
        )
        axes.annotate(
            name, (1, values[0]), (-10, -3), textcoords="offset points", color=color
        )
    axes.axvline(99, color="gray", lw=1, ls=":")
    axes.annotate(
        "99: A > B > C", (99, 0.9), (4, 0), textcoords="offset points", color="black"
    )
    axes.annotate("all items:\nC > B > A", (24_000, 0.17), ha="right", color="black")
    axes.set(
        xscale="log",
        xlabel="sampled negatives",
        ylabel="expected average precision",
        ylim=(0, 1.02),
    )
    return figure


LABELS = {
    "SVD / times shown": (-6, -2, "right"),
    "SVD": (0, -13, "center"),
    "popular": (0, -13, "center"),
    "play rate": (0, 7, "center"),
}
FEW = {
    "SVD / times shown": (-6, -2, "right"),
    "popular": (-6, 0, "right"),
    "random": (6, -2, "left"),
}


def figure_worth() -> Figure:
    """Recall on the plays against the worth of the page, in two worlds."""
    figure = Figure(figsize=(5.4, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, fame, words, labels, top in (
        (left, "liked", "popularity is taste", FEW, 1.0),
        (right, "shown", "popularity is exposure", LABELS, 4.0),
    ):
        bare(axes)
        for name in POLICIES:
            x, y = average(fame, name, "recall"), average(fame, name, "worth")
            axes.plot(x, y, "o", color="C1" if name in labels else "C0", ms=5)
            if name in labels:
                dx, dy, side = labels[name]
                axes.annotate(
                    name, (x, y), (dx, dy), textcoords="offset points", ha=side, fontsize=8
                )
        axes.set(
            xlabel="recall@10 on plays",
            ylabel="plays per session",
            ylim=(0, top),
            xlim=(0, 0.45),
        )
        axes.annotate(
            words, (0.03, 0.93), xycoords="axes fraction", color="gray", fontsize=8.5
        )
    return figure
