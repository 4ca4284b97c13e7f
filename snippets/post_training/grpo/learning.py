"""A small model: which of its groups will teach, and what it learns from them."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from copy import deepcopy
from functools import cache
from statistics import mean, stdev

import torch
from transformers import LlamaForCausalLM

from snippets.post_training.grpo.losses import RECIPES, advantages, policy_loss
from snippets.tiny.sampling import LIMIT, accuracy, rewards, sample
from snippets.tiny.tasks import Task, tasks
from snippets.tiny.training import logprobs, started

SEEDS, STEPS, EVERY, PROMPTS, GROUP, RATE = range(5), 40, 10, 8, 8, 3e-3
TEST = tasks(1000, 200, test=True)


# --8<-- [start:step]
def step(
    policy: LlamaForCausalLM, optimizer: torch.optim.Optimizer, given: list[Task],
    draw: torch.Generator, name: str = "DAPO",
) -> float:  # fmt: skip
    """Sample, grade, compare within groups, update; returns the share of useful groups."""
    recipe = RECIPES[name]
    drawn = sample(policy, given, GROUP, generator=draw)
    gain = advantages(rewards(given, drawn.replies), GROUP, recipe.scale)
    mask = drawn.trains.float()
    new = logprobs(policy, drawn.ids, mask)
    loss = policy_loss(recipe, new, drawn.logprobs, gain, mask, LIMIT)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    optimizer.step()
    return gain.view(-1, GROUP).any(1).float().mean().item()


# --8<-- [end:step]


@cache
def begun(seed: int) -> LlamaForCausalLM:
    """The model before reinforcement."""
    return started(seed)


@cache
def learned(seed: int) -> tuple[LlamaForCausalLM, list[float], list[float]]:
    """The model; its held-out accuracy every ten steps; share of useful groups by step."""
    policy, draw = deepcopy(begun(seed)), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=RATE, weight_decay=0.0)
    pool, points, useful = tasks(seed + 50, STEPS * PROMPTS), [], []
    for i in range(STEPS + 1):
        if i % EVERY == 0:
            points.append(accuracy(policy, TEST, temperature=1.0, generator=draw))
        if i < STEPS:
            for part in optimizer.param_groups:
                part["lr"] = RATE * (1 - i / STEPS)
            given = pool[i * PROMPTS : (i + 1) * PROMPTS]
            useful.append(step(policy, optimizer, given, draw))
    return policy, points, useful


def spread(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation."""
    return mean(values), stdev(values)


def at(which: int) -> tuple[float, float]:
    """Accuracy over the seeds at one point of the curve."""
    return spread([learned(seed)[1][which] for seed in SEEDS])


def useful(last: bool) -> float:
    """Share of groups with a gradient in the first ten steps, or in the last ten."""
    part = slice(-10, None) if last else slice(10)
    return mean([mean(learned(seed)[2][part]) for seed in SEEDS])
