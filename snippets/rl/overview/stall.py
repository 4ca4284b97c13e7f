"""An exact gradient that stalls: half a reward is everywhere, the whole one is rare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from snippets.rl.overview.tasks import policy

STEPS, RATE = 750, 2.0
SHOWN = (0, 10, 50, 250, 500, 600, 750)
BONUSES = (0.0, 0.03, 0.1)


# --8<-- [start:decoy]
def decoy(tokens: Tensor) -> Tensor:
    """1 for `ccc`, 0.5 for each sequence that begins with `a`, else 0: [N]."""
    return (tokens == 2).all(-1).double() + 0.5 * (tokens[:, 0] == 0).double()


@dataclass(frozen=True)
class Moment:
    """The state of a policy after some steps."""

    reward: float  # expected
    best: float  # probability of the sequence with the whole reward
    slope: float  # length of the exact gradient
    entropy: float  # of the sequence, in nats


@cache
def ascent(bonus: float = 0.0) -> list[Moment]:
    """Exact gradient ascent from the uniform policy, with a bonus for entropy."""
    model, seen = policy(scale=0.0), []
    rewards = decoy(model.tokens)
    for _ in range(STEPS + 1):
        chance = model.probabilities()
        entropy = -(chance * chance.log()).sum()
        reward = model.mean(rewards)
        push = model.gradient(reward + bonus * entropy)
        best = chance[rewards.argmax()].item()
        seen.append(Moment(reward.item(), best, push.norm().item(), entropy.item()))
        with torch.no_grad():
            model.logits.add_(RATE * push)
    return seen


# --8<-- [end:decoy]
def met(best: float, replies: int) -> float:
    """Chance that this many replies contain the best sequence at least once."""
    return 1 - (1 - best) ** replies


def example_stall() -> None:
    """The ascent without a bonus."""
    print(" step   reward   P(ccc)   gradient   entropy   64 replies meet ccc")
    for step in SHOWN:
        now = ascent()[step]
        print(f"{step:5d}{now.reward:9.3f}{now.best:9.4f}{now.slope:11.4f}{now.entropy:10.2f}{met(now.best, 64):20.0%}")  # fmt: skip


def half(bonus: float) -> int:
    """First step at which the best sequence is likelier than not."""
    return next(i for i, now in enumerate(ascent(bonus)) if now.best > 0.5)


def lowest(bonus: float) -> float:
    """The least probability that the best sequence falls to."""
    return min(now.best for now in ascent(bonus))


def example_bonus() -> None:
    """What an entropy bonus changes."""
    print("bonus   least P(ccc)   step of P(ccc) > 1/2   reward at the end")
    for bonus in BONUSES:
        print(f"{bonus:5.2f}{lowest(bonus):15.4f}{half(bonus):21d}{ascent(bonus)[-1].reward:20.3f}")  # fmt: skip


def facts() -> dict[str, str]:
    """What the page says of the stall."""
    return {
        "start_best": f"{ascent()[0].best:.1%}",
        "lowest_best": f"{lowest(0.0):.2%}",
        "half_plain": f"{half(0.0):,}",
        "half_small": f"{half(0.03)}",
        "met_lowest": f"{met(lowest(0.0), 64):.0%}",
    }


if __name__ == "__main__":
    example_stall()
    example_bonus()
