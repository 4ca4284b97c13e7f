"""How old a cached result is when it is served, and what keeping it young costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

HOURS = 24.0


# --8<-- [start:age]
def older(period: float, age: float) -> float:
    """Share of requests that get a result older than `age`, by refresh period."""
    return max(0.0, 1.0 - age / period)


def missed(period: float, plays: float, count: int) -> float:
    """Chance that `count` plays came after the refresh, at `plays` a day."""
    mean = plays * period / HOURS  # plays in a whole period
    term = [math.exp(-mean) * mean**k / math.factorial(k) for k in range(count + 1)]
    return (1.0 - sum(term)) / mean


def missed_any(period: float, plays: float) -> float:
    """Chance that a play was missed."""
    return 1.0 - missed(period, plays, 0)


def unserved(period: float, visits: float) -> float:
    """Share of refreshes that nobody sees, at `visits` a day."""
    return math.exp(-visits * period / HOURS)


def break_even(visits: float) -> float:
    """The period at which a cache computes as often as serving on request."""
    return HOURS / visits
    # --8<-- [end:age]


def at(curve: Sequence[tuple[int, float]], count: int) -> float:
    """Accuracy after `count` missed plays, by straight lines, flat beyond the last point."""
    for (low, left), (high, right) in pairwise(curve):
        if low <= count <= high:
            return left + (right - left) * (count - low) / (high - low)
    return curve[-1][1]


def expected(period: float, plays: float, curve: Sequence[tuple[int, float]]) -> float:
    """Accuracy over all requests: each count of missed plays by its chance."""
    counts = range(curve[-1][0] + 1)
    chances = [missed(period, plays, count) for count in counts]
    known = sum(c * at(curve, count) for c, count in zip(chances, counts, strict=True))
    return known + (1.0 - sum(chances)) * curve[-1][1]
