"""Evaluation: a judge that likes style, and a small human set that corrects it."""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np

from snippets.post_training.evaluation.errors import Z95, standard_error
from snippets.post_training.evaluation.passages import Scores

PROMPTS, LABELED = 10_000, 400  # judged alone; judged and read by people
SEEDS = 200
RIGHT = {"plain": 0.70, "styled": 0.62}  # share of good answers
PRAISES_GOOD = {"plain": 0.90, "styled": 0.95}  # the judge passes a good answer
PRAISES_BAD = {"plain": 0.15, "styled": 0.45}  # the judge passes a bad one
TRUTH = RIGHT["styled"] - RIGHT["plain"]


def answers(model: str, prompts: int, rng: np.random.Generator) -> tuple[Scores, Scores]:
    """What people and what the judge say of a model's answers, 1 or 0 for each prompt."""
    good = rng.random(prompts) < RIGHT[model]
    passes = np.where(good, PRAISES_GOOD[model], PRAISES_BAD[model])
    return good.astype(float), (rng.random(prompts) < passes).astype(float)


@cache
def leads(seed: int) -> tuple[Scores, Scores, Scores]:
    """Styled minus plain: people and judge on the labeled prompts, judge on the others."""
    rng = np.random.default_rng(seed)
    people, judge = np.array(answers("styled", LABELED + PROMPTS, rng)) - np.array(
        answers("plain", LABELED + PROMPTS, rng)
    )
    return people[:LABELED], judge[:LABELED], judge[LABELED:]


# Source: Angelopoulos et al. 2023; the weight is that of PPI++.
# --8<-- [start:corrected]
def corrected(
    people: Scores, judge: Scores, rest: Scores, weight: float = 1.0
) -> tuple[float, float]:
    """The judge's mean plus what people found wrong with it, and the error of the sum."""
    estimate = weight * rest.mean() + (people - weight * judge).mean()
    errors = standard_error(weight * rest), standard_error(people - weight * judge)
    return float(estimate), sqrt(errors[0] ** 2 + errors[1] ** 2)


def best_weight(people: Scores, judge: Scores, rest: Scores) -> float:
    """How far to trust the judge, for the smallest error."""
    everything = np.concatenate([judge, rest])
    spread = everything.var() * (1 + len(judge) / len(rest))
    return float(np.clip(np.cov(people, judge, ddof=0)[0, 1] / spread, 0, 1))


# --8<-- [end:corrected]


def judged(way: str, seed: int) -> tuple[float, float]:
    """Estimate of the lead and its error, in one of four ways."""
    people, judge, rest = leads(seed)
    if way == "judge alone":
        return float(rest.mean()), standard_error(rest)
    if way == "people alone":
        return float(people.mean()), standard_error(people)
    weight = 1.0 if way == "judge, corrected" else best_weight(people, judge, rest)
    return corrected(people, judge, rest, weight)


WAYS = ["judge alone", "people alone", "judge, corrected", "corrected, weighted"]


def holds(way: str) -> float:
    """Share of seeds whose 95% interval holds the truth."""
    results = [judged(way, seed) for seed in range(SEEDS)]
    return sum(abs(lead - TRUTH) <= Z95 * error for lead, error in results) / SEEDS


def mean_error(way: str) -> float:
    """Mean over the seeds of the standard error, in percentage points."""
    return 100 * sum(judged(way, seed)[1] for seed in range(SEEDS)) / SEEDS


def judge_lead() -> float:
    """The lead that the judge sees on average, in percentage points."""
    seen = {
        model: PRAISES_GOOD[model] * RIGHT[model] + PRAISES_BAD[model] * (1 - RIGHT[model])
        for model in RIGHT
    }
    return 100 * (seen["styled"] - seen["plain"])


def worth_labels() -> float:
    """Labels for which people alone would have the error of the weighted correction."""
    return LABELED * (mean_error("people alone") / mean_error("corrected, weighted")) ** 2


def example_winner() -> None:
    """Who leads, by how much, and how often the interval holds the truth."""
    print(f"{'':19s}points  error  holds truth")
    for way in WAYS:
        lead, _ = judged(way, seed=0)
        print(f"{way:19s}{100 * lead:6.1f}{mean_error(way):7.2f}{holds(way):13.0%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about judges."""
    return {
        "judge_lead": f"{judge_lead():.1f} points",
        "judge_error": f"{mean_error('judge alone'):.1f} points",
        "worth_labels": f"{worth_labels():.0f}",
    }


if __name__ == "__main__":
    example_winner()
