"""The plots of the page: epochs taken apart, and tokens at rest."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

from snippets.rl.ppo.calculator import resting_ratio
from snippets.rl.ppo.epochs import EPOCHS, MAIN, mean_epoch
from snippets.rl.ppo.rest import CHANCES, ascent


def figure_parts() -> Figure:
    """Shares of the tokens by epoch, with momentum."""
    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes = figure.subplots()
    found = [mean_epoch(MAIN, e) for e in range(EPOCHS + 1)]
    rows = [
        [getattr(e, name) for e in found] for name in ("inside", "back", "held", "escaping")
    ]
    parts = axes.stackplot(range(EPOCHS + 1), rows, colors=("C0", "C1", "gray", "C3"))
    for part, alpha in zip(parts, (0.35, 0.8, 0.8, 0.75), strict=True):
        part.set_alpha(alpha)
    axes.text(1.6, 0.4, "inside the clip,\nwith a gradient", ha="center")
    axes.text(6.4, 0.7, "silent, and\nmoving outward", ha="center", va="center")
    last = found[-1]
    axes.annotate(
        "led back", (EPOCHS - 0.1, last.inside + last.back / 2), (-70, -24), va="center",
        textcoords="offset points", arrowprops={"arrowstyle": "-", "color": "black"},
    )  # fmt: skip
    axes.set(
        xlim=(0, EPOCHS),
        ylim=(0, 1),
        xlabel="updates made on the batch",
        ylabel="share of its tokens",
    )
    axes.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
    return figure


def figure_rest() -> Figure:
    """Ratio at rest by the token's chance before."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = figure.subplots()
    chances = [10 ** (-2.3 + 2.25 * i / 120) for i in range(121)]
    axes.axhspan(0.8, 1.2, color="gray", alpha=0.25, linewidth=0)
    axes.plot(chances, [resting_ratio(p) for p in chances], color="C2")
    low = [p for p in chances if resting_ratio(p, good=False) > 0.02]
    axes.plot(low, [resting_ratio(p, good=False) for p in low], color="C3")
    axes.plot(CHANCES, [ascent(p)[1] for p in CHANCES], "o", color="C2")
    axes.annotate(
        f"{resting_ratio(0.01):.1f} at 1%",
        (0.01, resting_ratio(0.01)),
        (9, 2),
        textcoords="offset points",
    )
    axes.annotate(
        "good among bad siblings",
        (0.06, resting_ratio(0.06)),
        (8, 6),
        textcoords="offset points",
        color="C2",
    )
    axes.text(
        0.15,
        0.1,
        "bad among good siblings:\n0 below one sixth",
        ha="right",
        va="center",
        color="C3",
    )
    axes.text(0.0055, 0.98, "clip", va="center")
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(0.05, 50),
        xlabel="the token's probability when it was drawn",
        ylabel="ratio at rest",
    )
    axes.xaxis.set_major_locator(FixedLocator([0.01, 0.1, 0.5]))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    axes.yaxis.set_major_locator(FixedLocator([0.1, 0.8, 1.2, 5, 20]))
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    return figure
