"""Two plots: bytes moved by the size of fast memory, and one addition among its neighbors in bf16."""

# /// fieldguide
# timeout_s = 90
# ///

from __future__ import annotations

from matplotlib.figure import Figure

from snippets.transformers.attention.culprit import Addition, addition, case, culprits
from snippets.transformers.attention.instrument import Traffic
from snippets.transformers.attention.traffic import (
    SIZE,
    eager_traffic,
    tiled_traffic,
)

SIDES = (32, 64, 128, 256)


def moved_mb(counts: Traffic) -> float:
    """Bytes in both directions, in MB."""
    return (counts.read + counts.written) / 1e6


def points() -> dict[int, tuple[float, float]]:
    """Side of a tile: KiB in fast memory, MB that the forward pass moves."""
    counts = {side: tiled_traffic(*SIZE, (side, side))[0] for side in SIDES}
    return {side: (c.peak / 1024, moved_mb(c)) for side, c in counts.items()}


def figure_moved() -> Figure:
    """Counted traffic of tiles of four sizes, beside that of separate operations."""
    figure = Figure(figsize=(4.8, 3.0), layout="constrained")
    axes = figure.subplots()
    counted, level = points(), moved_mb(eager_traffic(*SIZE)[0])
    x, y = zip(*counted.values(), strict=True)
    axes.plot(x, y, "o-", color="C1", linewidth=2)
    for side, (kib, mb) in counted.items():
        where, ha = ((-7, -12), "right") if side == SIDES[0] else ((6, 5), "left")
        axes.annotate(
            f"{side} x {side}: {mb:.1f} MB", (kib, mb), where, color="C1",
            textcoords="offset points", ha=ha,
        )  # fmt: skip
    axes.axhline(level, color="C0", linewidth=2)
    axes.annotate(
        f"separate operations: {level:.1f} MB", (x[-1], level), (0, 5), color="C0",
        textcoords="offset points", ha="right",
    )  # fmt: skip
    axes.set(
        xscale="log", yscale="log", xlabel="fast memory in use, KiB", ylabel="MB moved, one head",
        xlim=(5, 1600), ylim=(0.9, 14),
    )  # fmt: skip
    axes.set_xticks([16, 64, 256, 1024], ["16", "64", "256", "1,024"])
    axes.set_yticks([1, 2, 5, 10], ["1", "2", "5", "10"])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    return figure


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
