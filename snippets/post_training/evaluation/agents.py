"""Evaluation: trials of an agent that the machinery ends, and trials that inherit a world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

TASKS, TRIALS = 200, 8
SHORT, LONG = 0.9, 0.3  # chance to solve a short task, and a long one
KILLED = {"short": 0.01, "long": 0.30}  # share of trials whose container dies
SEEDS = 50


@dataclass(frozen=True)
class Trial:
    """One try at one task; `passed` is None if the machinery failed."""

    task: int
    passed: bool | None


def run(seed: int, killed: Mapping[str, float] = KILLED) -> list[Trial]:
    """Trials of one agent; of five tasks two are long."""
    rng = np.random.default_rng(seed)
    trials = []
    for task in range(TASKS):
        is_long = task % 5 < 2
        for _ in range(TRIALS):
            solved = bool(rng.random() < (LONG if is_long else SHORT))
            dead = rng.random() < killed["long" if is_long else "short"]
            trials.append(Trial(task, None if dead else solved))
    return trials


# --8<-- [start:score]
def counted_wrong(trials: list[Trial]) -> float:
    """A dead container is a failure of the agent."""
    return sum(t.passed is True for t in trials) / len(trials)


def dropped(trials: list[Trial]) -> float:
    """A dead container never ran."""
    return counted_wrong([t for t in trials if t.passed is not None])


def by_task(trials: list[Trial]) -> float:
    """Dropped within its task; then each task counts the same."""
    tasks: dict[int, list[Trial]] = {}
    for trial in trials:
        if trial.passed is not None:
            tasks.setdefault(trial.task, []).append(trial)
    return sum(dropped(kept) for kept in tasks.values()) / len(tasks)


# --8<-- [end:score]


WAYS = {"counted as wrong": counted_wrong, "dropped": dropped, "by task": by_task}


def truth() -> float:
    """Success rate if no container died: two tasks of five are long."""
    return (2 * LONG + 3 * SHORT) / 5


@cache
def found(way: str) -> list[float]:
    """The score of each seed."""
    return [WAYS[way](run(seed)) for seed in range(SEEDS)]


def bias(way: str) -> float:
    """Mean distance of the scores from the truth, in percentage points."""
    return 100 * float(np.mean(found(way)) - truth())


def spread(way: str) -> float:
    """Standard deviation of the scores, in percentage points."""
    return 100 * float(np.std(found(way)))


def example_dead() -> None:
    """One agent, three ways to count the trials whose container died."""
    for way in WAYS:
        score = found(way)[0]
        print(f"{way:17s}{score:6.1%}  bias {bias(way):+5.1f}  spread {spread(way):.1f}")


# --8<-- [start:world]
def attempts(
    chance: float, trials: int, reset: bool, rng: np.random.Generator
) -> list[bool]:
    """Tries at one task; the check looks for the file that a solution leaves."""
    world: set[str] = set()
    results = []
    for _ in range(trials):
        if reset:
            world = set()
        if rng.random() < chance:
            world.add("fixed.py")
        results.append("fixed.py" in world)
    return results


# --8<-- [end:world]


def rates(reset: bool, chance: float = 0.5, trials: int = 4) -> tuple[float, float]:
    """Success rate, and share of tasks solved in each of four trials."""
    rng = np.random.default_rng(0)
    runs = [attempts(chance, trials, reset, rng) for _ in range(4_000)]
    return float(np.mean(runs)), float(np.mean(np.all(runs, axis=1)))


def example_reset() -> None:
    """An agent that solves half of the trials, with and without a new world for each."""
    print("world        pass rate  pass^4")
    for name, reset in {"new": True, "inherited": False}.items():
        mean, every = rates(reset)
        print(f"{name:13s}{mean:9.1%}{every:8.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about agents."""
    return {
        "true_rate": f"{truth():.0%}",
        "bias_wrong": f"{-bias('counted as wrong'):.1f} points",
        "bias_dropped": f"{bias('dropped'):.1f} points",
    }


if __name__ == "__main__":
    example_dead()
    example_reset()
