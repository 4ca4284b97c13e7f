"""Evaluation: the metrics of Inspect on the same scores, and on a trial that never ran."""

from __future__ import annotations

from inspect_ai.scorer import SampleScore, Score, mean_score, pass_at, pass_k, stderr

from snippets.post_training.evaluation.agents import Trial
from snippets.post_training.evaluation.attempts import pass_at_k, pass_hat_k
from snippets.post_training.evaluation.errors import clustered_error, standard_error
from snippets.post_training.evaluation.passages import draw


# --8<-- [start:errors]
def inspect_errors(seed: int) -> tuple[float, float]:
    """Standard error of model A on the planted test: questions alone, then by passage."""
    a, _, passage = draw(seed)
    scores = [
        SampleScore(score=Score(value=float(s)), sample_metadata={"passage": int(p)})
        for s, p in zip(a, passage, strict=True)
    ]
    alone, clustered = stderr(), stderr(cluster="passage")
    return float(alone(scores)), float(clustered(scores))  # type: ignore[arg-type]


# --8<-- [end:errors]


# --8<-- [start:unscored]
def as_score(trial: Trial) -> Score:
    """A verdict, or none: `unscored` is left out of the mean of its task."""
    if trial.passed is None:
        return Score.unscored(explanation="container died")
    return Score(value=float(trial.passed))


# --8<-- [end:unscored]


def reduced(trials: list[Trial]) -> tuple[float, float, float]:
    """Mean, pass@2 and pass^2 of one task's trials, by Inspect's reducers."""
    scores = [as_score(trial) for trial in trials]
    mean, some, every = (
        reduce(scores).as_float() for reduce in (mean_score(), pass_at(2), pass_k(2))
    )
    return mean, some, every


TASK = [Trial(0, passed) for passed in (True, True, None, False, True, None, False, True)]


def example_agree() -> None:
    """Our functions beside Inspect's."""
    a, _, passage = draw(seed=0)
    ours = standard_error(a), clustered_error(a, passage)
    theirs = inspect_errors(seed=0)
    for name, one, other in zip(("alone", "by passage"), ours, theirs, strict=True):
        print(f"error, {name:11s} ours {100 * one:.3f}  inspect {100 * other:.3f}")
    mean, some, every = reduced(TASK)
    print(f"8 trials, 2 never ran: mean {mean:.3f}")
    print(f"pass@2             ours {pass_at_k(6, 4, 2):.3f}  inspect {some:.3f}")
    print(f"pass^2             ours {pass_hat_k(6, 4, 2):.3f}  inspect {every:.3f}")


if __name__ == "__main__":
    example_agree()
