"""A policy, a sampler that differs from it, and a reward: small enough to sum over all sequences."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snippets.sequences.language import Language, Policy


@dataclass(frozen=True)
class World:
    """A policy that is trained, one that samples, and what each sequence is worth."""

    policy: Policy
    sampler: Policy
    reward: Tensor  # [N]

    def log_ratios(self) -> Tensor:
        """Log trainer over sampler of each token: [N, T]."""
        return (self.policy.logprobs() - self.sampler.logprobs()).detach()

    def variance(self) -> float:
        """Variance of the log weight of a sequence, over what the sampler writes."""
        logs = self.log_ratios().sum(-1)
        p = self.sampler.probabilities().detach()
        return float(p @ logs**2 - (p @ logs) ** 2)

    def share(self) -> float:
        """Exact effective share of sequence weights: one over the mean squared weight."""
        logs = self.log_ratios().sum(-1)
        return float(1 / (self.policy.probabilities().detach() @ logs.exp()))


def world(gap: float, length: int = 8, seed: int = 0) -> World:
    """A sampler whose logits differ from the policy's by noise; reward 1 if token 0 has the majority."""
    language = Language(size=2, length=length)
    policy, sampler = Policy(language, seed), Policy(language, seed)
    noise = torch.Generator().manual_seed(1000 + seed)
    with torch.no_grad():
        shape = sampler.logits.shape
        sampler.logits.add_(gap * torch.randn(shape, generator=noise, dtype=torch.float64))
    reward = ((policy.tokens == 0).sum(-1) * 2 > length).double()
    return World(policy, sampler, reward)
