"""FSDP: the peak of a step by the size of a unit, as a plot."""

from __future__ import annotations

from matplotlib.figure import Figure

from snippets.distributed.fsdp.peak import BLOCKS, CAPACITY_GB, largest, peak_gb, sizes


def figure_peak() -> Figure:
    """Peak memory by the number of blocks in a unit, for 70B parameters on 64 GPUs."""
    figure = Figure(figsize=(5.0, 3.0), layout="constrained")
    axes = figure.subplots()
    blocks = sizes()
    axes.loglog(blocks, [peak_gb(n) for n in blocks], "o-", color="C0", markersize=4)
    axes.axhline(CAPACITY_GB, color="C3", linestyle="--", linewidth=1.2)
    axes.annotate(
        f"an H100 has {CAPACITY_GB:.0f} GB",
        (blocks[0], CAPACITY_GB),
        (0, 4),
        textcoords="offset points",
        color="C3",
    )
    for n, words, shift, side in (
        (blocks[0], "one block", (9, -5), "left"),
        (largest(), f"{largest()} blocks", (9, -7), "left"),
        (blocks[-1], "whole model", (-9, -2), "right"),
    ):
        axes.annotate(
            f"{words}: {peak_gb(n):.0f} GB", (n, peak_gb(n)), shift,
            textcoords="offset points", ha=side,
        )  # fmt: skip
    axes.set_xticks(blocks, [str(n) for n in blocks])
    axes.set_yticks([20, 40, 80, 160, 320], ["20", "40", "80", "160", "320"])
    axes.minorticks_off()
    axes.set_xlabel(f"blocks in a unit, of {BLOCKS}")
    axes.set_ylabel("peak of a GPU, GB")
    return figure
