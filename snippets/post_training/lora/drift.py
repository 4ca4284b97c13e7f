"""A base in bf16 under an adapter that is merged and unmerged at each step, as some trainers do."""

from __future__ import annotations

import statistics
from functools import cache

from torch import Tensor

from snippets.post_training.lora.shipping import SEEDS, drawn, lost

SIZE = 0.01  # of the finished adapter, over the weight


# --8<-- [start:cycle]
def cycle(weight: Tensor, delta: Tensor) -> Tensor:
    """Merge and unmerge as PEFT does, in the weight's own type."""
    served = (weight + delta).to(weight.dtype)  # rounded
    return served - delta.to(weight.dtype)  # and rounded again


# --8<-- [end:cycle]


@cache
def drift(cycles: int, seed: int, size: float = SIZE, growing: bool = True) -> float:
    """Distance of the base from itself, in units of the finished adapter."""
    base, delta = drawn(size, seed)
    weight = base.bfloat16()
    for i in range(cycles):
        weight = cycle(weight, delta * (i + 1) / cycles if growing else delta)
    return lost(weight.float(), base, delta)


def average(cycles: int, growing: bool = True) -> float:
    """Over five seeds."""
    return statistics.mean(drift(cycles, seed, growing=growing) for seed in SEEDS)


def example_cycles() -> None:
    """Drift of the base after so many cycles: one adapter again and again, and one that grows."""
    print(f"{'cycles':>6s}{'the same':>10s}{'growing':>9s}{'least':>8s}{'most':>8s}")
    for cycles in (1, 10, 100):
        runs = [drift(cycles, seed) for seed in SEEDS]
        row = f"{average(cycles, growing=False):10.1%}{statistics.mean(runs):9.1%}"
        print(f"{cycles:6d}{row}{min(runs):8.1%}{max(runs):8.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    return {"drift_once": f"{average(1):.0%}", "drift_100": f"{average(100):.0%}"}


if __name__ == "__main__":
    example_cycles()
