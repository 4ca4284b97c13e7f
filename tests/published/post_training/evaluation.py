"""Evaluation."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def pass_at_k(inputs: Inputs, unit: str) -> float:
    """At least one of k trials, drawn from n with c successes."""
    from snippets.post_training.evaluation import attempts

    return attempts.pass_at_k(inputs["n"], inputs["c"], inputs["k"])


def pass_hat_k(inputs: Inputs, unit: str) -> float:
    """All of k trials."""
    from snippets.post_training.evaluation import attempts

    return attempts.pass_hat_k(inputs["trials"], inputs["successes"], inputs["k"])


def clustered_se(inputs: Inputs, unit: str) -> float:
    """Standard error of a mean over clusters."""
    import numpy as np

    from snippets.post_training.evaluation import errors

    return errors.clustered_error(np.array(inputs["scores"], float), np.array(inputs["clusters"]))


def ppi_mean(inputs: Inputs, unit: str) -> list[float]:
    """Estimate and 95% interval of a mean that predictions and a few labels give; `repeat` copies of each list."""
    import numpy as np

    from snippets.post_training.evaluation import errors, judges

    people, judge, rest = (
        np.tile(np.array(inputs[name], float), inputs["repeat"]) for name in ("labels", "predictions", "unlabeled")
    )
    weight = judges.best_weight(people, judge, rest) if inputs["tuned"] else inputs["weight"]
    estimate, error = judges.corrected(people, judge, rest, weight)
    return [estimate, estimate - errors.Z95 * error, estimate + errors.Z95 * error]


FAMILIES: dict[str, Adapter] = {
    "clustered-se": clustered_se,
    "pass-at-k": pass_at_k,
    "pass-hat-k": pass_hat_k,
    "ppi-mean": ppi_mean,
}
