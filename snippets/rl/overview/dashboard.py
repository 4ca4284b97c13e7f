"""What a dashboard shows of a run with the decoy: for an exercise."""

from __future__ import annotations

from math import ceil, log

import torch

from snippets.rl.overview.groups import leave_one_out
from snippets.rl.overview.moments import scores
from snippets.rl.overview.stall import RATE, decoy, lowest
from snippets.rl.overview.tasks import policy

REPLIES, SEED = 64, 2


def example_run() -> None:
    """A run with leave-one-out and 64 replies a step."""
    model, dice = policy(scale=0.0), torch.Generator().manual_seed(SEED)
    rewards = decoy(model.tokens)
    print("step   mean reward   best reward   deviation   gradient norm   distinct replies")
    for step in range(301):
        drawn = model.sample(REPLIES, dice)
        gained = rewards[drawn]
        weights = leave_one_out(gained)
        push = (weights[:, None, None] * scores(model).sum(1)[drawn]).mean(0)
        if step in (0, 5, 10, 20, 50, 100, 200, 300):
            print(f"{step:4d}{gained.mean():14.3f}{gained.max():14.1f}{gained.std():12.3f}{push.norm():16.4f}{len(drawn.unique()):19d}")  # fmt: skip
        with torch.no_grad():
            model.logits.add_(RATE * push)


def replies_to_meet(chance: float) -> int:
    """Replies until the best sequence, at its rarest in the exact ascent, is met with this chance."""
    return ceil(log(1 - chance) / log(1 - lowest(0.0)))


def facts() -> dict[str, str]:
    """The answer of the exercise."""
    return {"replies_to_meet": f"{replies_to_meet(0.95):,}"}


if __name__ == "__main__":
    example_run()
