"""What dividing by the deviation does to a prompt of given pass rate, counted over all groups."""

from __future__ import annotations

from math import comb, sqrt

import torch

from snippets.rl.grpo.estimators import Recipe, advantages

SIZES = (3, 4, 8, 16, 64)


# --8<-- [start:weight]
def weight(rate: float, size: int, scale: bool = True) -> float:
    """Expected advantage of a right reply minus that of a wrong one, at a pass rate."""
    gap = 0.0
    for others in range(size):  # right ones among the other replies of the group
        chance = comb(size - 1, others) * rate**others * (1 - rate) ** (size - 1 - others)
        gap += chance * (
            gain(others + 1, size, scale, True) - gain(others, size, scale, False)
        )
    return gap


def gain(right: int, size: int, scale: bool, mine: bool) -> float:
    """Advantage of a right or wrong reply in a group with `right` right ones."""
    rewards = torch.zeros(size, dtype=torch.float64)
    rewards[:right] = 1
    own = advantages(rewards, Recipe(scale=scale))
    return own[0 if mine else size - 1].item()


# --8<-- [end:weight]


def lift(rate: float, size: int) -> float:
    """How much more a prompt weighs than one that is solved half of the time."""
    return weight(rate, size) / weight(0.5, size)


def limit(rate: float) -> float:
    """The same for an unlimited group: the slope of 2 arcsin(sqrt(p))."""
    return 0.5 / sqrt(rate * (1 - rate))


def example_lifts() -> None:
    """Weight of a prompt by its pass rate and the size of its group."""
    print("pass rate" + "".join(f"{f'G = {size}':>9}" for size in SIZES) + "  no limit")
    for rate in (0.01, 0.05, 0.1, 0.25, 0.5):
        print(
            f"{rate:9.0%}"
            + "".join(f"{lift(rate, size):9.3f}" for size in SIZES)
            + f"{limit(rate):10.3f}"
        )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "lift_4": f"{lift(0.01, 4):.2f}",
        "lift_8": f"{lift(0.01, 8):.2f}",
        "lift_64": f"{lift(0.01, 64):.1f}",
    }


if __name__ == "__main__":
    example_lifts()
