"""Comparisons that end in a tie: a threshold in the model, and three ways to do without."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.rl.reward_modeling.comparisons import drawn, fit, outcomes
from snippets.rl.reward_modeling.worlds import World, world

THRESHOLD, COUNT, SEEDS = 1.0, 4000, range(5)
SECOND, TIE, FIRST = 0, 1, 2


# --8<-- [start:ties]
def chances(gap: Tensor, threshold: Tensor) -> Tensor:  # [n], [] -> [n, 3]
    """Second chosen, tie, first chosen: a tie wherever the felt difference is below the threshold."""
    second, first = torch.sigmoid(-gap - threshold), torch.sigmoid(gap - threshold)
    return torch.stack([second, 1 - second - first, first], -1)


def fit_ties(gaps: Tensor, outcome: Tensor) -> tuple[Tensor, float]:
    """Weights and threshold of highest likelihood."""
    start = torch.zeros(gaps.shape[1] + 1, dtype=gaps.dtype)  # the last is ln threshold
    found = start.requires_grad_()
    search = torch.optim.LBFGS([found], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        each = chances(gaps @ found[:-1], found[-1].exp())
        value = F.nll_loss(each.log(), outcome)
        value.backward()
        return value

    search.step(loss)
    return found[:-1].detach(), found[-1].exp().item()


# --8<-- [end:ties]


def judged(place: World, seed: int) -> tuple[Tensor, Tensor]:
    """Feature gaps and outcomes of comparisons whose judges know ties."""
    draw = torch.Generator().manual_seed(500 + seed)
    first, second = (drawn(place.reference, COUNT, draw) for _ in range(2))
    gap = place.worth[first] - place.worth[second]
    each = chances(gap, torch.tensor(THRESHOLD))
    return place.features[first] - place.features[second], outcomes(each, draw)


def scale(place: World, weights: Tensor) -> float:
    """How large the scores are beside the worth: the slope of one on the other, in the reference."""
    scores = place.features @ weights
    scores = scores - place.mean(scores)
    worth = place.worth - place.mean(place.worth)
    return (place.mean(scores * worth) / place.mean(worth**2)).item()


@cache
def scales() -> tuple[float, dict[str, Tensor]]:
    """Share of ties, and the scale of the scores for each way to treat them, over the seeds."""
    found: dict[str, list[float]] = {}
    tied = 0.0
    for seed in SEEDS:
        place = world(seed)
        gaps, outcome = judged(place, seed)
        decided = outcome != TIE
        tied += (1 - decided.double().mean()).item() / len(SEEDS)
        draw = torch.Generator().manual_seed(seed)
        coin = torch.rand(len(outcome), generator=draw, dtype=torch.float64).round()
        half = torch.where(decided, outcome / 2.0, coin).double()
        ways = {
            "a threshold": fit_ties(gaps, outcome)[0],
            "ties left out": fit(gaps[decided], (outcome[decided] == FIRST).double(), 0.0),
            "ties by a coin": fit(gaps, half, 0.0),
        }
        for name, weights in ways.items():
            found.setdefault(name, []).append(scale(place, weights))
    return tied, {name: torch.tensor(each) for name, each in found.items()}


def mean_scale(way: str) -> float:
    """The scale of one treatment."""
    return scales()[1][way].mean().item()


def example_ties() -> None:
    """The scale of the fitted scores, where 1 is that of the worth."""
    tied, found = scales()
    print(f"ties: {tied:.0%} of the comparisons")
    print("treatment        scale")
    for name, each in found.items():
        print(f"{name:15s}{each.mean():6.2f} ± {each.std():.2f}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "tied": f"{scales()[0]:.0%}",
        "scale_without": f"{mean_scale('ties left out'):.2f}",
        "scale_coin": f"{mean_scale('ties by a coin'):.2f}",
    }


if __name__ == "__main__":
    example_ties()
