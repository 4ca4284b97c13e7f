"""A language of 364 replies, what they are worth, and reward models with one error each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from snippets.rl.reward_modeling.comparisons import drawn, fit, outcomes
from snippets.sequences.language import Language, Policy

LANGUAGE = Language(4, 5, end=0)  # three words and the end, at most five tokens
SPREAD, TOP = 2.0, 3.0  # of the linear worth, and where the bent one turns


@dataclass(frozen=True)
class World:
    """Replies, a reference that writes them, and a linear worth."""

    reference: Tensor  # [N]
    features: Tensor  # [N, 12], mean 0 and deviation 1 under the reference
    worth: Tensor  # [N], the same mean, deviation SPREAD

    def mean(self, values: Tensor) -> Tensor:
        """Expectation under the reference."""
        return self.reference @ values

    def gold(self, bent: bool) -> Tensor:
        """What people want: the worth, or less of it the further it goes."""
        return self.worth - bent * self.worth**2 / (2 * TOP)


# --8<-- [start:counts]
def counts(policy: Policy) -> Tensor:  # [N, 12]
    """How often each word and each pair of neighboring words occurs in each reply."""
    words = (policy.tokens * policy.mask)[..., None] == torch.arange(1, LANGUAGE.size)
    pairs = words[:, :-1, :, None] & words[:, 1:, None, :]
    return torch.cat([words.sum(1), pairs.sum(1).flatten(1)], -1).double()


# --8<-- [end:counts]


@cache
def world(seed: int) -> World:
    """A reference with random logits, and random weights of the worth."""
    policy = Policy(LANGUAGE, seed, 0.5)
    reference = policy.probabilities().detach()
    features = counts(policy)
    features = features - reference @ features
    features = features / (reference @ features**2).sqrt()
    draw = torch.Generator().manual_seed(1000 + seed)
    weights = torch.randn(features.shape[1], generator=draw, dtype=torch.float64)
    worth = features @ weights
    return World(reference, features, SPREAD * worth / (reference @ worth**2).sqrt())


# --8<-- [start:errors]
@dataclass(frozen=True)
class Error:
    """What is wrong with a reward model."""

    comparisons: int = 5000
    bent: bool = False  # the worth turns, and a linear score cannot
    hole: bool = False  # nobody compared replies beyond the turn
    tails: float | None = None  # an error of its own on each score; degrees of freedom


ERRORS = {
    "none": Error(),
    "few labels": Error(comparisons=40),
    "errors, light tails": Error(tails=torch.inf),
    "errors, heavy tails": Error(tails=2.0),
    "hole": Error(hole=True),
    "bend": Error(bent=True),
    "bend in the hole": Error(bent=True, hole=True),
}


# --8<-- [end:errors]


@dataclass(frozen=True)
class Model:
    """A reward model in its world."""

    place: World
    gold: Tensor  # [N]
    scores: Tensor  # [N]
    compared: Tensor  # [N], chances with which replies were drawn to be compared


def student(n: int, freedom: float, draw: torch.Generator) -> Tensor:
    """Draws of Student's t, scaled so that half of them are below 1 in size."""
    top = torch.randn(n, generator=draw, dtype=torch.float64)
    if freedom == torch.inf:
        return top / 0.6745
    below = torch.randn(n, int(freedom), generator=draw, dtype=torch.float64)
    found = top / below.square().mean(1).sqrt()
    return found / found.abs().median()


@cache
def model(name: str, seed: int) -> Model:
    """A reward model with a named error."""
    error, place = ERRORS[name], world(seed)
    gold = place.gold(error.bent)
    seen = place.reference * ((place.worth <= TOP) | (not error.hole))
    seen = seen / seen.sum()
    draw = torch.Generator().manual_seed(2000 + seed)
    if error.tails is not None:
        noise = student(len(gold), error.tails, draw)
        return Model(place, gold, gold + noise, seen)
    first, second = (drawn(seen, error.comparisons, draw) for _ in range(2))
    chance = torch.sigmoid(gold[first] - gold[second])
    chosen = outcomes(torch.stack([1 - chance, chance], -1), draw).double()
    gaps = place.features[first] - place.features[second]
    return Model(place, gold, place.features @ fit(gaps, chosen), seen)
