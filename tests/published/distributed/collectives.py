"""Collectives."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.collectives import cost


def ring_allreduce(inputs: Inputs, unit: str) -> float:
    """Time of one ring, or of `count` rings one after another."""
    size = inputs["bytes_each"] if "count" in inputs else inputs["bytes"]
    seconds = cost.ring_seconds(size, inputs["ranks"], inputs["alpha_s"], inputs["beta_bytes_per_s"])
    return in_unit(inputs.get("count", 1) * seconds, unit)


def named(collective: str) -> str:
    """Our spelling of a collective's name."""
    return "all_to_all" if collective == "alltoall" else collective


def nccl_factor(inputs: Inputs, unit: str) -> float:
    """Bus over algorithm bandwidth."""
    return cost.bus_factor(named(inputs["collective"]), inputs["ranks"])


def nccl_busbw(inputs: Inputs, unit: str) -> list[float]:
    """Algorithm and bus bandwidth of a line of nccl-tests."""
    found = cost.bandwidths(inputs["bytes"], inputs["time_us"] * 1e-6, inputs["ranks"], named(inputs["collective"]))
    return [in_unit(bandwidth, unit) for bandwidth in found]


FAMILIES: dict[str, Adapter] = {"ring-allreduce": ring_allreduce, "nccl-factor": nccl_factor, "nccl-busbw": nccl_busbw}
