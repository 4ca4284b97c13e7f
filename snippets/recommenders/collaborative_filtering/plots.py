"""The plots of the search: score by budget, and worth by score."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snippets.recommenders.collaborative_filtering.budget import (
    COUNT,
    MOVIES,
    WORLD,
    found,
    reached,
)
from snippets.recommenders.collaborative_filtering.search import METHODS
from snippets.recommenders.collaborative_filtering.truth import FAMES, random_worth, worth

LABELS = {
    MOVIES: {
        "EASE": (6.2, 0.219),
        "popularity": (5, 0.186),
        "iALS": (3.5, 0.2038),
        "BPR": (6, 0.156),
    },
    WORLD: {
        "EASE": (7, 0.199),
        "popularity": (3.4, 0.119),
        "iALS": (1.6, 0.226),
        "BPR": (1.6, 0.155),
    },
}


def panel(axes: Axes, data: str) -> None:
    """The curves of one data set, each with its name."""
    budgets = range(1, COUNT + 1)
    for color, method in enumerate(METHODS):
        axes.plot(budgets, [reached(data, method, n) for n in budgets], color=f"C{color}")
        axes.annotate(method, LABELS[data][method], color=f"C{color}", fontsize=9)
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(f"trials, {data}")


def budgets() -> Figure:
    """Expected test score of the best of n trials, on both data sets."""
    figure = Figure(figsize=(5.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panel(left, MOVIES)
    panel(right, WORLD)
    left.set_ylabel("expected NDCG@10, test users")
    return figure


def worths() -> Figure:
    """Each dot one configuration: its score on plays, and what its lists are worth."""
    figure = Figure(figsize=(5.4, 3.2), layout="constrained")
    for axes, fame in zip(figure.subplots(1, 2, sharey=True), FAMES, strict=True):
        for color, method in enumerate(METHODS):
            tried = found(WORLD, method)
            values = [worth(lists, fame) for lists in tried.lists]
            scored = tried.test.mean(axis=1)
            axes.plot(scored, values, "o", color=f"C{color}", markersize=4, label=method)
        axes.axhline(random_worth(fame), color="gray", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(
            xlabel=f"NDCG@10, fame is {'liking' if fame == 'liked' else 'exposure'}",
            ylim=(0, 0.9),
        )
        if fame == "liked":
            axes.set_ylabel("worth of the lists")
            axes.annotate(
                "titles at random",
                (0.13, random_worth(fame) - 0.06),
                color="gray",
                fontsize=9,
            )
            axes.legend(frameon=False, fontsize=8, loc="upper left", handletextpad=0)
    return figure
