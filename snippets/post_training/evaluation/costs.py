"""Evaluation: dollars and minutes of two agents, compared as their scores are."""

from __future__ import annotations

import numpy as np

from snippets.post_training.evaluation.errors import paired_error
from snippets.post_training.evaluation.passages import Scores

TASKS = 300
CHANCE = 0.6  # to solve a task in one try, on average; it differs by task
TRIES = 3  # of the second agent, which stops when its own check is content
CATCHES = 0.8  # of its failures that the check sees
DOLLARS, MINUTES = 0.20, 4.0  # of a try, typically; some take many times as much


def outcomes(tries: int, seed: int = 0) -> dict[str, Scores]:
    """Solved or not, dollars and minutes on each task, of an agent with so many tries."""
    tasks = np.random.default_rng(seed)
    chance, length = tasks.beta(3, 2, TASKS), tasks.lognormal(0, 1, TASKS)
    rng = np.random.default_rng([seed, tries])
    solved, spent = np.zeros(TASKS), np.zeros(TASKS)
    open_ = np.ones(TASKS, dtype=bool)  # tasks that the agent still works on
    for _ in range(tries):
        spent += open_ * length * rng.lognormal(0, 0.5, TASKS)
        solved = np.where(open_, rng.random(TASKS) < chance, solved)
        open_ &= (solved == 0) & (rng.random(TASKS) < CATCHES)
    return {"solved": solved, "dollars": DOLLARS * spent, "minutes": MINUTES * spent}


def compare(outcome: str) -> tuple[float, float, float, float]:
    """Mean of one try, mean of three, the difference, and its paired error."""
    one, other = outcomes(1)[outcome], outcomes(TRIES)[outcome]
    means = float(one.mean()), float(other.mean())
    return *means, means[1] - means[0], paired_error(one, other)


def per_solved(tries: int) -> float:
    """Dollars for each task that is solved."""
    found = outcomes(tries)
    return float(found["dollars"].sum() / found["solved"].sum())


def example_costs() -> None:
    """An agent with one try beside one with three."""
    print("         one try  three  more  error")
    for outcome in ("solved", "dollars", "minutes"):
        one, three, more, error = compare(outcome)
        print(f"{outcome:8s}{one:8.2f}{three:7.2f}{more:6.2f}{error:7.3f}")
    print(f"$/solved{per_solved(1):8.2f}{per_solved(TRIES):7.2f}")


if __name__ == "__main__":
    example_costs()
