"""Rank under ties: four rules, and the mean over all orders of equal scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
USERS, NEGATIVES, K = 1000, 100, 10


# --8<-- [start:expected]
def blocks(scores: Sequence[float]) -> Iterator[tuple[int, list[int]]]:
    """Groups of items with equal scores, best first, each with the number of items before it."""
    if any(math.isnan(score) for score in scores):
        raise ValueError("a score is not a number")
    before = 0
    for score in sorted(set(scores), reverse=True):
        items = [item for item, s in enumerate(scores) if s == score]
        yield before, items
        before += len(items)


def expected_dcg(scores: Sequence[float], gains: Sequence[float], k: int) -> float:
    """Mean of DCG@k over all orders of equal scores: each place gets the block's mean gain."""
    total = 0.0
    for before, items in blocks(scores):
        places = range(before + 1, min(before + len(items), k) + 1)
        gain = math.fsum(gains[item] for item in items) / len(items)
        total += gain * math.fsum(1 / math.log2(place + 1) for place in places)
    return total


def expected_hits(scores: Sequence[float], relevant: Sequence[bool], k: int) -> float:
    """Mean number of relevant items in the first k, over all orders of equal scores."""
    return math.fsum(
        sum(relevant[item] for item in items)
        * min(max(k - before, 0), len(items))
        / len(items)
        for before, items in blocks(scores)
    )


# --8<-- [end:expected]


def rank_by(rule: str, scores: Array) -> Array:
    """Rank of the positive in column 0 of scores [users, 1 + negatives], under four rules."""
    positive, others = scores[:, :1], scores[:, 1:]
    if rule == "strictly higher":
        return 1.0 + (others > positive).sum(1)
    if rule == "higher or equal":
        return 1.0 + (others >= positive).sum(1)
    columns = scores if rule == "sorted, first column" else scores[:, ::-1]
    target = 0 if rule == "sorted, first column" else scores.shape[1] - 1
    order = np.argsort(-columns, axis=1, kind="stable")
    return 1.0 + np.argmax(order == target, axis=1)


RULES = (
    "strictly higher",
    "higher or equal",
    "sorted, first column",
    "sorted, last column",
)


def models() -> dict[str, Array]:
    """Scores of a chance model and of three dead ones."""
    draw = np.random.default_rng(0)
    noise = draw.normal(size=(USERS, 1 + NEGATIVES))
    saturated = 1 / (1 + np.exp(-(40 + noise).astype(np.float32)))
    return {
        "random": noise,
        "all equal": np.zeros_like(noise),
        "saturated": saturated.astype(np.float64),
        "all NaN": np.full_like(noise, np.nan),
    }


def hit_rate(rule: str, scores: Array) -> float:
    """Share of users whose positive is among the first ten."""
    return float((rank_by(rule, scores) <= K).mean())


def fair(scores: Array) -> float:
    """The same, over all orders of equal scores."""
    relevant = [True] + [False] * NEGATIVES
    return float(np.mean([expected_hits(row.tolist(), relevant, K) for row in scores]))


def example_dead() -> None:
    """Hit rate@10 of one positive among 100 negatives: four rules, then the mean over orders."""
    heads = ("higher", "or equal", "first", "last", "all orders")
    print(f"{'':10}" + "".join(f"{head:>11}" for head in heads))
    for name, scores in models().items():
        try:
            last = f"{fair(scores):.3f}"
        except ValueError:
            last = "refused"
        print(
            f"{name:10}"
            + "".join(f"{hit_rate(rule, scores):11.3f}" for rule in RULES)
            + f"{last:>11}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about ties."""
    equal = models()["all equal"]
    return {
        "dead_best": f"{hit_rate('strictly higher', equal):.1f}",
        "dead_fair": f"{fair(equal):.3f}",
    }
