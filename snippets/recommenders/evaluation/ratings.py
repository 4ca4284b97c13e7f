"""Errors of predicted ratings over the pairs that have both; a pair without a prediction is left out."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from statistics import fmean


def matched(
    true: Mapping[Hashable, float], scored: Mapping[Hashable, float]
) -> list[tuple[float, float]]:
    """Rating and prediction of each pair of user and item that has both."""
    return [(rating, scored[pair]) for pair, rating in true.items() if pair in scored]


def errors(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """RMSE, MAE, the share of variance explained, and the same with the mean error forgiven."""
    off = [rating - score for rating, score in pairs]
    spread = variance([rating for rating, _ in pairs])
    return {
        "rmse": math.sqrt(fmean(e**2 for e in off)),
        "mae": fmean(abs(e) for e in off),
        "rsquared": 1 - fmean(e**2 for e in off) / spread,
        "exp_var": 1 - variance(off) / spread,
    }


def variance(values: list[float]) -> float:
    """Mean squared distance from the mean."""
    middle = fmean(values)
    return fmean((value - middle) ** 2 for value in values)
