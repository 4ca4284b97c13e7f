"""What a dashboard shows of a cached model, by age, before and after a release: for an exercise."""

from __future__ import annotations

from itertools import pairwise

from snippets.recommenders.netflix_personalization import ageing
from snippets.recommenders.netflix_personalization.calculator import CURVES, read

PLAYS, EDGES = 2.0, (0.0, 6.0, 12.0, 24.0, 48.0)
WEEKS = {"week 31": 24.0, "week 32": 48.0}  # refresh period, hours


def share(period: float, low: float, high: float) -> float:
    """Share of requests served from a cache of an age between two."""
    return ageing.older(period, low) - ageing.older(period, high)


def between(low: float, high: float) -> float:
    """Accuracy over ages between two, whatever the period: a difference of two averages from 0."""
    curve = read(CURVES)[0]
    below = low * ageing.expected(low, PLAYS, curve) if low else 0.0
    return (high * ageing.expected(high, PLAYS, curve) - below) / (high - low)


def overall(period: float) -> float:
    """Accuracy over all requests."""
    return ageing.expected(period, PLAYS, read(CURVES)[0])


def example_release() -> None:
    """Share of requests and accuracy by the age of what was served, for two weeks."""
    print("age of the result, hours   0 to 6   6 to 12   12 to 24   24 to 48      all")
    for week, period in WEEKS.items():
        cells = list(pairwise(EDGES))
        shares = [share(period, low, high) for low, high in cells]
        right = [
            between(low, high) if part else None
            for part, (low, high) in zip(shares, cells, strict=True)
        ]
        row = "".join(
            f"{part:{width}.1%}"
            for part, width in zip(shares, (9, 10, 11, 11), strict=True)
        )
        print(f"{week} requests          {row}   100.0%")
        row = "".join(
            f"{'-' if one is None else f'{one:.3f}':>{width}s}"
            for one, width in zip(right, (9, 10, 11, 11), strict=True)
        )
        print(f"{week} accuracy          {row}{overall(period):9.3f}")


def facts() -> dict[str, str]:
    """Numbers of the exercise."""
    return {
        "release_before": f"{overall(WEEKS['week 31']):.3f}",
        "release_after": f"{overall(WEEKS['week 32']):.3f}",
    }
