"""Plots: how hard each loss pushes by margin, and what was predicted of the chosen answers."""
# /// fieldguide
# timeout_s = 180
# tolerance.predicted = {rel = 0.2, abs = 2.0, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from snippets.post_training.dpo.displacement import both_fell, everything
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
    target = cdpo_target(BETA, NOISE)
    axes.plot([target], [0], "o", color="C1")
    axes.annotate(
        f"{target:.1f}", (target, 0), (2, 6), textcoords="offset points", color="C1"
    )
    axes.plot([1 / (2 * BETA)], [0], "o", color="C3")
    axes.annotate(
        f"{1 / (2 * BETA):.0f}",
        (1 / (2 * BETA), 0),
        (-4, -14),
        textcoords="offset points",
        color="C3",
        ha="right",
    )
    axes.set(
        xlabel="margin h, nats",
        ylabel="push, relative to h = 0",
        xlim=(-20, 50),
        ylim=(-2, 3),
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def figure_predicted() -> Figure:
    """Each dot is a pair: the chosen answer's change, predicted before training and measured after."""
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.subplots()
    found = everything()
    for fell, color in ((False, "C0"), (True, "C1")):
        some = [one for one in found if (one.chosen < 0) == fell]
        axes.plot(
            [one.predicted for one in some],
            [one.chosen for one in some],
            "o",
            color=color,
            alpha=0.7,
            markersize=5,
        )
    for line in (axes.axhline, axes.axvline):
        line(0, color="gray", linewidth=0.8)
    low = min(one.chosen for one in found)
    axes.annotate(
        f"chosen and rejected fell: {both_fell(found)} pairs",
        (0.15, low),
        color="C1",
        va="bottom",
    )
    axes.set(
        xlabel="predicted change of the chosen answer, nats", ylabel="measured change, nats"
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure
