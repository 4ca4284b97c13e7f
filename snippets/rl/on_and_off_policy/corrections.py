"""Importance weights of tokens and of sequences, and their exact bias and variance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snippets.rl.on_and_off_policy.worlds import World


# --8<-- [start:weights]
def weights(
    log_ratios: Tensor,
    mask: Tensor,
    level: str = "token",
    cap: float = float("inf"),
    drop: bool = False,
    safe: float = 20.0,
) -> Tensor:
    """Weight of each token from log trainer over sampler, [B, T]; 0 where none counts."""
    kept = log_ratios * mask
    if level == "sequence":
        kept = kept.sum(-1, keepdim=True)
    elif level == "mean":  # the geometric mean of GSPO
        kept = kept.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
    ratio = kept.clamp(-safe, safe).exp()  # finite
    capped = torch.where(ratio > cap, 0.0, ratio) if drop else ratio.clamp(max=cap)
    return capped * mask


# --8<-- [end:weights]
@dataclass(frozen=True)
class Quality:
    """Exact mean and spread of a gradient estimator, as shares of the true gradient's norm."""

    bias: float
    cosine: float  # of the mean to the true gradient
    size: float  # of the mean
    spread: float  # root of the variance of one reply

    def alignment(self, replies: int) -> float:
        """Component along the true gradient, over the root of the mean square, of a batch."""
        return (
            self.cosine
            * self.size
            / float((self.size**2 + self.spread**2 / replies) ** 0.5)
        )


# --8<-- [start:quality]
def quality(w: World, weight: Tensor) -> Quality:
    """Compare the weighted gradient, over all sequences, with that of the expected reward."""
    policy, p = w.policy, w.sampler.probabilities().detach()
    expected = policy.mean(w.reward)
    truth = policy.gradient(expected)
    advantage = w.reward - expected.detach()
    logprobs = policy.logprobs()
    mean = policy.gradient((p * advantage * (weight * logprobs).sum(-1)).sum())
    chances = policy.logits.softmax(-1).detach()[policy.before]  # [N, T, size]
    chosen = logprobs.detach().exp()
    norms = 1 - 2 * chosen + (chances**2).sum(-1)  # of each token's score, squared
    second = (p * advantage**2 * (weight**2 * norms * policy.mask).sum(-1)).sum()
    return Quality(
        bias=((mean - truth).norm() / truth.norm()).item(),
        cosine=((mean * truth).sum() / mean.norm() / truth.norm()).item(),
        size=(mean.norm() / truth.norm()).item(),
        spread=((second - mean.norm() ** 2).sqrt() / truth.norm()).item(),
    )


# --8<-- [end:quality]
