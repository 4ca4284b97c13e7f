"""One rollout on the enumerated language, by prefix and token, and weights that prefixes may share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snippets.rl.ppo.advantages import gae
from snippets.rl.ppo.surrogate import surrogate
from snippets.rl.ppo.task import LANGUAGE, in_order, prefix_values
from snippets.sequences.language import Policy

REPLIES, FIRST, MOMENTUM = 16, 1.1, 0.9


@dataclass(frozen=True)
class Batch:
    """One rollout by prefix and token, [P, V] each: how often, how good, log-probabilities then."""

    weight: Tensor
    gain: Tensor
    old: Tensor


def exact_gain(policy: Policy) -> Tensor:
    """Advantage of each token after each prefix: [P, V]. With exact values, λ = 0 is exact."""
    with torch.no_grad():
        values = prefix_values(policy, in_order(policy.tokens))
        rewards = torch.zeros_like(values)
        rewards[:, -1] = in_order(policy.tokens)
        each, _ = gae(rewards, values, policy.mask.double(), lam=0.0)
    gain = torch.zeros_like(policy.logits)
    gain[policy.before, policy.tokens] = each
    return gain


def rollout(policy: Policy, seed: int, replies: int | None = None) -> Batch:
    """All replies with their probabilities, or a few that are drawn."""
    with torch.no_grad():
        if replies is None:
            often = policy.probabilities()
        else:
            drawn = policy.sample(replies, torch.Generator().manual_seed(seed))
            often = torch.bincount(drawn, minlength=len(policy.tokens)) / replies
        weight = torch.zeros_like(policy.logits)
        each = (often[:, None] * policy.mask).double()
        weight.index_put_((policy.before, policy.tokens), each, accumulate=True)
        old = policy.logits.log_softmax(-1).detach()
    return Batch(weight / weight.sum(), exact_gain(policy), old)


def features(policy: Policy, shared: bool) -> Tensor:
    """A prefix has weights of its own, or those of its length and of its last token: [P, F]."""
    prefixes, size = len(policy.logits), LANGUAGE.size
    if not shared:
        return torch.eye(prefixes, dtype=torch.float64)
    table = torch.zeros(prefixes, LANGUAGE.length + size, dtype=torch.float64)
    lengths = torch.arange(LANGUAGE.length).repeat_interleave(
        torch.tensor([size**t for t in range(LANGUAGE.length)])
    )
    rows = torch.arange(prefixes)
    table[rows, lengths] = 1
    table[rows[1:], LANGUAGE.length + (rows[1:] - 1) % size] = 1  # a prefix ends in a token
    return table


@dataclass(frozen=True)
class Variant:
    """What a batch holds, whether prefixes share weights, and the momentum of the optimizer."""

    replies: int | None
    shared: bool = False
    momentum: float = 0.0


class Ascent:
    """Gradient ascent on one batch, whose first update moves the fastest ratio by about FIRST, up or down."""

    def __init__(self, seed: int, variant: Variant) -> None:
        self.policy = Policy(LANGUAGE, seed)
        self.batch = rollout(self.policy, seed, variant.replies)
        self.table = features(self.policy, variant.shared)
        self.momentum, self.rate = variant.momentum, 0.0
        self.weights = torch.zeros(self.table.shape[1], LANGUAGE.size, dtype=torch.float64)
        self.step = torch.zeros_like(self.weights)

    def logprobs(self) -> Tensor:
        """Log-probability of each token after each prefix: [P, V]."""
        return (self.batch.old + self.table @ self.weights).log_softmax(-1)

    def pulls(self) -> Tensor:
        """Gradient of the objective by each log-probability, 0 where the clip silences: [P, V]."""
        new = self.logprobs().detach().requires_grad_()
        goal = (self.batch.weight * surrogate(new, self.batch.old, self.batch.gain)).sum()
        return torch.autograd.grad(goal, new)[0]

    def slope(self, pulls: Tensor) -> Tensor:
        """The same by the weights: [F, V]."""
        chances = self.logprobs().exp()
        return self.table.T @ (pulls - pulls.sum(-1, keepdim=True) * chances)

    def motion(self, step: Tensor) -> Tensor:
        """Change of each log-probability by a step of the weights, to first order: [P, V]."""
        logits = self.table @ step
        return logits - (self.logprobs().exp() * logits).sum(-1, keepdim=True)

    def update(self) -> None:
        """One epoch: a step along the slope, and a share of the step before."""
        slope = self.slope(self.pulls())
        if not self.rate:
            most = self.motion(slope)[self.batch.weight > 0].abs().max()
            self.rate = (torch.tensor(FIRST).log() / most).item()
        self.step = self.momentum * self.step + self.rate * slope
        self.weights = self.weights + self.step
