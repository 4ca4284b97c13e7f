"""Evaluation: the standard error of a score and of a difference, question by question."""

from __future__ import annotations

from collections.abc import Callable
from math import comb, hypot, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from snippets.post_training.evaluation.passages import GAIN, LEVEL, Scores, draw

Z95 = NormalDist().inv_cdf(0.975)
EVALS = 1000  # planted tests, to count how often an interval holds the truth
HUMANEVAL, BEFORE, AFTER = 164, 137, 142  # questions, and those that two models solve


# --8<-- [start:single]
def standard_error(scores: Scores) -> float:
    """Error of a mean, if each question is drawn for itself."""
    return float(scores.std(ddof=1) / np.sqrt(len(scores)))


def paired_error(a: Scores, b: Scores) -> float:
    """Error of the difference of two means, taken question by question."""
    return standard_error(b - a)


# --8<-- [end:single]


# Source: Miller 2024, with the factor for few clusters that inspect has.
# --8<-- [start:clustered]
def clustered_error(scores: Scores, clusters: NDArray[np.int64]) -> float:
    """Error of a mean, if whole clusters of questions are drawn."""
    _, group = np.unique(clusters, return_inverse=True)  # [n], from 0 to G - 1
    sums = np.bincount(group, weights=scores - scores.mean())  # [G]
    few = len(sums) / (len(sums) - 1)
    return float(np.sqrt(few * (sums**2).sum()) / len(scores))


# --8<-- [end:clustered]


# --8<-- [start:flips]
def flip_error(questions: int, gained: int, lost: int) -> float:
    """The paired error, from counts of right answers gained and lost."""
    difference = (gained - lost) / questions
    return sqrt(((gained + lost) / questions - difference**2) / (questions - 1))


def sign_test(gained: int, lost: int) -> float:
    """How often as uneven a split, or a more uneven one, comes from a fair coin."""
    flips = gained + lost
    tail = sum(comb(flips, i) for i in range(min(gained, lost) + 1)) / 2**flips
    return min(1.0, 2 * tail)


# --8<-- [end:flips]


def flip_correlation(questions: int, before: int, gained: int, lost: int) -> float:
    """Correlation of two models' scores that so many flips mean."""
    old, new = before / questions, (before + gained - lost) / questions
    one, other = old * (1 - old), new * (1 - new)
    apart = (gained + lost) / questions - (new - old) ** 2
    return (one + other - apart) / (2 * sqrt(one * other))


def example_flips() -> None:
    """The same two totals, 137 and 142 of 164, by what changed between the models."""
    print("gained  lost  correlation  error   95% interval   exact p")
    for gained, lost in FLIPS:
        points, error = 100 * (gained - lost) / HUMANEVAL, flip_points(gained, lost)
        low, high = points - Z95 * error, points + Z95 * error
        p, alike = (
            sign_test(gained, lost),
            flip_correlation(HUMANEVAL, BEFORE, gained, lost),
        )
        print(
            f"{gained:6d}{lost:6d}{alike:13.2f}{error:7.1f}{low:7.1f} to {high:4.1f}{p:10.3f}"
        )


FLIPS = [(AFTER - BEFORE + lost, lost) for lost in (0, 8, 15)]


def flip_points(gained: int, lost: int) -> float:
    """The paired error on HumanEval, in percentage points."""
    return 100 * flip_error(HUMANEVAL, gained, lost)


Method = Callable[[Scores, Scores, NDArray[np.int64]], float]
METHODS: dict[str, Method] = {  # the standard error, in five ways
    "A, alone": lambda a, b, c: standard_error(a),
    "A, by passage": lambda a, b, c: clustered_error(a, c),
    "B-A, two bars": lambda a, b, c: hypot(clustered_error(a, c), clustered_error(b, c)),
    "B-A, paired": lambda a, b, c: paired_error(a, b),
    "B-A, by passage": lambda a, b, c: clustered_error(b - a, c),
}


def one_eval(name: str, seed: int) -> tuple[float, float, float]:
    """Estimate, its standard error, and the truth."""
    a, b, passage = draw(seed)
    error = METHODS[name](a, b, passage)
    if name.startswith("A"):
        return float(a.mean()), error, LEVEL
    return float((b - a).mean()), error, GAIN


def coverage(name: str, evals: int = EVALS) -> float:
    """Share of planted tests whose 95% interval holds the truth."""
    held = 0
    for seed in range(evals):
        estimate, error, truth = one_eval(name, seed)
        held += abs(estimate - truth) <= Z95 * error
    return held / evals


def example_compare() -> None:
    """One planted test of 50 passages with 10 questions each, and a thousand such tests."""
    print(f"{'':15s}estimate  error  holds truth")
    for name in METHODS:
        estimate, error, _ = one_eval(name, seed=0)
        print(f"{name:15s}{100 * estimate:8.1f}{100 * error:7.2f}{coverage(name):13.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about errors."""
    return {
        "flip_least": f"{flip_points(*FLIPS[0]):.1f} points",
        "flip_most": f"{flip_points(*FLIPS[-1]):.1f} points",
        "flip_p": f"{sign_test(*FLIPS[0]):.3f}",
        "covered_alone": f"{coverage('A, alone'):.1%}",
        "covered_clustered": f"{coverage('A, by passage'):.1%}",
        "covered_both": f"{coverage('B-A, by passage'):.1%}",
        "covered_paired": f"{coverage('B-A, paired'):.1%}",
        "covered_unpaired": f"{coverage('B-A, two bars'):.1%}",
    }


if __name__ == "__main__":
    example_flips()
    example_compare()
