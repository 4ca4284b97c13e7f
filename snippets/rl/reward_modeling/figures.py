"""The plots of the page: curves of the seven errors, gold along the way, and a peak by two forms."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snippets.rl.reward_modeling.errors import SEEDS
from snippets.rl.reward_modeling.forms import SEEN, fitted, logarithmic, peaks, seen, square
from snippets.rl.reward_modeling.measures import by_rarity
from snippets.rl.reward_modeling.pressure import peak, pressed, won
from snippets.rl.reward_modeling.worlds import model

SHOWN = {"few labels": "C0", "errors, heavy tails": "C2", "bend": "C1"}
HALVINGS = 11


def plain(figure: Figure) -> Axes:
    """The axes of a figure, without the upper and the right line."""
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def averaged(name: str) -> torch.Tensor:
    """Mean gold by rarity of the score, over the worlds."""
    found = []
    for seed in SEEDS:
        each = model(name, seed)
        gold = each.gold - each.place.mean(each.gold)
        found.append(by_rarity(each.scores, gold, each.place.reference, HALVINGS))
    return torch.stack(found).nanmean(0)


def figure_curves() -> Figure:
    """Mean gold of the reference's replies by how rare a score like theirs is."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = plain(figure)
    rare = [2 ** (k + 0.5) for k in range(HALVINGS)]
    places = {
        "few labels": (90, 5.4),
        "errors, heavy tails": (1500, 2.5),
        "bend": (650, -1.3),
    }
    for name, color in SHOWN.items():
        axes.plot(rare, averaged(name), "o-", color=color, markersize=3)
        axes.text(*places[name], name, color=color, ha="right")
    axes.axhline(0, color="gray", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("one in so many replies of the reference scores higher")
    axes.set_ylabel("mean gold of such replies")
    return figure


def figure_paths() -> Figure:
    """Gold along the KL: means over eight worlds, and each world's line."""
    figure = Figure(figsize=(5.2, 3.3), layout="constrained")
    axes = plain(figure)
    budgets = torch.linspace(0.02, 5, 40).tolist()
    ends = {"few labels": 6.6, "errors, heavy tails": 3.3, "bend": -1.6}
    for name, color in SHOWN.items():
        lines = []
        for seed in SEEDS:
            found = model(name, seed)
            lines.append([won(found, p) for p in pressed(found, budgets)])
            axes.plot(budgets, lines[-1], color=color, alpha=0.25, linewidth=0.8)
        axes.plot(budgets, torch.tensor(lines).mean(0), color=color, linewidth=2.2)
        axes.text(5, ends[name], name, color=color, ha="right")
    axes.axhline(0, color="gray", linewidth=0.8)
    axes.set_ylim(-4, 9)
    axes.set_xlabel("KL of the best policy from the reference, nats")
    axes.set_ylabel("gold above the reference's")
    return figure


def figure_forms(seed: int = 3) -> Figure:
    """One world with a bend: the first nat, what both forms make of it, and what comes."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = plain(figure)
    far, found = torch.linspace(0.02, 5, 60).double(), model("bend", seed)
    axes.plot(far, [won(found, p) for p in pressed(found, far.tolist())], color="black")
    d, gold = seen("bend", seed)
    axes.plot(d**2, gold, "o", color="black", markersize=3)
    shown = (
        (square, "square", "C1", (5, 1.78)),
        (logarithmic, "logarithmic", "C0", (3, 2.35)),
    )
    for form, label, color, place in shown:
        alpha, beta = fitted(label, d, gold)
        axes.plot(far, form(far.sqrt(), alpha, beta), "--", color=color)
        where = peaks(alpha, beta)[label][0] ** 2
        said = f"{where:.1f}" if where < 10 else f"{where:.0f}"
        axes.text(*place, f"{label}: peak at {said}", color=color, ha="right")
    top, best = peak(found)
    axes.plot([top], [best], "s", color="black", markersize=5)
    axes.text(top, best - 0.25, f"peak at {top:.1f}", ha="center")
    axes.axvline(SEEN, color="gray", linewidth=0.8)
    axes.text(SEEN - 0.06, 0.35, "fitted", color="gray", ha="right")
    axes.set_xlabel("KL, nats")
    axes.set_ylabel("gold above the reference's")
    return figure
