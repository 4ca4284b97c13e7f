"""One loss with five choices, and the six recipes that are settings of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

import torch
from torch import Tensor


# --8<-- [start:recipe]
@dataclass(frozen=True)
class Recipe:
    """The five choices; the defaults are those of the GRPO paper."""

    baseline: Literal["none", "group", "others"] = "group"  # whose mean
    scale: bool = True  # divide by the standard deviation of the group
    level: Literal["token", "reply"] = "token"  # whose ratio
    low: float = 0.2  # how far a ratio may fall below 1 …
    high: float = 0.2  # … and rise above it
    cap: bool = False  # limit the weight of a token instead of stopping it
    divide: Literal["reply", "tokens", "limit"] = "reply"  # by whose length


# --8<-- [end:recipe]


# --8<-- [start:recipes]
RECIPES = {
    "GRPO": Recipe(),
    "Dr. GRPO": Recipe(scale=False, divide="limit"),
    "RLOO": Recipe(baseline="others", scale=False, low=inf, high=inf, divide="limit"),
    "DAPO": Recipe(high=0.28, divide="tokens"),
    "GSPO": Recipe(level="reply", low=3e-4, high=4e-4),
    "CISPO": Recipe(low=inf, high=4.0, cap=True, divide="tokens"),
}
# --8<-- [end:recipes]


# --8<-- [start:advantages]
def advantages(rewards: Tensor, recipe: Recipe, tiny: float = 1e-6) -> Tensor:
    """What each reply gained over its group: [..., G] gives [..., G]."""
    size = rewards.shape[-1]
    gain = rewards
    if recipe.baseline != "none":
        gain = gain - rewards.mean(-1, keepdim=True)
    if recipe.baseline == "others" and size > 1:
        gain = gain * size / (size - 1)  # the mean of the others, without a loop
    if recipe.scale:
        gain = gain / (rewards.std(-1, keepdim=True) + tiny)
    return gain


# --8<-- [end:advantages]


# --8<-- [start:token_losses]
def token_losses(
    new: Tensor, old: Tensor, gain: Tensor, mask: Tensor, recipe: Recipe
) -> Tensor:
    """Loss of each token, [..., G, T], from its log-probabilities now and when it was drawn."""
    log_ratio = (new - old) * mask
    if recipe.level == "reply":
        mean = log_ratio.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
        log_ratio = mean.expand_as(new)
    ratio = log_ratio.exp()
    limited = ratio.clamp(1 - recipe.low, 1 + recipe.high)
    gain = gain.unsqueeze(-1)
    if recipe.cap:
        return -limited.detach() * gain * new
    return -torch.minimum(ratio * gain, limited * gain)


# --8<-- [end:token_losses]


# --8<-- [start:aggregate]
def aggregate(
    losses: Tensor, mask: Tensor, recipe: Recipe, limit: int, total: float | None = None
) -> Tensor:
    """One number for each group: `limit` is the longest reply allowed, `total` the tokens of the step."""
    lengths = mask.sum(-1)
    sums = (losses * mask).sum(-1)  # [..., G]
    if recipe.divide == "reply":
        return (sums / lengths).mean(-1)
    if recipe.divide == "tokens":
        return sums.sum(-1) / (lengths.sum(-1) if total is None else total)
    return sums.mean(-1) / limit


def loss(
    recipe: Recipe, rewards: Tensor, new: Tensor, old: Tensor, mask: Tensor, limit: int
) -> Tensor:
    """The loss of each group: rewards [..., G] and log-probabilities [..., G, T] give [...]."""
    gain = advantages(rewards, recipe)
    return aggregate(token_losses(new, old, gain, mask, recipe), mask, recipe, limit)


# --8<-- [end:aggregate]


# --8<-- [start:pulls]
def pulls(
    recipe: Recipe, rewards: Tensor, new: Tensor, old: Tensor, mask: Tensor, limit: int
) -> Tensor:
    """How hard a step pulls each log-probability up, [..., G, T]: minus the loss's gradient."""
    new = new.detach().clone().requires_grad_()
    total = loss(recipe, rewards, new, old, mask, limit).sum()
    return -torch.autograd.grad(total, new)[0]


# --8<-- [end:pulls]
