"""Checkpointing and failures."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.checkpointing import interval


def young_daly(inputs: Inputs, unit: str) -> float:
    """Interval to first order."""
    return in_unit(interval.young(inputs["checkpoint_s"], inputs["mtbf_s"]), unit)


def mtbf_series(inputs: Inputs, unit: str) -> float:
    """A machine of several kinds of parts; their times are in hours."""
    hours = interval.mtbf_series(tuple(part) for part in inputs["components"])
    return in_unit(3600 * hours, unit)


def failure_rate(inputs: Inputs, unit: str) -> float:
    """Time between failures that were counted, or the same rate on another number of GPUs."""
    if "target_gpus" in inputs:
        seconds = interval.mtbf_scaled(3600 * inputs["hours_between"], inputs["gpus"], inputs["target_gpus"])
    else:
        seconds = interval.mtbf_observed(86_400 * inputs["days"], inputs["interruptions"])
    return in_unit(seconds, unit)


def failure_share(inputs: Inputs, unit: str) -> float:
    """One cause of all."""
    (count,) = (value for name, value in inputs.items() if name != "total")
    return in_unit(interval.share(count, inputs["total"]), unit)


FAMILIES: dict[str, Adapter] = {
    "young-daly": young_daly,
    "mtbf-series": mtbf_series,
    "failure-rate": failure_rate,
    "failure-share": failure_share,
}
