"""All groups of a small language: what an estimator yields on average, how it scatters, where it drifts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import factorial

import torch
from torch import Tensor

from snippets.rl.grpo.estimators import Recipe, pulls
from snippets.sequences.language import Policy


# --8<-- [start:groups]
@cache
def groups(replies: int, size: int) -> tuple[Tensor, Tensor]:
    """Each group once, as a sorted row of reply numbers, [M, G], and its number of orders, [M]."""
    rows = torch.combinations(torch.arange(replies), size, with_replacement=True)
    orders = torch.full((len(rows),), float(factorial(size)), dtype=torch.float64)
    repeats = torch.ones(len(rows), dtype=torch.float64)
    for i in range(1, size):
        repeats = torch.where(rows[:, i] == rows[:, i - 1], repeats + 1, 1.0)
        orders = orders / repeats
    return rows, orders


# --8<-- [end:groups]


@dataclass(frozen=True)
class Prompt:
    """A policy over all replies to a prompt, and the reward of each reply, [N]."""

    policy: Policy
    rewards: Tensor

    def exact(self) -> Tensor:
        """The gradient of the expected reward: [P], all logits in a row."""
        return self.policy.gradient(self.policy.mean(self.rewards)).flatten()

    def scores(self) -> Tensor:
        """Gradient of the log-probability of each token: chosen minus expected, [N, T, P]."""
        policy = self.policy
        prefixes, size = policy.logits.shape
        row = (
            torch.eye(size)[policy.tokens]
            - policy.logits.detach().softmax(-1)[policy.before]
        )
        place = torch.nn.functional.one_hot(policy.before, prefixes).double()
        score = torch.einsum("nt,ntk,nts->ntks", policy.mask.double(), place, row)
        return score.flatten(2)


# --8<-- [start:of_groups]
def of_groups(
    recipe: Recipe, prompt: Prompt, size: int, sampler: Policy
) -> tuple[Tensor, Tensor]:
    """Chance of each group, [M], and the pull of its loss on each token of each reply, [M, N * T]."""
    policy = prompt.policy
    rows, orders = groups(len(prompt.rewards), size)
    chance = orders * sampler.probabilities().detach()[rows].prod(-1)
    new, drawn = (p.logprobs().detach()[rows] for p in (policy, sampler))  # [M, G, T]
    mask = policy.mask[rows].double()
    pull = pulls(recipe, prompt.rewards[rows], new, drawn, mask, policy.language.length)
    replies, steps = policy.mask.shape
    place = rows.unsqueeze(-1) * steps + torch.arange(steps)
    spread = torch.zeros(len(rows), replies * steps, dtype=torch.float64)
    return chance, spread.scatter_add_(1, place.flatten(1), pull.flatten(1))


# --8<-- [end:of_groups]


@dataclass(frozen=True)
class Moments:
    """Mean gradient over all groups, [P], and mean squared length of a group's gradient."""

    mean: Tensor
    square: Tensor


# --8<-- [start:moments]
def moments(
    recipe: Recipe, prompt: Prompt, size: int, old: Policy | None = None
) -> Moments:
    """Exact moments over all groups of `size` replies, drawn from `old` or the policy itself."""
    chance, pull = of_groups(recipe, prompt, size, old or prompt.policy)
    scores = prompt.scores().flatten(0, 1)  # [N * T, P]
    met = scores.abs().sum(0) > 0  # prefixes after an end are never met
    gradients = pull @ scores[:, met]
    mean = torch.zeros(scores.shape[1], dtype=torch.float64)
    mean[met] = chance @ gradients
    return Moments(mean, chance @ gradients.square().sum(-1))


# --8<-- [end:moments]
