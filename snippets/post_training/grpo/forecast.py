"""Forecast the fates of groups from pass rates, then sample the groups and count."""

from __future__ import annotations

from statistics import mean, pvariance

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from snippets.post_training.grpo.calculator import FATES, fate, fates, right_replies
from snippets.tiny.sampling import rewards, sample
from snippets.tiny.tasks import tasks

PROMPTS, GROUP, MISSED, FOOLED = 100, 8, 0.10, 0.03


# --8<-- [start:pool]
def pool_of(right: list[int], tries: int) -> tuple[float, float]:
    """Mean and spread of pass rates, from right replies to each prompt in some tries."""
    rates = [k / tries for k in right]
    luck = mean(p * (1 - p) for p in rates) / (
        tries - 1
    )  # what a few tries add to the spread
    return mean(rates), max(pvariance(rates) - luck, 0.0) ** 0.5


# --8<-- [end:pool]


def verified(right: Tensor, draw: torch.Generator) -> Tensor:
    """Rewards of a verifier with the planted errors."""
    luck = torch.rand(right.shape, generator=draw)
    return torch.where(right, luck >= MISSED, luck < FOOLED)


def counted(
    policy: LlamaForCausalLM, seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Shares forecast from eight replies to each of 100 prompts, and counted in a second eight."""
    draw, given = torch.Generator().manual_seed(seed), tasks(seed + 90, PROMPTS)
    drawn = sample(policy, given, 2 * GROUP, generator=draw)
    first, second = rewards(given, drawn.replies).view(PROMPTS, 2, GROUP).bool().unbind(1)
    rate, spread = pool_of(first.sum(1).tolist(), GROUP)
    said = fates(GROUP, right_replies(GROUP, rate, spread), MISSED, FOOLED)
    passed = verified(second, draw)
    seen = dict.fromkeys(FATES, 0.0)
    for right, accepted in zip(second, passed, strict=True):
        k, a = int(right.sum()), int((right & accepted).sum())
        seen[fate(GROUP, k, a, int(accepted.sum()) - a)] += 1 / PROMPTS
    return said, seen
