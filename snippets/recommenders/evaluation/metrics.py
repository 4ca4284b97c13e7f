"""Metrics of one ranked list, each with the choices that its name leaves open. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

Value = TypeVar("Value")


# --8<-- [start:convention]
@dataclass(frozen=True)
class Convention:
    """Three choices behind one value of NDCG@k."""

    gain: str = "linear"  # or "exponential": an item of gain g counts 2**g - 1
    ideal: str = "cut"  # or "uncut", "retrieved", "full": see below
    empty: float | None = 0.0  # for a user with nothing to find; None leaves the user out


def dcg(gains: Sequence[float], k: int | None = None, gain: str = "linear") -> float:
    """Discounted sum of the first k gains."""
    worth = [2.0**g - 1 if gain == "exponential" else g for g in gains[:k]]
    return math.fsum(g / math.log2(rank + 1) for rank, g in enumerate(worth, 1))


def ndcg(
    ranked: Sequence[float], everything: Sequence[float], k: int, by: Convention
) -> float | None:
    """NDCG@k of a list with gains `ranked`, when `everything` could have been found."""
    if min(everything, default=0) < 0 or k < 1:
        raise ValueError("gains must not be negative, and k must be at least 1")
    if not any(everything):
        return by.empty
    best, depth = sorted(everything, reverse=True), k
    if by.ideal == "retrieved":  # only what the list itself found
        best = sorted(ranked[:k], reverse=True)
    elif by.ideal == "uncut":  # all there is, however long
        depth = len(best)
    elif by.ideal == "full":  # k items of the best gain, even if fewer exist
        best = best[:1] * k
    ideal = dcg(best, depth, by.gain)
    return dcg(ranked, k, by.gain) / ideal if ideal else 0.0


# --8<-- [end:convention]


def mean_over(values: Sequence[float | None]) -> tuple[float, int]:
    """Mean over the users that have a value, and how many they are."""
    kept = [value for value in values if value is not None]
    return fmean(kept), len(kept)


# --8<-- [start:hits]
def hits(recommended: Sequence[Hashable], relevant: Sequence[Hashable]) -> list[bool]:
    """Whether each recommended item is relevant; an item twice in the list is refused."""
    if len(set(recommended)) < len(recommended):
        raise ValueError("the list recommends an item twice")
    return [item in set(relevant) for item in recommended]


def precision(hit: Sequence[bool], k: int) -> float:
    """Hits in the first k, divided by k."""
    return sum(hit[:k]) / k


def recall(hit: Sequence[bool], k: int, relevant: int) -> float:
    """Hits in the first k, divided by all that could have been found."""
    return sum(hit[:k]) / relevant


def pooled(lists: Sequence[Sequence[bool]], k: int, relevant: Sequence[int]) -> float:
    """Hits of all users over the sum of min(k, n): what `implicit` names precision."""
    found = sum(sum(hit[:k]) for hit in lists)
    return found / sum(min(k, n) for n in relevant)


# --8<-- [end:hits]


# --8<-- [start:ap]
def average_precision(
    hit: Sequence[bool], k: int, relevant: int, divide_by: str = "relevant"
) -> float:
    """Sum of the precision at each hit in the first k, over one of four denominators."""
    found = sum(hit[:k])
    total = math.fsum(
        precision(hit, rank) for rank in range(1, k + 1) if hit[rank - 1 : rank] == [True]
    )
    over = {"relevant": relevant, "min": min(k, relevant), "k": k, "hits": found}[divide_by]
    return total / over if over else 0.0


# --8<-- [end:ap]


def reciprocal_rank(hit: Sequence[bool]) -> float:
    """One over the rank of the first hit, 0 without a hit."""
    return next((1 / rank for rank, yes in enumerate(hit, 1) if yes), 0.0)


def fall_out(hit: Sequence[bool], k: int) -> float:
    """Share of all irrelevant items that stand in the first k."""
    misses = [not yes for yes in hit]
    return sum(misses[:k]) / sum(misses) if any(misses) else 0.0


def r_precision(hit: Sequence[bool]) -> float:
    """Precision at as many ranks as there are relevant items in the list."""
    relevant = sum(hit)
    return precision(hit, relevant) if relevant else 0.0


def auroc(scores: Sequence[float], relevant: Sequence[bool]) -> float:
    """Share of pairs in which the relevant item scores higher; an equal score counts half."""
    yes = [s for s, r in zip(scores, relevant, strict=True) if r]
    no = [s for s, r in zip(scores, relevant, strict=True) if not r]
    return fmean((p > q) + (p == q) / 2 for p in yes for q in no)


def ranked(scores: Sequence[float], values: Sequence[Value]) -> list[Value]:
    """Values in order of falling score; a score that is not a number is refused."""
    if any(math.isnan(score) for score in scores):
        raise ValueError("a score is not a number")
    order = sorted(range(len(scores)), key=lambda item: -scores[item])
    return [values[item] for item in order]
