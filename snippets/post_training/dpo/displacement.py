"""Chosen and rejected may fall together: twelve pairs in each of five models, predicted and trained."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from scipy.stats import spearmanr
from torch import Tensor

from snippets.post_training.dpo.overlap import ches, in_nats, predicted, pull, tuned
from snippets.post_training.dpo.phrases import SEEDS, Writer, edits, logps, trained


@dataclass(frozen=True)
class Trial:
    """One pair: what was predicted for the chosen answer, and what came. All but `ches` in nats."""

    pair: Tensor
    predicted: float
    ches: float
    chosen: float
    rejected: float
    ranks: float  # rank correlation of prediction and change over phrases and edits


def spread(model: Writer, chosen: Tensor) -> list[Tensor]:
    """Of all one-word edits: the pairs with the lowest, a middle and the highest prediction."""
    others = edits(chosen)
    own, *pulls = pull(model, torch.cat([chosen.unsqueeze(0), others]))
    lifts = (own * (own - torch.stack(pulls))).sum((1, 2))  # what `predicted` says, at once
    order = lifts.argsort().tolist()
    places = order[0], order[len(order) // 2], order[-1]
    return [torch.stack([chosen, others[i]]) for i in places]


def trial(model: Writer, pair: Tensor, others: Tensor) -> Trial:
    """Predict, train a copy on the pair, and compare."""
    policy = tuned(model, pair)
    with torch.no_grad():
        answers = torch.cat([pair, others])
        lift = in_nats(predicted(model, pair, answers))
        change = logps(policy, answers) - logps(model, answers)
        score = ches(model, pair).item()
    chosen, rejected = change[:2].tolist()
    return Trial(
        pair, lift[0].item(), score, chosen, rejected, spearmanr(lift, change).statistic
    )


def pairs_of(seed: int) -> list[Tensor]:
    """Three pairs for each of four chosen answers."""
    model, phrases = trained(seed)
    with torch.no_grad():
        return [pair for chosen in phrases[:4] for pair in spread(model, chosen)]


@functools.cache
def trials(seed: int) -> tuple[Trial, ...]:
    """A trial of each pair."""
    model, phrases = trained(seed)
    return tuple(
        trial(model, pair, torch.cat([phrases, edits(pair[0])])) for pair in pairs_of(seed)
    )


def everything() -> list[Trial]:
    """The trials of all models."""
    return [one for seed in range(SEEDS) for one in trials(seed)]


def count() -> int:
    """Pairs of all models."""
    return len(everything())


def right_signs(found: list[Trial]) -> int:
    """Pairs whose chosen answer moved as predicted."""
    return sum((one.predicted < 0) == (one.chosen < 0) for one in found)


def both_fell(found: list[Trial]) -> int:
    """Pairs of which both answers lost probability."""
    return sum(one.chosen < 0 and one.rejected < 0 for one in found)


def correlations(seed: int) -> tuple[float, float, float]:
    """Rank correlations: over answers, over pairs, and over pairs with minus CHES as the prediction."""
    found = trials(seed)
    chosen = [one.chosen for one in found]
    ranks = sum(one.ranks for one in found) / len(found)
    ours = spearmanr([one.predicted for one in found], chosen).statistic
    theirs = spearmanr([-one.ches for one in found], chosen).statistic
    return ranks, ours, theirs


def lowest(seed: int) -> Tensor:
    """The pair whose chosen answer is predicted to fall the most."""
    model = trained(seed)[0]
    return min(pairs_of(seed), key=lambda pair: predicted(model, pair, pair[:1]).item())
