"""Evaluation: one success in k tries, and k successes in k tries."""

from __future__ import annotations

from math import comb

TRIALS = 8
AGENTS = {  # chance of a success, and the share of tasks that have it
    "steady": {0.95: 0.55 / 0.9, 0.05: 0.35 / 0.9},  # knows some tasks, not the others
    "erratic": {0.6: 1.0},  # the same luck on each
}

GPT_4O = {0.61: 1.0}  # its success rate on τ-bench's retail tasks, as if they were alike


# Sources: Chen et al. 2021; Yao et al. 2024.
# --8<-- [start:estimate]
def pass_at_k(trials: int, successes: int, k: int) -> float:
    """Chance that k of the trials, drawn at random, hold a success."""
    return 1 - comb(trials - successes, k) / comb(trials, k)


def pass_hat_k(trials: int, successes: int, k: int) -> float:
    """Chance that k of the trials, drawn at random, are all successes."""
    return comb(successes, k) / comb(trials, k)


# --8<-- [end:estimate]


def any_of(k: int, agent: dict[float, float]) -> float:
    """What pass@k estimates: at least one success in k new tries, over all tasks."""
    return sum(share * (1 - (1 - chance) ** k) for chance, share in agent.items())


def all_of(k: int, agent: dict[float, float]) -> float:
    """What pass^k estimates: k successes in k new tries, over all tasks."""
    return sum(share * chance**k for chance, share in agent.items())


def plug_in(trials: int, successes: int, k: int) -> float:
    """The tempting shortcut: the success rate, put into the formula of pass@k."""
    return 1 - (1 - successes / trials) ** k


def expected(estimate: object, chance: float, k: int, trials: int = TRIALS) -> float:
    """Mean of an estimate over each number of successes that `trials` tries can have."""
    assert callable(estimate)
    return sum(
        comb(trials, c) * chance**c * (1 - chance) ** (trials - c) * estimate(trials, c, k)
        for c in range(trials + 1)
    )


def example_bias() -> None:
    """A task solved once in ten tries: estimates of pass@4 and pass@8 from 8 trials, on average."""
    print("k   truth  estimator  plug-in")
    for k in (1, 4, 8):
        truth = any_of(k, {0.1: 1.0})
        right, shortcut = (expected(way, 0.1, k) for way in (pass_at_k, plug_in))
        print(f"{k}{truth:8.1%}{right:11.1%}{shortcut:9.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about repeated tries."""
    return {
        "hat_steady": f"{all_of(8, AGENTS['steady']):.1%}",
        "hat_erratic": f"{all_of(8, AGENTS['erratic']):.1%}",
        "hat_alike": f"{all_of(8, GPT_4O):.1%}",
        "six_of_eight": f"{pass_hat_k(8, 6, 2):.1%}",
    }


if __name__ == "__main__":
    example_bias()
