"""The losses of PPO, and the tokens to which its clip leaves no gradient."""

from __future__ import annotations

import torch
from torch import Tensor


# --8<-- [start:surrogate]
def surrogate(new: Tensor, old: Tensor, gain: Tensor, clip: float = 0.2) -> Tensor:
    """PPO's objective of each token, to be maximized, from log-probabilities and advantages."""
    ratio = (new - old).exp()
    return torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)


def policy_loss(
    new: Tensor, old: Tensor, gain: Tensor, weight: Tensor, clip: float = 0.2
) -> Tensor:
    """Its negative, in the weighted mean over tokens; a mask is a weight."""
    return -(surrogate(new, old, gain, clip) * weight).sum() / weight.sum()


# --8<-- [end:surrogate]


# --8<-- [start:value]
def value_loss(
    values: Tensor, old: Tensor, targets: Tensor, weight: Tensor, clip: float = 0.2
) -> Tensor:
    """Half the squared error, the larger one of a value and of its clipped copy."""
    near = old + (values - old).clamp(-clip, clip)
    error = torch.maximum((values - targets) ** 2, (near - targets) ** 2)
    return 0.5 * (error * weight).sum() / weight.sum()


# --8<-- [end:value]


# --8<-- [start:silent]
def silent(ratio: Tensor, gain: Tensor, clip: float = 0.2) -> Tensor:
    """Tokens without a gradient: already as far as their advantage may push them."""
    up, down = ratio > 1 + clip, ratio < 1 - clip
    return (up & (gain > 0)) | (down & (gain < 0))


# --8<-- [end:silent]
