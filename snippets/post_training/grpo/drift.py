"""Replies of models after SFT: updated on, scored in another precision, followed by a tool's output."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from copy import deepcopy
from functools import cache

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from snippets.post_training.grpo.learning import begun
from snippets.post_training.grpo.losses import (
    RECIPES,
    Recipe,
    advantages,
    policy_loss,
    ratios,
)
from snippets.post_training.grpo.precision import mismatch
from snippets.post_training.grpo.tools import leak
from snippets.tiny.sampling import LIMIT, Rollouts, rewards, sample
from snippets.tiny.tasks import tasks
from snippets.tiny.training import logprobs

SEEDS, PROMPTS, GROUP, RATE = range(5), 16, 8, 1e-3
SHOWN = ("GRPO", "DAPO", "GSPO", "CISPO")


@cache
def rollouts(seed: int) -> tuple[LlamaForCausalLM, Rollouts, Tensor]:
    """A model after SFT, groups of its replies, and their advantages."""
    policy, given = begun(seed), tasks(seed + 70, PROMPTS)
    drawn = sample(policy, given, GROUP, generator=torch.Generator().manual_seed(seed))
    return policy, drawn, advantages(rewards(given, drawn.replies), GROUP)


def silent(recipe: Recipe, new: Tensor, old: Tensor, gain: Tensor, mask: Tensor) -> float:
    """Share of tokens with an advantage that the loss gives no gradient."""
    new = new.detach().requires_grad_()
    loss = policy_loss(recipe, new, old, gain, mask, LIMIT)
    (grad,) = torch.autograd.grad(loss, new)
    counted = mask * gain.unsqueeze(1) != 0
    return ((grad == 0) & counted).sum().item() / counted.sum().item()


def deviation(new: Tensor, old: Tensor, mask: Tensor, sequence: bool) -> float:
    """Spread of the log ratios, of tokens or of replies."""
    log = ratios(new, old, mask, sequence).log()
    return (log if sequence else log[mask.bool()]).std().item()


def updated(seed: int, updates: tuple[int, ...]) -> list[list[float]]:
    """After some updates on the same replies: two spreads, then the silent share of each recipe."""
    start, drawn, gain = rollouts(seed)
    policy, mask, rows = deepcopy(start), drawn.trains.float(), []
    optimizer = torch.optim.AdamW(policy.parameters(), lr=RATE, weight_decay=0.0)
    for done in range(max(updates) + 1):
        new = logprobs(policy, drawn.ids, mask)
        if done in updates:
            both = [deviation(new.detach(), drawn.logprobs, mask, s) for s in (False, True)]
            rows.append(
                both + [silent(RECIPES[n], new, drawn.logprobs, gain, mask) for n in SHOWN]
            )
        loss = policy_loss(RECIPES["CISPO"], new, drawn.logprobs, gain, mask, LIMIT)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return rows


@cache
def mean_updated(updates: tuple[int, ...]) -> Tensor:
    """The same, in the mean over the seeds."""
    return torch.tensor([updated(seed, updates) for seed in SEEDS]).mean(0)


@cache
def mismatches(kind: str) -> tuple[float, float, float]:
    """Largest ratio and shares outside GSPO's range, over the seeds."""
    return mismatch(kind, [rollouts(seed)[:2] for seed in SEEDS])


@cache
def mean_leak() -> Tensor:
    """By length of output and kind of number, in the mean over the seeds: [3, 3]."""
    draws = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    rows = [leak(*rollouts(seed), draw) for seed, draw in zip(SEEDS, draws, strict=True)]
    return torch.tensor(rows).mean(0)
