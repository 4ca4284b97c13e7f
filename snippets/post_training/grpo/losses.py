"""Advantages and losses: GRPO, and the four later recipes as settings of the same three steps."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor


# --8<-- [start:advantages]
def advantages(
    rewards: Tensor,
    group: int,
    scale: bool = True,
    *,
    sample: bool = True,
    tiny: float = 1e-4,
) -> Tensor:
    """Reward minus the mean of its group, divided by the group's deviation if `scale`: [B]."""
    grouped = rewards.view(-1, group)
    centered = grouped - grouped.mean(1, keepdim=True)
    if scale:
        centered = centered / (grouped.std(1, correction=int(sample), keepdim=True) + tiny)
    return centered.flatten()


# --8<-- [end:advantages]


# --8<-- [start:steps]
def ratios(new: Tensor, old: Tensor, mask: Tensor, sequence: bool) -> Tensor:
    """How much likelier than when drawn: each token [B, S], or the reply's mean [B, 1]."""
    log = (new - old) * mask
    if sequence:
        log = log.sum(1, keepdim=True) / mask.sum(1, keepdim=True)
    return log.exp()


def clipped(new: Tensor, ratio: Tensor, gain: Tensor, low: float, high: float) -> Tensor:
    """A token's loss, flat once its ratio has moved far enough the right way: [B, S]."""
    return -torch.min(ratio * gain, ratio.clamp(1 - low, 1 + high) * gain)


def capped(new: Tensor, ratio: Tensor, gain: Tensor, low: float, high: float) -> Tensor:
    """A token's loss in CISPO: the ratio is a weight with a cap, and each token learns."""
    return -ratio.clamp(max=high).detach() * gain * new


def reduced(losses: Tensor, mask: Tensor, weigh: str, limit: int, total: Tensor) -> Tensor:
    """One number of all tokens: `total` are those of the step, `limit` a reply's longest."""
    if weigh == "reply":
        return ((losses * mask).sum(1) / mask.sum(1)).mean()
    if weigh == "token":
        return (losses * mask).sum() / total
    return (losses * mask).sum() / (len(mask) * limit)  # "constant"


# --8<-- [end:steps]


# --8<-- [start:recipes]
@dataclass(frozen=True)
class Recipe:
    """What one paper chose in each step."""

    weigh: str = "token"  # by "reply", by "token", or by a "constant"
    low: float = 0.2  # how far a ratio may fall …
    high: float = 0.2  # … and rise, or CISPO's cap
    sequence: bool = False  # one ratio for the whole reply
    cap: bool = False  # CISPO
    scale: bool = True  # divide by the group's standard deviation


RECIPES = {
    "GRPO": Recipe(weigh="reply"),
    "DAPO": Recipe(high=0.28),
    "Dr. GRPO": Recipe(weigh="constant", scale=False),
    "GSPO": Recipe(weigh="reply", low=3e-4, high=4e-4, sequence=True),
    "CISPO": Recipe(low=inf, high=5.0, cap=True),
}


def policy_loss(
    recipe: Recipe, new: Tensor, old: Tensor, gain: Tensor, mask: Tensor, limit: int,
    total: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The loss of replies with log-probabilities `new`, drawn under `old`, both [B, S]."""
    ratio = ratios(new, old, mask, recipe.sequence)
    step = capped if recipe.cap else clipped
    losses = step(new, ratio, gain.unsqueeze(1), recipe.low, recipe.high)
    counted = mask.sum() if total is None else total
    return reduced(losses.expand_as(mask), mask, recipe.weigh, limit, counted)


# --8<-- [end:recipes]


def overlong_penalty(length: int, limit: int, margin: int) -> float:
    """DAPO's soft punishment: 0 up to the margin before the limit, then down to -1."""
    return max(-1.0, min(0.0, (limit - margin - length) / margin))


def slope(recipe: Recipe, ratio: float, gain: float = 1.0) -> float:
    """Pull on the log-probability of a lone token, for advantage `gain`, at a ratio."""
    new = torch.tensor([[ratio]]).log().requires_grad_()
    one = torch.ones(1, 1)
    loss = policy_loss(recipe, new, torch.zeros(1, 1), torch.tensor([gain]), one, 1)
    (grad,) = torch.autograd.grad(loss, new)
    return -grad.item()
