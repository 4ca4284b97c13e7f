"""Evaluation: the log of a nightly evaluation, before and after a change of the cluster."""

from __future__ import annotations

from snippets.post_training.evaluation.agents import (
    KILLED,
    Trial,
    counted_wrong,
    run,
)

CROWDED = {"short": 0.02, "long": 0.55}  # share of dead containers, four to a machine
NIGHTS = {"Mon": 8, "Tue": 8, "Wed": 8, "Thu": 32, "Fri": 32}  # containers at a time


def night(day: str) -> list[Trial]:
    """The trials of one night; the agent is the same in all."""
    return run(list(NIGHTS).index(day), KILLED if NIGHTS[day] == 8 else CROWDED)


def passed(trials: list[Trial], is_long: bool) -> float:
    """Share of the short or of the long tasks' trials that passed, of those with a verdict."""
    kept = [t for t in trials if t.passed is not None and (t.task % 5 < 2) == is_long]
    return sum(t.passed is True for t in kept) / len(kept)


def example_nights() -> None:
    """What the dashboard and the log say of five nights."""
    print("night  at once  score  no verdict  short passed  long passed")
    for day, count in NIGHTS.items():
        trials = night(day)
        dead = sum(t.passed is None for t in trials)
        print(
            f"{day:5s}{count:9d}{counted_wrong(trials):7.1%}{dead:12d}"
            f"{passed(trials, False):14.1%}{passed(trials, True):13.1%}"
        )


if __name__ == "__main__":
    example_nights()
