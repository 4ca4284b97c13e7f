"""Replies of models after a short SFT: updated on, scored in another precision, followed by a tool's output."""

# /// fieldguide
# timeout_s = 120
# tolerance.updates = {rel = 0.1, abs = 0.02, reason = "a training run sums in another order on another machine"}
# tolerance.precision = {rel = 0.2, abs = 0.02, reason = "rounding differs between processors"}
# tolerance.leak = {rel = 0.1, abs = 0.03, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

from copy import deepcopy
from functools import cache

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from snippets.post_training.grpo.losses import (
    RECIPES,
    Recipe,
    advantages,
    policy_loss,
    ratios,
)
from snippets.post_training.grpo.precision import KINDS, mismatch
from snippets.post_training.grpo.tools import LONG, leak
from snippets.tiny.sampling import LIMIT, Rollouts, rewards, sample
from snippets.tiny.tasks import tasks
from snippets.tiny.training import logprobs, started

SEEDS, PROMPTS, GROUP, RATE = range(5), 16, 8, 1e-3
SHOWN = ("GRPO", "DAPO", "GSPO", "CISPO")


@cache
def rollouts(seed: int) -> tuple[LlamaForCausalLM, Rollouts, Tensor]:
    """A model after a short SFT, groups of its replies, and their advantages."""
    policy, given = started(seed, 60), tasks(seed + 70, PROMPTS)
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


def example_updates() -> None:
    """Spread of the log ratio of tokens and replies, and tokens without a gradient."""
    print("updates   tokens  replies" + "".join(f"{name:>8s}" for name in SHOWN))
    for done, row in zip((1, 2, 4), mean_updated((1, 2, 4)).tolist(), strict=True):
        print(
            f"{done:7d}{row[0]:9.3f}{row[1]:9.3f}" + "".join(f"{v:8.0%}" for v in row[2:])
        )


@cache
def mismatches(kind: str) -> tuple[float, float, float]:
    """Largest ratio and shares outside GSPO's range, over the seeds."""
    return mismatch(kind, [rollouts(seed)[:2] for seed in SEEDS])


def example_precision() -> None:
    """The largest ratio at step 0, and what lies outside GSPO's range, by the sampler's precision."""
    print(f"{'sampler':20s}{'largest':>9s}{'tokens':>9s}{'replies':>9s}")
    for kind in KINDS:
        largest, tokens, replies = mismatches(kind)
        print(f"{kind:20s}{largest:9.4f}{tokens:9.0%}{replies:9.0%}")


@cache
def mean_leak() -> Tensor:
    """By length of output and kind of number, in the mean over the seeds: [3, 3]."""
    draws = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    rows = [leak(*rollouts(seed), draw) for seed, draw in zip(SEEDS, draws, strict=True)]
    return torch.tensor(rows).mean(0)


def example_leak() -> None:
    """What a leak does to one step's gradient, by the length of the tool's output."""
    print("output   share of tokens   kept of the right gradient   cosine")
    for length, (share, kept, cosine) in zip(LONG, mean_leak().tolist(), strict=True):
        print(f"{length + 1:6d}{share:18.0%}{kept:29.0%}{cosine:9.2f}")


def facts() -> dict[str, str]:
    """Numbers of the page about ratios and about tools."""
    return {
        "bf16_largest": f"{mismatches('bfloat16')[0]:.2f}",
        "bf16_replies": f"{mismatches('bfloat16')[2]:.0%}",
        "leak_share": f"{mean_leak()[2, 0]:.0%}",
        "leak_cosine": f"{mean_leak()[2, 2]:.2f}",
    }


if __name__ == "__main__":
    example_updates()
    example_precision()
    example_leak()
