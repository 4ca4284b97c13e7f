"""The load histogram and its bills, and who serves which domain."""
# /// fieldguide
# timeout_s = 240
# ///

from __future__ import annotations

from math import ceil

from matplotlib.figure import Figure

from snippets.transformers.mixture_of_experts.comparison import (
    FACTOR,
    MIXED,
    RANKS,
    histograms,
)
from snippets.transformers.mixture_of_experts.loads import dropped, rank_loads, slowest
from snippets.transformers.mixture_of_experts.toy import DOMAINS, EXPERTS

SEED = 0  # which of the five is drawn


def figure_bills() -> Figure:
    """Loads of one router without balancing: what a capacity drops, and for whom all ranks wait."""
    loads = histograms("nothing", 0.0, MIXED)[SEED]
    capacity = ceil(FACTOR * sum(loads) / EXPERTS)
    figure = Figure(figsize=(5.4, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    kept = [min(load, capacity) for load in loads]
    left.bar(range(EXPERTS), kept, color="C0")
    over = [load - k for load, k in zip(loads, kept, strict=True)]
    left.bar(range(EXPERTS), over, bottom=kept, color="C3", alpha=0.6)
    left.axhline(capacity, color="black", linewidth=0.8, linestyle="--")
    left.set(xlabel="expert", ylabel="choices", xticks=range(EXPERTS))
    top, share = max(loads), f"dropped {dropped(loads, FACTOR):.0%}"
    left.text(7.5, top * 1.2, share, ha="right", color="C3")
    left.text(7.5, top * 1.06, f"dashed: capacity {capacity}", ha="right")
    left.set_ylim(0, top * 1.32)
    ranks = rank_loads(loads, RANKS)
    right.bar(range(RANKS), ranks, color="C0")
    right.axhline(sum(ranks) / RANKS, color="black", linewidth=0.8, linestyle="--")
    right.text(ranks.index(min(ranks)), sum(ranks) / RANKS * 1.03, "mean", ha="center")
    busiest = ranks.index(max(ranks))
    right.text(
        busiest, max(ranks) * 1.02, f"{slowest(loads, RANKS):.2f} × mean", ha="center"
    )
    right.set(
        xlabel="rank",
        xticks=range(RANKS),
        ylim=(0, max(ranks) * 1.15),
        xlim=(-0.9, RANKS - 0.3),
    )
    return figure


def figure_scopes() -> Figure:
    """Two routers: for each domain, the share of its choices that each expert serves."""
    figure = Figure(figsize=(5.4, 2.9), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    names = {
        "loss over the batch": "over the batch",
        "loss in each sequence": "in each sequence",
    }
    for axes, (method, name) in zip(panels, names.items(), strict=True):
        for domain in range(DOMAINS):
            loads = histograms(method, 0.1, [domain] * 64)[SEED]
            sizes = [160 * load / sum(loads) for load in loads]
            axes.scatter(range(EXPERTS), [domain] * EXPERTS, s=sizes, color="C0")
        axes.set(
            xlabel="expert",
            xticks=range(EXPERTS),
            yticks=range(DOMAINS),
            xlim=(-0.7, 7.7),
            ylim=(7.7, -1.4),
        )
        axes.text(3.5, -0.9, name, ha="center")
    panels[0].set_ylabel("domain")
    return figure
