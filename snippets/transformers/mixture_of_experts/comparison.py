"""One load histogram, three bills: what five seeds pay under several ways to balance."""
# /// fieldguide
# timeout_s = 240
# tolerance.bills = {rel = 0.3, abs = 0.5, reason = "training sums in another order on another machine"}
# tolerance.scopes = {rel = 0.3, abs = 0.5, reason = "training sums in another order on another machine"}
# tolerance.facts = {rel = 0.3, abs = 0.5, reason = "training sums in another order on another machine"}
# ///

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from statistics import mean

from matplotlib.figure import Figure

from snippets.transformers.mixture_of_experts.loads import dropped, rank_loads, slowest
from snippets.transformers.mixture_of_experts.measures import (
    FACTOR,
    MIXED,
    RANKS,
    bills,
    histograms,
    scopes,
)
from snippets.transformers.mixture_of_experts.toy import DOMAINS, EXPERTS

CURES = (
    ("nothing", 0.0),
    ("loss over the batch", 0.01),
    ("loss over the batch", 0.1),
    ("bias", 0.001),
    ("bias", 0.01),
)
SCOPES = (("loss over the batch", 0.1), ("loss in each sequence", 0.1), ("bias", 0.01))
SEED = 0  # which of the five is drawn


def show(
    rows: Sequence[tuple[str, float]],
    columns: Callable[[str, float], dict[str, list[float]]],
    formats: Sequence[str],
) -> None:
    """Each method with its strength: means of the seeds, and the least and the most."""
    print(f"{'':21s}" + "".join(f"{head:>12s}" for head in columns(*rows[0])))
    for method, strength in rows:
        seeds = list(zip(columns(method, strength).values(), formats, strict=True))
        means = "".join(f"{mean(values):>12{form}}" for values, form in seeds)
        spread = "".join(f"{f'{min(v):{form}}–{max(v):{form}}':>12s}" for v, form in seeds)
        print(f"{method:21s}{means}\n{f'  {strength:g}' if strength else '':21s}{spread}")


def example_bills() -> None:
    """Five seeds: mean, and least to most, of each bill."""
    show(CURES, bills, (".1f", ".2f", ".2f", ".0%", ".2f", ".2f"))


def example_scopes() -> None:
    """The same five seeds: experts of a domain, and the slowest rank on two kinds of traffic."""
    show(SCOPES, scopes, (".2f", ".1f", ".2f", ".2f", ".2f"))


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


def mean_bill(row: tuple[str, float], column: str) -> float:
    """Mean of the seeds of one column of the first table."""
    return mean(bills(*row)[column])


def mean_scope(row: tuple[str, float], column: str) -> float:
    """Mean of the seeds of one column of the second table."""
    return mean(scopes(*row)[column])


def facts() -> dict[str, str]:
    """Numbers that the page states about the five seeds."""
    bare, batch, sequence = CURES[0], SCOPES[0], SCOPES[1]
    return {
        "dead_bare": f"{mean_bill(bare, 'dead'):.1f}",
        "loss_bare": f"{mean_bill(bare, 'loss'):.2f}",
        "capped_bare": f"{mean_bill(bare, 'capped'):.2f}",
        "loss_batch": f"{mean_scope(batch, 'loss'):.2f}",
        "loss_sequence": f"{mean_scope(sequence, 'loss'):.2f}",
        "used_batch": f"{mean_scope(batch, 'experts'):.1f}",
        "used_sequence": f"{mean_scope(sequence, 'experts'):.1f}",
        "alone_batch": f"{mean_scope(batch, 'one domain'):.1f}",
        "alone_sequence": f"{mean_scope(sequence, 'one domain'):.1f}",
        "alone_capped": f"{mean_scope(batch, 'capped'):.2f}",
    }


if __name__ == "__main__":
    example_bills()
    example_scopes()
