"""Cost and capacity."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.inference.cost_and_capacity import speedup


def amdahl(inputs: Inputs, unit: str) -> float:
    """Speedup of the whole."""
    return in_unit(speedup.amdahl(inputs["fraction"], inputs["speedup"]), unit)


def flops_per_dollar(inputs: Inputs, unit: str) -> list[float]:
    """Peak rate that a dollar an hour buys, chip by chip."""
    pairs = zip(inputs["flops"], inputs["usd_per_hour"])
    return [in_unit(speedup.flops_per_dollar(*pair), unit) for pair in pairs]


def decode_full_hbm(inputs: Inputs, unit: str) -> float:
    """Step that reads the whole memory."""
    return in_unit(speedup.full_memory_seconds(inputs["bytes"], inputs["bw"]), unit)


FAMILIES: dict[str, Adapter] = {
    "amdahl": amdahl,
    "flops-per-dollar": flops_per_dollar,
    "decode-full-hbm": decode_full_hbm,
}
