"""Pipeline parallelism."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.pipeline_parallel import cost


def pipeline(inputs: Inputs, unit: str) -> list[float]:
    """Length of a step in milliseconds, and the share of it that is work in percent."""
    p, m = inputs["stages"], inputs["microbatches"]
    step = cost.step_seconds(p, m, inputs["fwd_ms"], inputs["bwd_ms"])
    return [step, 100 / (1 + cost.bubble(p, m))]


def pipeline_bubble(inputs: Inputs, unit: str) -> float:
    """Idle over working time."""
    return in_unit(cost.bubble(inputs["stages"], inputs["microbatches"], inputs["chunks"]), unit)


FAMILIES: dict[str, Adapter] = {"pipeline": pipeline, "pipeline-bubble": pipeline_bubble}
