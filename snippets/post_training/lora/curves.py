"""Two plots: what a merge loses by the adapter's size, and what a first step moves by rank."""

from __future__ import annotations

import statistics

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snippets.post_training.lora.first_step import OPTIMIZERS, RANKS, RULES, runs
from snippets.post_training.lora.shipping import BF16, NF4, average, limit_of, lost_by

SIZES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)


def bare(figure: Figure) -> Axes:
    """Axes without a frame above and on the right."""
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def figure_lost() -> Figure:
    """Loss of a merge over the size of the adapter, in bf16 and in NF4, with the bounds."""
    figure = Figure(figsize=(5.0, 3.1), layout="constrained")
    axes = bare(figure)
    shown = [100 * size for size in SIZES]
    for way, color, words, at in ((BF16, "C0", "into bf16", 3), (NF4, "C1", "into NF4", 8)):
        losses = [100 * average(lost_by, way, size) for size in SIZES]
        bounds = [100 * average(limit_of, way, size) for size in SIZES]
        axes.plot(shown, losses, "o-", color=color, linewidth=2, markersize=4)
        axes.plot(shown, bounds, ":", color=color)
        axes.annotate(
            words, (shown[at], losses[at]), (-8, -6), color=color,
            textcoords="offset points", ha="right", va="top",
        )  # fmt: skip
    axes.axhline(100, color="gray", linewidth=0.8)
    axes.annotate(
        "all of it lost",
        (100, 100),
        (0, 10),
        color="gray",
        textcoords="offset points",
        ha="right",
    )
    axes.set(
        xscale="log", yscale="log", xlabel="size of the adapter, % of the weight",
        ylabel="lost in the merge, %", ylim=(0.1, 400),
    )  # fmt: skip
    axes.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    return figure


def figure_ranks() -> Figure:
    """Change of the outputs after one step over the rank, for two optimizers and two rules."""
    figure = Figure(figsize=(5.0, 3.1), layout="constrained")
    axes = bare(figure)
    color = 0
    for optimizer in OPTIMIZERS:
        for rule in RULES:
            found = [runs(rank, rule, optimizer) for rank in RANKS]
            means = [statistics.mean(run) for run in found]
            low, high = ([f(run) for run in found] for f in (min, max))
            axes.fill_between(RANKS, low, high, color=f"C{color}", alpha=0.2, linewidth=0)
            axes.plot(RANKS, means, "o-", color=f"C{color}", markersize=4)
            axes.annotate(
                f"{optimizer}, {rule}", (RANKS[-1], means[-1]), (8, 0), color=f"C{color}",
                textcoords="offset points", va="center",
            )  # fmt: skip
            color += 1
    axes.set(
        xscale="log", yscale="log", xlabel="rank", ylabel="change of an output in one step",
        xlim=(3.5, 1500),
    )  # fmt: skip
    axes.set_xticks(RANKS, [str(rank) for rank in RANKS])
    axes.minorticks_off()
    return figure
