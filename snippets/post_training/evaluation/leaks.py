"""Evaluation: a test that leaked, and new questions that show it."""

from __future__ import annotations

from math import hypot

import numpy as np

from snippets.post_training.evaluation.errors import Z95, paired_error, standard_error
from snippets.post_training.evaluation.passages import Scores

PUBLIC, FRESH = 1319, 1205  # questions of GSM8K's test set and of GSM1k as released
ABILITY = {"honest": 0.72, "leaked": 0.70}
SEEN = 0.2  # of the public questions, in the training data of one model
SEEDS = 200


def solve(model: str, questions: int, seen: float, rng: np.random.Generator) -> Scores:
    """Right answers: what the model can do, and what it remembers."""
    able = rng.random(questions) < ABILITY[model]
    remembered = rng.random(questions) < seen
    return (able | remembered).astype(float)


def scores(seed: int) -> dict[str, tuple[Scores, Scores]]:
    """Scores of both models on the public and on the fresh questions."""
    rng = np.random.default_rng(seed)
    return {
        model: (
            solve(model, PUBLIC, SEEN if model == "leaked" else 0.0, rng),
            solve(model, FRESH, 0.0, rng),
        )
        for model in ABILITY
    }


def gap(public: Scores, fresh: Scores) -> tuple[float, float]:
    """How far a model falls on fresh questions, and the error: the questions differ."""
    error = hypot(standard_error(public), standard_error(fresh))
    return float(public.mean() - fresh.mean()), error


def lead(seed: int, part: int) -> tuple[float, float]:
    """Lead of the leaked model on the public (0) or the fresh (1) questions."""
    of = scores(seed)
    one, other = of["honest"][part], of["leaked"][part]
    return float((other - one).mean()), paired_error(one, other)


def crowned(seeds: int = SEEDS) -> float:
    """Share of seeds in which the public test shows the weaker model ahead."""
    results = [lead(seed, 0) for seed in range(seeds)]
    return sum(points - Z95 * error > 0 for points, error in results) / seeds


def caught(model: str, seeds: int = SEEDS) -> float:
    """Share of seeds in which the fall on fresh questions is beyond its 95% interval."""
    falls = [gap(*scores(seed)[model]) for seed in range(seeds)]
    return sum(points - Z95 * error > 0 for points, error in falls) / seeds


def example_leak() -> None:
    """Two models on the public test and on fresh questions."""
    print("model   public  fresh  fall  error  fall shown in")
    for model, (public, fresh) in scores(seed=0).items():
        points, error = gap(public, fresh)
        print(
            f"{model:8s}{public.mean():6.1%}{fresh.mean():7.1%}"
            f"{100 * points:6.1f}{100 * error:7.1f}{caught(model):15.1%}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about leaks."""
    return {"crowned": f"{crowned():.0%}", "caught": f"{caught('leaked'):.0%}"}


if __name__ == "__main__":
    example_leak()
