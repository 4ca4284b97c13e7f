"""Three ways to act on a router: a balancing loss, a bias without a loss, and a z-loss."""

from __future__ import annotations

import torch
from torch import Tensor


# Source: Fedus et al. 2022, equations 4 to 6; with k choices a balanced router has the value k.
# --8<-- [start:loss]
def balancing_loss(logits: Tensor, k: int) -> Tensor:
    """E times the sum of f P over the experts, for each batch of tokens in [..., T, E]."""
    p = logits.softmax(-1)
    chosen = torch.zeros_like(p).scatter(-1, p.topk(k).indices, 1.0)
    return p.shape[-1] * (chosen.mean(-2) * p.mean(-2)).sum(-1)


# --8<-- [end:loss]


# Source: DeepSeek-AI 2024, section 2.1.2.
# --8<-- [start:nudge]
def nudge(bias: Tensor, loads: Tensor, speed: float) -> Tensor:
    """After a step: a lower bias for experts above the mean load, a higher one below."""
    return bias + speed * (loads.mean(-1, keepdim=True) - loads).sign()


# --8<-- [end:nudge]


# Source: Zoph et al. 2022, equation 5.
# --8<-- [start:z]
def z_loss(logits: Tensor) -> Tensor:
    """Mean square of the log-sum-exp: keeps the logits small, whoever is chosen."""
    return logits.logsumexp(-1).square().mean()


# --8<-- [end:z]
