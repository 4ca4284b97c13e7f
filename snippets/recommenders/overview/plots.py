"""The plots of the page: what a better page costs, and a loop that its own recall applauds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

Worths = Mapping[str, Mapping[str, float]]
MARKED = {
    "as it is": ("shown", (6, -12), "as it is"),
    "300 from factors: all": ("shown", (6, -12), "all 300 through light"),
    "30 + 10 by content": ("shown", (6, 3), "a second source"),
    "both: 30 + 10, light 40": ("shown", (6, -12), "and no light ranker"),
    "heavy on the catalog": ("shown", (-2, -14), "heavy on all"),
}


def layouts(prices: Mapping[str, float], worths: Worths) -> Figure:
    """Worth of the page by price, a point for each layout, a color for each world."""
    figure = Figure(figsize=(5.2, 3.3), layout="constrained")
    axes = figure.subplots()
    for color, (fame, found) in zip(("C0", "C1"), worths.items(), strict=True):
        axes.plot([prices[n] for n in MARKED], [found[n] for n in MARKED], "o", color=color, markersize=5)  # fmt: skip
        axes.annotate(fame, (prices["heavy on the catalog"], found["heavy on the catalog"]), (-14, -3), textcoords="offset points", color=color, ha="right")  # fmt: skip
    for name, (fame, offset, words) in MARKED.items():
        side = "right" if offset[0] < 0 else "left"
        axes.annotate(words, (prices[name], worths[fame][name]), offset, textcoords="offset points", ha=side)  # fmt: skip
    axes.set(xscale="log", xlim=(0.0035, 0.13), ylim=(0.7, 0.9), xlabel="dollars per 1,000 requests", ylabel="plays of the ideal page")  # fmt: skip
    axes.set_xticks(
        [0.005, 0.01, 0.02, 0.05, 0.1], ["0.005", "0.01", "0.02", "0.05", "0.1"]
    )
    axes.minorticks_off()
    axes.set_yticks([0.7, 0.75, 0.8, 0.85, 0.9], ["70%", "75%", "80%", "85%", "90%"])
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def loop(lines: Mapping[str, tuple[str, str, Sequence[float]]]) -> Figure:
    """One line for each name: its color, its style, and its shares by round."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = figure.subplots()
    for name, (color, style, shares) in lines.items():
        axes.plot(range(1, len(shares) + 1), shares, style, color=color)
        axes.annotate(name, (len(shares), shares[-1]), (5, -3), textcoords="offset points", color=color)  # fmt: skip
    axes.set(xlim=(1, 9.6), ylim=(0, 1.05), xlabel="round")
    axes.set_xticks(range(1, 7))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    axes.spines[["top", "right"]].set_visible(False)
    return figure
