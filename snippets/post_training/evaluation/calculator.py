"""Evaluation: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Annotated

from snippets.post_training.evaluation.questions import NORMAL, design_effect, deviation


def refuse(field: str, words: str) -> ValueError:
    """An error that the form tells at one of its inputs."""
    error = ValueError(words)
    error.field = field  # type: ignore[attr-defined]
    return error


def real(
    questions: Annotated[int, "", (10, 1_000_000)] = 164,
    before: Annotated[float, "%", (0.1, 99.9)] = 83.54,
    after: Annotated[float, "%", (0.1, 99.9)] = 86.59,
    correlation: Annotated[float, "", (0.0, 0.99)] = 0.5,
    per_cluster: Annotated[int, "", (1, 1000)] = 1,
    samples: Annotated[int, "", (1, 1000)] = 1,
    *,
    within: Annotated[float, "", (0.0, 1.0)] = 0.1,
    noise: Annotated[float, "%", (0.0, 100.0)] = 40.0,
    power: Annotated[float, "%", (50.0, 99.0)] = 80.0,
    confidence: Annotated[float, "%", (80.0, 99.9)] = 95.0,
) -> dict[str, object]:
    """Is this difference between two evals real?

    Args:
        questions: Questions of the test, $n$. Both models answer the same ones.
        before: Score of the old model.
        after: Score of the new model.
        correlation: Correlation of their scores, $\\rho$. Over questions, from one answer each.
        per_cluster: Questions that share a passage, $m$. 1 if each stands alone.
        samples: Answers sampled per question, $r$.
        within: Correlation in a passage, $\\rho_m$. Of the difference between the two models.
        noise: Luck of one sample, $\\nu$. Share of a score's variance on one question; 0 if
            answers are repeatable.
        power: Chance to show a difference.
        confidence: Confidence of the interval.
    """
    a, b = before / 100, after / 100
    one, other = a * (1 - a), b * (1 - b)
    most = (min(a, b) - a * b) / sqrt(one * other)
    if correlation > most:
        raise refuse(
            "correlation", f"right answers of {before:g}% and {after:g}% correlate at most {most:.2f}."
        )  # fmt: skip
    luck = noise / 100
    if samples > 1 and correlation > 1 - luck:
        raise refuse(
            "noise", f"with so much luck, scores correlate at most {1 - luck:.2f}."
        )
    design = sqrt(design_effect(per_cluster, within))
    separate = design * deviation(a, b, 0.0, luck, samples)
    paired = design * deviation(a, b, correlation, luck, samples)
    gap, error = b - a, paired / sqrt(questions)
    bar = NORMAL.inv_cdf(0.5 + confidence / 200)
    reach = bar + NORMAL.inv_cdf(power / 100)
    low, high = 100 * (gap - bar * error), 100 * (gap + bar * error)
    shown = low > 0 or high < 0
    needed = f"{ceil((reach * paired / gap) ** 2):,}" if gap else "no number"
    unused = ["within"] * (per_cluster == 1) + ["noise"] * (samples == 1)
    counts = [10 * 2**i for i in range(14)]
    return {
        "is it real?": "yes, beyond the luck of the draw" if shown else "not shown: 0 lies in the interval",
        "difference": f"{100 * gap:+.2f} points",
        f"{confidence:g}% interval": f"{low:+.2f} to {high:+.2f} points",
        "standard error, paired": f"{100 * error:.2f} points",
        "standard error, from two error bars": f"{100 * separate / sqrt(questions):.2f} points",
        f"questions that show it with {power:g}% power": needed,
        "smallest difference that these questions show": f"{100 * reach * error:.1f} points",
        "unused": unused,
        "lines": {
            "x": "questions", "y": "points shown", "log": "xy",
            "series": {
                "two error bars": [(n, 100 * reach * separate / sqrt(n)) for n in counts],
                "paired": [(n, 100 * reach * paired / sqrt(n)) for n in counts],
            },
            "points": {"yours": (questions, max(100 * abs(gap), 0.01))},
        },
    }  # fmt: skip
