"""The plots of the page: when the mean does harm, and an exact gradient that stalls."""

from __future__ import annotations

from matplotlib.figure import Figure

from snippets.rl.overview.rates import WORLDS, crossing, ratio
from snippets.rl.overview.stall import BONUSES, ascent, half


def figure_rates() -> Figure:
    """Variance with the mean as baseline over that without, by pass rate."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = figure.subplots()
    rates = [i / 200 for i in range(2, 190)]
    spots = ((0.9, 2.2, "left"), (0.67, 12, "right"), (0.97, 0.12, "left"))
    for color, (name, world), (x, y, side) in zip(
        ("C0", "C1", "C2"), WORLDS.items(), spots, strict=True
    ):
        axes.plot(rates, [max(ratio(p, *world), 1e-3) for p in rates], color=color)
        axes.text(x, y, name.replace(" and ", "\nand "), color=color, ha=side)
    axes.axhline(1, color="gray", linewidth=0.8)
    axes.text(0.02, 4, "the mean does harm", color="gray")
    axes.text(0.02, 0.2, "the mean helps", color="gray")
    for world in ((1, 1), (1, 1000)):
        at = crossing(*world)
        axes.plot([at], [1], "o", color="black", markersize=4)
        axes.annotate(f"{at:.0%}", (at, 1), (-4, 5), textcoords="offset points", ha="right")
    axes.set(yscale="log", ylim=(0.05, 300), xlim=(0, 1.2), xlabel="pass rate", ylabel="variance: mean / none")  # fmt: skip
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def figure_stall() -> Figure:
    """Probability of the best sequence by step of exact ascent, for three bonuses."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = figure.subplots()
    names = {0.0: "exact gradient", 0.03: "bonus 0.03", 0.1: "0.1"}
    for color, bonus in zip(("C3", "C0", "C2"), BONUSES, strict=True):
        axes.plot([now.best for now in ascent(bonus)], color=color)
        place = (half(bonus) + 8, 0.15) if bonus else (380, 0.009)
        axes.text(*place, names[bonus], color=color, ha="left" if bonus else "center")
    worst = min(range(len(ascent())), key=lambda i: ascent()[i].best)
    axes.plot([worst], [ascent()[worst].best], "o", color="C3", markersize=4)
    axes.annotate(f"{ascent()[worst].best:.2%}", (worst, ascent()[worst].best), (0, -13), textcoords="offset points", color="C3", ha="center")  # fmt: skip
    axes.set(yscale="log", ylim=(0.0015, 1.3), xlabel="step", ylabel="probability of ccc")
    axes.set_yticks([0.01, 0.1, 1], ["1%", "10%", "100%"])
    axes.spines[["top", "right"]].set_visible(False)
    return figure
