"""The decoy again, with sampled gradients: what noise does where the exact gradient stalls."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.overview.groups import leave_one_out
from snippets.rl.overview.stall import RATE, STEPS, decoy
from snippets.rl.overview.tasks import policy

SEEDS, SIZES, LOST = 20, (8, 32, 128), 1e-3


def runs(replies: int) -> Tensor:
    """Probability of `ccc` by step and run, twenty runs side by side: [steps, runs]."""
    start, dice = policy(scale=0.0), torch.Generator().manual_seed(0)
    rewards = decoy(start.tokens)
    logits = start.logits.detach().repeat(SEEDS, 1, 1).requires_grad_()
    best = []
    for _ in range(STEPS + 1):
        logp = logits.log_softmax(-1)[:, start.before, start.tokens].sum(-1)  # [runs, 27]
        chance = logp.detach().exp()
        best.append(chance[:, rewards.argmax()])
        drawn = torch.multinomial(chance, replies, replacement=True, generator=dice)
        gain = leave_one_out(rewards[drawn]) * logp.gather(1, drawn)
        (push,) = torch.autograd.grad(gain.mean(1).sum(), logits)
        logits.data.add_(RATE * push)
    return torch.stack(best)


def fates(best: Tensor) -> tuple[int, int, int]:
    """Runs that end with `ccc` likelier than not, their median step, and runs that lost it."""
    found = best[-1] > 0.5
    first = (best[:, found] > 0.5).double().argmax(0)
    return int(found.sum()), int(first.median()), int((best[-1] < LOST).sum())


def example_runs() -> None:
    """Twenty runs for each number of replies a step."""
    print("replies   found ccc   median step   lost ccc")
    for replies in SIZES:
        found, step, lost = fates(runs(replies))
        print(f"{replies:7d}{found:12d}{step:14d}{lost:11d}")


if __name__ == "__main__":
    example_runs()
