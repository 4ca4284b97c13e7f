"""Which weights to choose: seven choices in many worlds, by batch size."""

from __future__ import annotations

import functools
from statistics import fmean

from matplotlib.figure import Figure

from snippets.rl.on_and_off_policy.corrections import Quality, quality, weights
from snippets.rl.on_and_off_policy.drawing import plain
from snippets.rl.on_and_off_policy.worlds import World, world

GAPS, LENGTHS, BATCHES, SEEDS = (0.2, 0.4, 0.8, 1.6), (4, 8), (64, 256, 1024, 4096), 8
CHOICES: dict[str, dict[str, object]] = {
    "none": {},
    "token": {"level": "token"},
    "token, cut at 2": {"level": "token", "cap": 2.0},
    "geometric mean": {"level": "mean"},
    "sequence": {"level": "sequence"},
    "sequence, cut at 2": {"level": "sequence", "cap": 2.0},
    "sequence, dropped above 3": {"level": "sequence", "cap": 3.0, "drop": True},
}


def compared(w: World) -> dict[str, Quality]:
    """The quality of each choice."""
    logs, mask = w.log_ratios(), w.policy.mask.double()
    return {
        name: quality(w, weights(logs, mask, **how) if how else mask)  # type: ignore[arg-type]
        for name, how in CHOICES.items()
    }


@functools.cache
def everything(gap: float, length: int = 8) -> list[tuple[World, dict[str, Quality]]]:
    """Several worlds of one gap, and the quality of each choice in them."""
    worlds = [world(gap, length, seed) for seed in range(SEEDS)]
    return [(w, compared(w)) for w in worlds]


def mean_share(gap: float) -> float:
    """Effective share of sequence weights, mean of the worlds of eight tokens."""
    return fmean(w.share() for w, _ in everything(gap))


def mean_alignment(gap: float, name: str, replies: int) -> float:
    """Alignment of a choice, mean of the worlds of eight tokens."""
    return fmean(found[name].alignment(replies) for _, found in everything(gap))


def example_corrections() -> None:
    """Bias, cosine and the alignment of batches of three sizes, mean of eight worlds, at two gaps."""
    for gap in (0.2, 0.8):
        if gap > GAPS[0]:
            print()
        print(f"gap {gap}: effective share {mean_share(gap):.2f}")
        print(f"{'':26s}{'bias':>6s}{'cosine':>8s}{'B=64':>8s}{'B=256':>7s}{'B=4096':>8s}")
        for name in CHOICES:
            found = [one[name] for _, one in everything(gap)]
            bias, cosine = fmean(q.bias for q in found), fmean(q.cosine for q in found)
            few, some, many = (mean_alignment(gap, name, n) for n in (64, 256, 4096))
            print(f"{name:26s}{bias:6.2f}{cosine:8.3f}{few:8.3f}{some:7.3f}{many:8.3f}")


def crossing() -> list[tuple[float, float]]:
    """Effective replies, and what cutting at 2 gains in alignment: each world and batch size."""
    return [
        (
            replies * w.share(),
            found["sequence, cut at 2"].alignment(replies)
            - found["sequence"].alignment(replies),
        )
        for gap in GAPS
        for length in LENGTHS
        for w, found in everything(gap, length)
        for replies in BATCHES
    ]


def cut_wins(low: float, high: float) -> float:
    """Share of the points between two numbers of effective replies where cutting gains."""
    return fmean(gain > 0 for replies, gain in crossing() if low <= replies < high)


def example_crossing() -> None:
    """How often cutting sequence weights at 2 helps, by effective replies before the cut."""
    for low, high in ((0, 10), (10, 100), (100, 300), (300, 1000), (1000, 10_000)):
        count = sum(low <= replies < high for replies, _ in crossing())
        print(f"{low:5,d} to {high:6,d}{count:5d} points  {cut_wins(low, high):4.0%}")


def figure_crossing() -> Figure:
    """Each dot a world and a batch size: effective replies against what cutting at 2 gains."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = plain(figure)
    points = [(n, gain) for n, gain in crossing() if n >= 1]
    for wins, color in ((True, "C0"), (False, "C1")):
        some = [point for point in points if (point[1] > 0) == wins]
        axes.plot(*zip(*some, strict=True), "o", color=color, alpha=0.6, markersize=4)
    axes.axhline(0, color="gray", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    axes.annotate("cutting at 2 helps", (40, 0.35), color="C0")
    axes.annotate("the plain product is better", (1.1, -0.13), color="C1")
    axes.set(
        xlabel="effective replies before the cut, B × share",
        ylabel="alignment gained",
        ylim=(-0.2, 0.8),
    )
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about corrections."""
    return {
        "small_share": f"{mean_share(0.2):.2f}",
        "large_share": f"{mean_share(0.8):.2f}",
        "cut_few": f"{cut_wins(10, 100):.0%}",
        "cut_many": f"{cut_wins(1000, 10_000):.0%}",
    }


if __name__ == "__main__":
    example_corrections()
    example_crossing()
