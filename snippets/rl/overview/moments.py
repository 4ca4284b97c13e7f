"""Bias and variance of a gradient estimator, as sums over all sequences."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from snippets.sequences.language import Policy


# --8<-- [start:scores]
def scores(policy: Policy) -> Tensor:
    """Gradient of each token's log-probability by the logits: [N, T, prefixes, size]."""
    chance = policy.logits.detach().softmax(-1)  # [prefixes, size]
    here = one_hot(policy.before, len(chance)).double()  # [N, T, prefixes]
    step = one_hot(policy.tokens).double() - chance[policy.before]  # [N, T, size]
    return (here * policy.mask[..., None])[..., None] * step[:, :, None]


# --8<-- [end:scores]
# --8<-- [start:moments]
@dataclass(frozen=True)
class Moments:
    """What an estimator that draws one sequence gives on average, and how it scatters."""

    mean: Tensor  # [prefixes, size]
    variance: float  # summed over the logits

    def bias(self, gradient: Tensor) -> float:
        """Distance of the mean from the gradient, as a share of the gradient's length."""
        return ((self.mean - gradient).norm() / gradient.norm()).item()

    def replies(self, gradient: Tensor) -> float:
        """How many sequences to average until the noise is as long as the gradient."""
        return self.variance / (gradient**2).sum().item()


def spread(policy: Policy, pushes: Tensor) -> Moments:
    """Mean and variance of what each sequence pushes: pushes [N, prefixes, size]."""
    mean = policy.mean(pushes).detach()
    square = policy.mean((pushes**2).sum((1, 2))).item()
    return Moments(mean, square - (mean**2).sum().item())


def moments(policy: Policy, weights: Tensor) -> Moments:
    """The estimator that multiplies each token's score by its weight: weights [N, T]."""
    return spread(policy, torch.einsum("nt,ntkv->nkv", weights, scores(policy)))


# --8<-- [end:moments]
