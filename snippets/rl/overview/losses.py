"""The two losses of a policy-gradient step, as libraries write them."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy


# --8<-- [start:losses]
def policy_loss(
    logits: Tensor, tokens: Tensor, advantages: Tensor, weights: Tensor
) -> Tensor:
    """Mean of −log π(token) × advantage × weight; its gradient is that of −J, estimated."""
    surprise = cross_entropy(logits, tokens, reduction="none")  # −log π, [T]
    return (surprise * advantages.detach() * weights).mean()


def entropy_loss(logits: Tensor, weights: Tensor) -> Tensor:
    """Mean of −entropy × weight: less of it means a policy that is less sure."""
    logp = logits.log_softmax(-1)
    return ((logp.exp() * logp).sum(-1) * weights).mean()


# --8<-- [end:losses]
