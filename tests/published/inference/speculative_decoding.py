"""Speculative decoding."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.inference.speculative_decoding import speed


def spec_tokens(inputs: Inputs, unit: str) -> float:
    """Mean tokens of one run of the target."""
    return speed.expected_tokens(inputs["alpha"], inputs["gamma"])


def spec_speedup(inputs: Inputs, unit: str) -> float:
    """Speed-up with drafts of `gamma` tokens, which may be infinite if they cost nothing."""
    gain = speed.speedup(inputs["alpha"], float(inputs["gamma"]), inputs["c"])
    return in_unit(gain, unit)


FAMILIES: dict[str, Adapter] = {"spec-bigram": spec_speedup, "spec-speedup": spec_speedup, "spec-tokens": spec_tokens}
