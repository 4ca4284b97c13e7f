"""A plot: how hard each loss pushes by margin."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from snippets.post_training.dpo.weights import (
    cdpo_target,
    cdpo_weight,
    dpo_weight,
    ipo_weight,
    rso_weight,
)

BETA, NOISE = 0.1, 0.1


def figure_push() -> Figure:
    """Push as a share of its size at a margin of zero, so that one axis holds all four."""
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axes = figure.subplots()
    h = torch.linspace(-20, 50, 281)
    zero = torch.tensor(0.0)
    curves = {
        "DPO": (dpo_weight(h, BETA) / dpo_weight(zero, BETA), (15, 0.62)),
        "cDPO": (cdpo_weight(h, BETA, NOISE) / cdpo_weight(zero, BETA, NOISE), (38, -0.42)),
        "hinge": (rso_weight(h, BETA) / rso_weight(zero, BETA), (-19, 1.07)),
        "IPO": (ipo_weight(h, BETA) / ipo_weight(zero, BETA), (-6.4, 2.45)),
    }
    for i, (name, (push, place)) in enumerate(curves.items()):
        axes.plot(h, push, color=f"C{i}", linewidth=2)
        axes.annotate(name, place, color=f"C{i}")
    axes.axhline(0, color="gray", linewidth=0.8)
    for color, h0, digits, shift, side in (
        ("C1", cdpo_target(BETA, NOISE), 1, (2, 6), "left"),
        ("C3", 1 / (2 * BETA), 0, (-4, -14), "right"),
    ):
        axes.plot([h0], [0], "o", color=color)
        axes.annotate(
            f"{h0:.{digits}f}",
            (h0, 0),
            shift,
            textcoords="offset points",
            color=color,
            ha=side,
        )
    axes.set(
        xlabel="margin h, nats",
        ylabel="push, relative to h = 0",
        xlim=(-20, 50),
        ylim=(-2, 3),
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure
