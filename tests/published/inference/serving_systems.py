"""Serving systems."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.inference.serving_systems import sizing


def decode_step(inputs: Inputs, unit: str) -> list[float]:
    """Gigabytes that a decode step reads, and the milliseconds that it takes."""
    cache = inputs["batch"] * inputs["context"] * inputs["kv_bytes_per_token"]
    step = sizing.decode_step(inputs["params_bytes"], cache, inputs["chips"], inputs["hbm_bw"])
    return [in_unit(inputs["params_bytes"] + cache, "GB"), in_unit(step, "ms")]


def decode_throughput(inputs: Inputs, unit: str) -> list[float]:
    """Tokens per second of all chips and of one."""
    return list(sizing.decode_throughput(inputs["batch"], inputs["step_s"], inputs["chips"]))


def min_chips(inputs: Inputs, unit: str) -> list[float]:
    """Chips that the weights fill, one number for each precision."""
    return [sizing.least_chips(inputs["params"] * size, inputs["hbm"]) for size in inputs["bytes"]]


def qps_per_chip(inputs: Inputs, unit: str) -> float:
    """Answers per second and chip."""
    return sizing.queries_per_chip(inputs["batch"], inputs["step_s"], inputs["decode_len"], inputs["chips"])


def tensor_limit(inputs: Inputs, unit: str) -> float:
    """Degree of tensor parallelism at which links become the limit."""
    return sizing.tensor_limit(inputs["F"], inputs["axes"], inputs["alpha"])


FAMILIES: dict[str, Adapter] = {
    "decode-step": decode_step,
    "decode-throughput": decode_throughput,
    "min-chips": min_chips,
    "qps-per-chip": qps_per_chip,
    "tp-limit": tensor_limit,
}
