"""What five models show, each trained once: who falls, what two remedies do, and where probability goes."""
# /// fieldguide
# timeout_s = 180
# tolerance.seeds = {rel = 0.2, abs = 0.1, reason = "a training run sums in another order on another machine"}
# tolerance.predicted = {rel = 0.2, abs = 2.0, reason = "a training run sums in another order on another machine"}
# tolerance.remedies = {rel = 0.1, abs = 0.1, reason = "a training run sums in another order on another machine"}
# tolerance.where = {rel = 0.1, abs = 0.02, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.2, abs = 0.1, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from snippets.post_training.dpo.displacement import (
    both_fell,
    correlations,
    count,
    everything,
    right_signs,
    trials,
)
from snippets.post_training.dpo.flow import flows
from snippets.post_training.dpo.phrases import SEEDS
from snippets.post_training.dpo.remedy import remedies


def example_seeds() -> None:
    """One row a model, then mean and standard deviation."""
    print("model  both fell  sign right  over answers  over pairs  -CHES over pairs")
    rows = torch.tensor([correlations(seed) for seed in range(SEEDS)])
    for seed, row in enumerate(rows.tolist()):
        found = list(trials(seed))
        print(
            f"{seed:5}{both_fell(found):11}{right_signs(found):9}/{len(found)}{row[0]:14.2f}{row[1]:12.2f}{row[2]:18.2f}"
        )
    for name, row in (("mean", rows.mean(0).tolist()), ("s.d.", rows.std(0).tolist())):
        print(f"{name:>5}{row[0]:37.2f}{row[1]:12.2f}{row[2]:18.2f}")


def example_remedies() -> None:
    """Nats of change, chosen and rejected; a row a model, then mean and standard deviation."""
    print("model        as it is      cross-entropy    other rejected")
    rows = torch.tensor([remedies(seed) for seed in range(SEEDS)])
    named = [
        *((str(seed), row) for seed, row in enumerate(rows)),
        ("mean", rows.mean(0)),
        ("s.d.", rows.std(0)),
    ]
    for name, row in named:
        print(
            f"{name:>5}" + "".join(f"{a:10.2f}{b:8.2f}" for a, b in row.view(3, 2).tolist())
        )


def example_where() -> None:
    """All 7,776 answers of one model are listed; these five matter."""
    print("answer               predicted  measured   before    after")
    for name, words, lift, change, before, after in flows(0):
        print(
            f"{name:9}{' '.join(str(word) for word in words.tolist()):11}{lift:10.2f}{change:10.2f}{before:9.4f}{after:9.4f}"
        )


def figure_predicted() -> Figure:
    """Each dot is a pair: the chosen answer's change, predicted before training and measured after."""
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes, found = figure.subplots(), everything()
    for fell, color in ((False, "C0"), (True, "C1")):
        dots = [(one.predicted, one.chosen) for one in found if (one.chosen < 0) == fell]
        axes.plot(*zip(*dots, strict=True), "o", color=color, alpha=0.7, markersize=5)
    for line in (axes.axhline, axes.axvline):
        line(0, color="gray", linewidth=0.8)
    low, said = min(one.chosen for one in found), "chosen and rejected fell:"
    axes.annotate(f"{said} {both_fell(found)} pairs", (0.15, low), color="C1", va="bottom")
    axes.set_xlabel("predicted change of the chosen answer, nats")
    axes.set_ylabel("measured change, nats")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "pairs": str(count()),
        "both_fell": str(both_fell(everything())),
        "right_signs": str(right_signs(everything())),
    }
