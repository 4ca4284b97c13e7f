"""Evaluation: how many questions a difference needs. Standard library only, for calculators."""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

NORMAL = NormalDist()
ALIKE = 0.5  # correlation of two models' scores, within the range that Anthropic reports


# Source: Miller 2024: paired variance of x plus what sampling adds, over r samples.
# --8<-- [start:deviation]
def deviation(
    a: float, b: float, correlation: float = 0.0, noise: float = 0.0, samples: int = 1
) -> float:
    """Standard deviation of the difference on one question, of accuracies `a` and `b`."""
    one, other = a * (1 - a), b * (1 - b)  # variances of a single answer
    kept = (1 - noise) + noise / samples  # the luck of a sample averages out
    return sqrt(kept * (one + other) - 2 * correlation * sqrt(one * other))


# --8<-- [end:deviation]


# --8<-- [start:power]
def power(difference: float, spread: float, questions: float) -> float:
    """Chance that a 95% interval excludes 0, if the true difference is `difference`."""
    shift = abs(difference) * sqrt(questions) / spread
    bar = NORMAL.inv_cdf(0.975)
    return NORMAL.cdf(shift - bar) + NORMAL.cdf(-shift - bar)


def questions_needed(difference: float, spread: float, power: float = 0.8) -> int:
    """Independent questions, so that a 95% interval excludes 0 with chance `power`."""
    reach = NORMAL.inv_cdf(0.975) + NORMAL.inv_cdf(power)
    return ceil((reach * spread / difference) ** 2)


# --8<-- [end:power]


def detectable(questions: float, spread: float, power: float = 0.8) -> float:
    """The smallest true difference that so many questions show with chance `power`."""
    reach = NORMAL.inv_cdf(0.975) + NORMAL.inv_cdf(power)
    return reach * spread / sqrt(questions)


def design_effect(per_cluster: float, correlation: float) -> float:
    """Times more questions are needed if `per_cluster` of them stand or fall together."""
    return 1 + (per_cluster - 1) * correlation
