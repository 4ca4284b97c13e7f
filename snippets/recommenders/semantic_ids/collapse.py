# /// fieldguide
# timeout_s = 200
# tolerance.collapse = {rel = 0.3, abs = 3.0, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.3, abs = 0.05, reason = "a training run sums in another order on another machine"}
# ///
"""How an RQ-VAE loses its codes: loss terms in different units, and what restarts bring back."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from snippets.recommenders.semantic_ids.content import content, plain_distinct
from snippets.recommenders.semantic_ids.residual import fit
from snippets.recommenders.semantic_ids.rqvae import RQVAE, quantize, restart

SEEDS = range(5)
MARKS = (0, 10, 25, 50, 100)
LOSSES = {"mean": ("mean", False), "sum": ("sum", False), "sum, restarts": ("sum", True)}


@torch.no_grad()
def counted(model: RQVAE, x: Tensor) -> tuple[float, list[int], int, float]:
    """Different tuples by items, codes in use, items of the fullest tuple, variance explained."""
    codes, straight, _, _ = quantize(model.encoder(x), model.books)
    _, members = torch.unique(codes, dim=0, return_counts=True)
    missed = ((model.decoder(straight) - x) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()
    used = [len(level.unique()) for level in codes.T]
    return len(members) / len(codes), used, int(members.max()), float(1 - missed)


def begin(seed: int) -> RQVAE:
    """A model whose codebooks start from k-means on what its untrained encoder gives."""
    torch.manual_seed(seed)
    model = RQVAE(content().shape[1])
    with torch.no_grad():
        encoded = model.encoder(content()).double().numpy()
        model.books.copy_(torch.from_numpy(fit(encoded, 3, 16, seed, rounds=10)))
    return model


@cache
def run(loss: str, seed: int) -> dict[int, tuple[float, list[int], int, float]]:
    """What is counted after some steps of training with one of the losses."""
    x, model, (reduce, restarts) = content(), begin(seed), LOSSES[loss]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)
    found = {0: counted(model, x)}
    for step in range(1, MARKS[-1] + 1):
        missed, to_books, to_encoder = model.terms(x[torch.randint(len(x), (64,))], reduce)
        optimizer.zero_grad()
        (missed + to_books + 0.1 * to_encoder).backward()
        optimizer.step()
        if restarts and step % 20 == 0 and step < MARKS[-1]:
            restart(model, x)
        if step in MARKS:
            found[step] = counted(model, x)
    return found


def pull(term: str, seed: int = 0) -> float:
    """Length of one term's gradient at the encoder's weights, before training."""
    model = begin(seed)
    missed, _, to_encoder = model.terms(content(), "mean" if term == "mean" else "sum")
    (to_encoder if term == "commitment" else missed).backward()
    parts = [
        weight.grad.norm()
        for weight in model.encoder.parameters()
        if weight.grad is not None
    ]
    return float(torch.stack(parts).norm())


def distinct(loss: str, step: int) -> list[float]:
    """Different tuples by items at that step, for each seed."""
    return [run(loss, seed)[step][0] for seed in SEEDS]


def mean_distinct(loss: str, step: int) -> float:
    """Their mean over the seeds."""
    return float(np.mean(distinct(loss, step)))


def pull_ratio() -> float:
    """How much harder a sum pulls at the encoder than a mean."""
    return pull("sum") / pull("mean")


def example_pulls() -> None:
    """Gradient of each term at the encoder."""
    for term in ("mean", "sum", "commitment"):
        print(f"{term:12s} {pull(term):8.4f}")


def example_collapse() -> None:
    """Five runs with each loss, counted at two steps."""
    print("loss           step  distinct        used            largest  explained")
    for step in (10, 100):
        for loss in LOSSES:
            shares, used, largest, explained = zip(
                *(run(loss, seed)[step] for seed in SEEDS), strict=True
            )
            codes = " ".join(f"{n:4.1f}" for n in np.mean(used, axis=0))
            print(
                f"{loss:14s} {step:4d}  {np.mean(shares):.2f} ± {np.std(shares, ddof=1):.2f}  {codes}  "
                f"{np.mean(largest):7.0f}  {np.mean(explained):9.2f}"
            )
    print(f"RQ-k-means, no network  {plain_distinct()[0]:.2f} {plain_distinct()[1]:39.2f}")


def figure_collapse() -> Figure:
    """Different tuples over the steps of training, for three losses."""
    figure = Figure(figsize=(5.2, 2.9), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    for color, loss in zip(("C1", "C0", "C2"), LOSSES, strict=True):
        shares = np.array([distinct(loss, step) for step in MARKS])
        axes.plot(MARKS, shares.mean(1), color=color, marker="o", markersize=3)
        axes.fill_between(
            MARKS, shares.min(1), shares.max(1), color=color, alpha=0.2, linewidth=0
        )
        axes.text(
            MARKS[-1] + 2, shares[-1].mean(), loss, color=color, va="center", fontsize=9
        )
    axes.set_xticks(range(0, 101, 25))
    axes.set(
        xlim=(0, 135), ylim=(0, 0.9), xlabel="steps", ylabel="different tuples / items"
    )
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about the RQ-VAE."""
    return {
        "pull_ratio": f"{pull_ratio():.0f}",
        "collapse_mean": f"{mean_distinct('mean', 100):.2f}",
        "collapse_sum": f"{mean_distinct('sum', 100):.2f}",
        "collapse_restart": f"{mean_distinct('sum, restarts', 100):.2f}",
        "plain_explained": f"{plain_distinct()[1]:.2f}",
    }


if __name__ == "__main__":
    example_pulls()
    example_collapse()
