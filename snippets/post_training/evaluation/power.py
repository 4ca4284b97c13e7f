"""Evaluation: what HumanEval's questions can show, and how many other differences need."""

from __future__ import annotations

from math import sqrt

from snippets.post_training.evaluation.errors import AFTER, BEFORE, HUMANEVAL
from snippets.post_training.evaluation.passages import BY_PASSAGE, LEVEL, PER_PASSAGE
from snippets.post_training.evaluation.questions import (
    ALIKE,
    NORMAL,
    design_effect,
    detectable,
    deviation,
    power,
    questions_needed,
)  # fmt: skip

OLD, NEW = BEFORE / HUMANEVAL, AFTER / HUMANEVAL
NOISE = 0.4  # share of a score's variance that is the luck of one sample: assumed

WAYS = {  # of comparing two models at about 85%
    "two error bars": deviation(OLD, NEW),
    "paired": deviation(OLD, NEW, ALIKE),
    "paired, 8 samples": deviation(OLD, NEW, ALIKE, NOISE, 8),
}


def example_plan() -> None:
    """Questions for a difference of so many points, three ways of comparing."""
    print("points  two error bars  paired  8 samples")
    for points in (1, 2, 3, 5, 10):
        counts = (questions_needed(points / 100, wide) for wide in WAYS.values())
        bars, paired, often = counts
        print(f"{points:6d}{bars:16,d}{paired:8,d}{often:11,d}")


def shared() -> float:
    """Correlation of two scores in one passage of the planted test."""
    return BY_PASSAGE**2 / (LEVEL * (1 - LEVEL))


def gap() -> float:
    """How far apart the two models of the opening are, in percentage points."""
    return 100 * (NEW - OLD)


def error_points(way: str) -> float:
    """Standard error of that difference, in percentage points."""
    return 100 * WAYS[way] / sqrt(HUMANEVAL)


def ends(way: str) -> tuple[float, float]:
    """Its 95% interval, in percentage points."""
    half = NORMAL.inv_cdf(0.975) * error_points(way)
    return gap() - half, gap() + half


def shown_from(way: str) -> float:
    """The least difference that HumanEval can show, in percentage points: its interval ends at 0."""
    return NORMAL.inv_cdf(0.975) * error_points(way)


def detectable_points(way: str) -> float:
    """What HumanEval's 164 questions show with 80% power, in percentage points."""
    return 100 * detectable(HUMANEVAL, WAYS[way])


def power_here(way: str) -> float:
    """Chance that HumanEval shows a true difference as large as that of the opening."""
    return power(NEW - OLD, WAYS[way], HUMANEVAL)


def claim_error(correlation: float) -> float:
    """Error of a difference on 500 questions at 80%, in percentage points."""
    return 100 * deviation(0.8, 0.8, correlation) / sqrt(500)


def claim_needed(correlation: float) -> int:
    """Questions that show two points between models at 80%."""
    return questions_needed(0.02, deviation(0.8, 0.8, correlation))


def facts() -> dict[str, str]:
    """Numbers that the page states about power."""
    low, high = ends("two error bars")
    return {
        "old": f"{OLD:.1%}",
        "new": f"{NEW:.1%}",
        "gap": f"{gap():.1f} points",
        "error_unpaired": f"{error_points('two error bars'):.1f} points",
        "shown_from": f"{shown_from('paired'):.1f} points",
        "error_paired": f"{error_points('paired'):.1f} points",
        "low": f"{low:.1f}".replace("-", "−"),
        "high": f"{high:.1f} points",
        "power_paired": f"{power_here('paired'):.0%}",
        "detectable_unpaired": f"{detectable_points('two error bars'):.0f} points",
        "detectable_paired": f"{detectable_points('paired'):.0f} points",
        "needed_unpaired": f"{questions_needed(0.03, WAYS['two error bars']):,}",
        "needed_paired": f"{questions_needed(0.03, WAYS['paired']):,}",
        "needed_samples": f"{questions_needed(0.03, WAYS['paired, 8 samples']):,}",
        "claim_unpaired": f"{claim_error(0.0):.1f} points",
        "claim_paired": f"{claim_error(ALIKE):.1f} points",
        "claim_needed": f"{claim_needed(ALIKE):,}",
        "design": f"{design_effect(PER_PASSAGE, shared()):.1f}",
    }


if __name__ == "__main__":
    example_plan()
