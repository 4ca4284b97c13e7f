"""How many copies to keep for failures, and how many of them to reserve."""

from __future__ import annotations

import math
from collections.abc import Sequence


# --8<-- [start:spares]
def at_least(up: int, of: int, availability: float) -> float:
    """Probability that at least `up` of `of` independent copies work."""
    p, q = availability, 1 - availability
    return sum(math.comb(of, k) * p**k * q ** (of - k) for k in range(up, of + 1))


def spares(needed: int, availability: float, target: float) -> int:
    """Fewest extra copies with which `needed` of them work with probability `target`."""
    extra = 0
    while at_least(needed, needed + extra, availability) < target:
        extra += 1
    return extra


# --8<-- [end:spares]


# --8<-- [start:reserve]
def reserve(needed: Sequence[float], discount: float) -> int:
    """Copies to reserve at (1 - discount) of the price by the hour.

    The last one must be needed for more than (1 - discount) of the hours.
    """
    hours = len(needed)
    copies = 0
    while sum(n > copies for n in needed) > (1 - discount) * hours:
        copies += 1
    return copies


# --8<-- [end:reserve]


def bill(needed: Sequence[float], reserved: int, discount: float) -> float:
    """Cost in copy-hours at the price by the hour."""
    extra = sum(max(0, math.ceil(n) - reserved) for n in needed)
    return reserved * (1 - discount) * len(needed) + extra


DISCOUNT = 0.4  # for copies that are reserved


def waves(mean: float = 100.0, swing: float = 0.5) -> list[float]:
    """A week of copies needed, hour by hour, on a daily wave."""
    return [mean * (1 + swing * math.sin(2 * math.pi * h / 24)) for h in range(168)]


def example_spares() -> None:
    """Spare copies, so that what is needed works 99.9% of the time."""
    print(f"{'needed':8s}{'each 99%':>10s}{'each 95%':>10s}{'share at 99%':>14s}")
    for needed in (1, 4, 16, 64):
        few, many = (spares(needed, a, 0.999) for a in (0.99, 0.95))
        print(f"{needed:6d}  {few:10d}{many:10d}{few / needed:14.0%}")


def example_reserve() -> None:
    """A week that swings between 50 and 150 copies; cost against all of it on demand."""
    needed = waves()
    everything = bill(needed, 0, DISCOUNT)
    for name, copies in (
        ("nothing", 0),
        ("the night", 50),
        ("the rule", reserve(needed, DISCOUNT)),
        ("the peak", 150),
    ):
        print(
            f"reserve {name:10s}{copies:4d}{bill(needed, copies, DISCOUNT) / everything:7.0%}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about fleets."""
    needed = waves()
    return {
        "discount": f"{DISCOUNT:.0%}",
        "least": f"{min(needed):.0f}",
        "most": f"{max(needed):.0f}",
        "reserve_rule": f"{reserve(needed, DISCOUNT)}",
        "spares_16": f"{spares(16, 0.99, 0.999)}",
        "spares_1": f"{spares(1, 0.99, 0.999)}",
    }


if __name__ == "__main__":
    example_spares()
    example_reserve()
