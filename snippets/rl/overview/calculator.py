"""Noise of a policy gradient by baseline and samples, where answers are single actions."""

from __future__ import annotations

from typing import Annotated, Literal

Baseline = Literal["none", "mean reward", "best constant", "leave-one-out"]
NAMES: tuple[Baseline, ...] = ("none", "mean reward", "best constant", "leave-one-out")


def sizes(p: float, right: int, wrong: int) -> tuple[float, float]:
    """Squared length of the score of a right answer, and of a wrong one."""
    both = p * p / right + (1 - p) ** 2 / wrong  # sum of all squared probabilities
    return 1 - 2 * p / right + both, 1 - 2 * (1 - p) / wrong + both


def signal(p: float, right: int, wrong: int) -> float:
    """Squared length of the exact gradient."""
    return (p * (1 - p)) ** 2 * (1 / right + 1 / wrong)


def constant_variance(p: float, right: int, wrong: int, baseline: float) -> float:
    """Variance of one answer's gradient with a constant baseline."""
    good, bad = sizes(p, right, wrong)
    square = p * (1 - baseline) ** 2 * good + (1 - p) * baseline**2 * bad
    return square - signal(p, right, wrong)


def best_constant(p: float, right: int, wrong: int) -> float:
    """The constant with the least variance: rewards weighted by the scores' squared lengths."""
    good, bad = sizes(p, right, wrong)
    return p * good / (p * good + (1 - p) * bad)


def variance(p: float, right: int, wrong: int, group: int, baseline: str) -> float:
    """Variance of the average over a group of answers."""
    if baseline == "leave-one-out":  # a mean over pairs: one answer's share, and a pair's
        single = constant_variance(p, right, wrong, p)
        pair = p * (1 - p) - signal(p, right, wrong)
        return ((group - 2) * single + 2 * pair) / (group * (group - 1))
    chosen = {
        "none": 0.0,
        "mean reward": p,
        "best constant": best_constant(p, right, wrong),
    }
    return constant_variance(p, right, wrong, chosen[baseline]) / group


def needed(p: float, right: int, wrong: int, baseline: str) -> int:
    """Least number of answers, two or more, whose noise is no longer than the gradient."""
    bound, top = signal(p, right, wrong), 2
    while variance(p, right, wrong, top, baseline) > bound:
        top *= 2
    low = top // 2
    while top - low > 1:
        middle = (low + top) // 2
        if variance(p, right, wrong, middle, baseline) > bound:
            low = middle
        else:
            top = middle
    return top


def policy_gradient_noise(
    pass_rate: Annotated[float, "%", (0.1, 99.9)] = 20.0,
    right: Annotated[int, "", (1, 1_000_000)] = 1000,
    wrong: Annotated[int, "", (1, 1_000_000)] = 1000,
    samples: Annotated[int, "", (2, 4096)] = 8,
    baseline: Baseline = "leave-one-out",
) -> dict[str, object]:
    """How long is the noise of the gradient, measured by the gradient itself?

    Args:
        pass_rate: Prompt's pass rate, $p$. Share of sampled answers that are right.
        right: Right answers. All equally likely; each is one action.
        wrong: Wrong answers. All equally likely, too.
        samples: Sampled answers, $G$. All to one prompt; their gradients are averaged.
        baseline: Subtracted baseline. *Mean reward* is the true mean; leave-one-out estimates it from the other answers.
    """
    p = pass_rate / 100

    def noise(name: str, group: int) -> float:
        square = variance(p, right, wrong, group, name) / signal(p, right, wrong)
        return max(square, 1e-4) ** 0.5  # a floor for the logarithmic axis

    rows = [
        [name, f"{noise(name, samples):.2f}", f"{needed(p, right, wrong, name):,}"]
        for name in NAMES
    ]
    groups = [2**i for i in range(1, 13)]
    return {
        "noise over gradient": f"{noise(baseline, samples):.2f}",
        "answers until they are equally long": f"{needed(p, right, wrong, baseline):,}",
        "best constant": f"{best_constant(p, right, wrong):.3f}",
        "groups with equal rewards": f"{p**samples + (1 - p) ** samples:.1%}",
        "table": [["baseline", f"noise at {samples}", "answers needed"], *rows],
        "lines": {
            "x": "answers", "y": "noise over gradient", "log": "xy",
            "series": {name: [(g, noise(name, g)) for g in groups] for name in NAMES},
            "points": {"yours": (samples, noise(baseline, samples))},
        },
    }  # fmt: skip
