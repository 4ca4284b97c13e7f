"""One addition among its neighbors in bf16."""

from __future__ import annotations

from matplotlib.figure import Figure

from snippets.transformers.attention.culprit import Addition, addition, case, culprits


def decisive() -> Addition:
    """The addition that changes the token of the page's prompt."""
    m, prompt = case()
    place = next(place for place, enough in culprits(m, prompt).items() if enough)
    return addition(m, prompt, *place)


def figure_neighbors() -> Figure:
    """Two neighbors in bf16, the number between them where they part, and two sums."""
    a = decisive()
    low, high = sorted((a.one, a.two))
    middle, gap = (low + high) / 2, high - low
    figure = Figure(figsize=(5.0, 2.2), layout="constrained")
    axes = figure.subplots()
    axes.hlines(0, low - 0.12 * gap, high + 0.12 * gap, color="black", linewidth=1)
    for x, name in ((low, "one split keeps"), (high, "two splits keep")):
        axes.plot([x], [0], "|", color="black", markersize=22, markeredgewidth=2)
        axes.annotate(
            f"{name}\n{x:.6f}",
            (x, 0),
            (0, -16),
            textcoords="offset points",
            ha="center",
            va="top",
        )
    axes.vlines(middle, -0.6, 0.6, color="gray", linestyle=":")
    axes.annotate(
        "rounds down",
        (middle, 0.62),
        (-8, 0),
        color="gray",
        textcoords="offset points",
        ha="right",
    )
    axes.annotate(
        "rounds up",
        (middle, 0.62),
        (8, 0),
        color="gray",
        textcoords="offset points",
        ha="left",
    )
    total = sum(a.addends)
    for x, name, color, shift in (
        (a.exact, "exact", "C0", -30),
        (total, "sum of two splits", "C1", -22),
    ):
        axes.plot([x], [0], "o", color=color)
        axes.annotate(
            f"{name}\n{x:.6f}",
            (x, 0),
            (shift, 9),
            color=color,
            textcoords="offset points",
            va="bottom",
        )
    axes.set(xlim=(low - 0.2 * gap, high + 0.2 * gap), ylim=(-1, 1.0))
    axes.axis("off")
    return figure
