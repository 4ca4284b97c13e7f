"""Two policies on the same users: a paired interval, and what a careless one claims."""

from __future__ import annotations

from functools import cache

import numpy as np

from snippets.recommenders.evaluation.policies import POLICIES, Array, first, past_of
from snippets.worlds.log import record
from snippets.worlds.world import World

DRAWS, K, CUT = 2000, 10, 21


# --8<-- [start:bootstrap]
def bootstrap(values: Array, seed: int = 0) -> tuple[float, float]:
    """95% interval of a mean over users [U], by drawing users with replacement."""
    draw = np.random.default_rng(seed)
    weights = draw.multinomial(len(values), np.full(len(values), 1 / len(values)), DRAWS)
    low, high = np.quantile(weights @ values / len(values), [0.025, 0.975])
    return float(low), float(high)


def unpaired(a: Array, b: Array) -> tuple[float, float]:
    """The interval of mean(a) - mean(b) if a and b came from different users."""
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    middle = a.mean() - b.mean()
    return float(middle - 1.96 * error), float(middle + 1.96 * error)


# --8<-- [end:bootstrap]


@cache
def two_policies(a: str = "SVD of damped plays", b: str = "EASE") -> tuple[Array, Array]:
    """Recall@10 of each member under two policies, in one world."""
    world = World("shown", members=200, titles=120)
    log = record(world, 13_000, slice_=0.0)
    past, later = (
        past_of(log, world, CUT),
        past_of(log.where(log.day >= CUT), world, world.days).plays,
    )
    users = later.sum(1) > 0
    both = []
    for name in (a, b):
        page = first(POLICIES[name](past), K)
        both.append(np.take_along_axis(later, page, 1).sum(1)[users] / later.sum(1)[users])
    return both[0], both[1]


def width(interval: tuple[float, float]) -> float:
    """Length of an interval."""
    return interval[1] - interval[0]


def coverage(by: str, worlds: int = 400, users: int = 60, plays: int = 25) -> float:
    """Share of 95% intervals that hold the truth, 0, when each user has a leaning of their own."""
    draw = np.random.default_rng(3)
    inside = 0
    for _ in range(worlds):
        leaning = draw.normal(
            0.0, 0.2, users
        )  # of the difference, the same in all their plays
        rows = leaning[:, None] + draw.normal(0.0, 0.6, (users, plays))  # [users, plays]
        values = rows.mean(1) if by == "users" else rows.ravel()
        error = values.std(ddof=1) / np.sqrt(len(values))
        inside += abs(values.mean()) < 1.96 * error
    return inside / worlds


def example_pair() -> None:
    """Two policies on the same members: means and intervals."""
    a, b = two_policies()
    for name, mean, interval in (
        ("SVD of damped plays", a.mean(), bootstrap(a)),
        ("EASE", b.mean(), bootstrap(b)),
        ("difference, unpaired", (a - b).mean(), unpaired(a, b)),
        ("difference, paired", (a - b).mean(), bootstrap(a - b)),
    ):
        print(f"{name:22} {mean:7.4f}   from {interval[0]:7.4f} to {interval[1]:7.4f}")
    print()
    for by in ("users", "plays"):
        print(f"intervals over {by} that hold the truth: {coverage(by):.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about comparisons."""
    a, b = two_policies()
    return {
        "correlation": f"{np.corrcoef(a, b)[0, 1]:.2f}",
        "by_plays": f"{coverage('plays'):.0%}",
    }
