"""Rewards of tokens, and generalized advantages over the policy's own tokens."""

from __future__ import annotations

import torch
from torch import Tensor


# --8<-- [start:rewards]
def token_rewards(
    score: Tensor, logprobs: Tensor, reference: Tensor, mask: Tensor, beta: float
) -> Tensor:
    """A penalty on each own token, and the score on the last of them: [B, T]."""
    rewards = -beta * (logprobs - reference) * mask  # [B, T]
    last = mask.shape[1] - 1 - mask.flip(1).argmax(1)  # [B]
    rewards[torch.arange(len(score)), last] += score
    return rewards


# --8<-- [end:rewards]


# --8<-- [start:gae]
def gae(
    rewards: Tensor,
    values: Tensor,
    mask: Tensor,
    gamma: float = 1.0,
    lam: float = 1.0,
    last: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Advantages and value targets, [B, T] each, 0 on tokens that the policy did not write."""
    following = torch.zeros_like(values[:, 0]) if last is None else last
    carried, due = torch.zeros_like(following), torch.zeros_like(following)
    advantages = torch.zeros_like(values)
    for t in reversed(range(values.shape[1])):
        own, due = mask[:, t] > 0, due + rewards[:, t]
        delta = due + gamma * following - values[:, t]
        carried = torch.where(own, delta + gamma * lam * carried, carried)
        following = torch.where(own, values[:, t], following)
        due = torch.where(own, 0.0, due)  # a reward on a foreign token waits
        advantages[:, t] = carried * own
    return advantages, (advantages + values) * mask


# --8<-- [end:gae]
