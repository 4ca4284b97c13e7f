"""Pilots: how many questions, labels or prompts can refute a choice before it is paid for."""

from __future__ import annotations

from math import ceil, log, sqrt

from snippets.post_training.evaluation import questions as formulas
from snippets.post_training.evaluation.questions import ALIKE, NORMAL, deviation

AGREEMENT = 0.73  # of two labelers on one pair, in InstructGPT


# --8<-- [start:needed]
def spread(before: float, gain: float) -> float:
    """Standard deviation of the difference on one question, if scores correlate by a half."""
    return deviation(before, before + gain, ALIKE)


def needed(before: float, gain: float, power: float = 0.8) -> int:
    """Questions after which a 95% interval excludes 0, with chance `power`."""
    return formulas.questions_needed(gain, spread(before, gain), power)


# --8<-- [end:needed]


def labels_needed(agreement: float, power: float = 0.8) -> int:
    """Pairs that two people label, so that their agreement differs from a coin's."""
    coin, own = 0.5, sqrt(agreement * (1 - agreement))
    reach = NORMAL.inv_cdf(0.975) * coin + NORMAL.inv_cdf(power) * own
    return ceil((reach / (agreement - 0.5)) ** 2)


# --8<-- [start:mixed]
def mixed(solved: float, group: int) -> float:
    """Chance that a group holds both a right and a wrong answer; only then it has a gradient."""
    return 1.0 - solved**group - (1 - solved) ** group


def prompts_needed(share: float, doubt: float = 0.05) -> int:
    """Prompts among which none is mixed with chance `doubt`, if `share` of all are."""
    return ceil(log(doubt) / log(1 - share))


# --8<-- [end:mixed]


def power(before: float, gain: float, questions: int) -> float:
    """Chance that a 95% interval excludes 0 if the method gains `gain`."""
    return formulas.power(gain, spread(before, gain), questions)


def luck(before: float, seen: float, questions: int) -> float:
    """Chance that a method which changes nothing looks better by `seen` or more."""
    return 1.0 - NORMAL.cdf(seen * sqrt(questions) / spread(before, 0.0))


SIZES = (50, 200, 800, 3200)
BEFORE, GAIN = 0.6, 0.05


def example_pilots() -> None:
    """A method that gains 5 points on 60%, and one that gains nothing, by size of the pilot."""
    print(f"questions{'5 points are found':>20s}{'nothing looks like 5 points':>30s}")
    for n in SIZES:
        print(f"{n:9,d}{power(BEFORE, GAIN, n):20.0%}{luck(BEFORE, GAIN, n):30.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    return {
        "needed_5": f"{needed(BEFORE, GAIN):,}",
        "needed_2": f"{needed(BEFORE, 0.02):,}",
        "power_50": f"{power(BEFORE, GAIN, 50):.0%}",
        "luck_50": f"{luck(BEFORE, GAIN, 50):.0%}",
        "labels": f"{labels_needed(AGREEMENT)}",
        "prompts_10": f"{prompts_needed(0.1)}",
        "mixed_hard": f"{mixed(0.01, 16):.0%}",
    }


if __name__ == "__main__":
    example_pilots()
