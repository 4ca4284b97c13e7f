"""Quantization."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.inference.quantization import blocks, formats


def block_bits(inputs: Inputs, unit: str) -> float:
    """Bits per weight of a format whose blocks share a scale and perhaps a zero point."""
    scale = inputs["scale_bits"] + inputs.get("zero_bits", 0)
    return blocks.bits_per_weight(inputs["weight_bits"], scale, inputs["block"])


def ggml_bits(inputs: Inputs, unit: str) -> float:
    """Bits per weight of a block of so many bytes."""
    return blocks.bits_per_weight(0, 8 * inputs["block_bytes"], inputs["block_weights"])


def gguf_size(inputs: Inputs, unit: str) -> float:
    """Size of a file of so many parameters at an average of so many bits."""
    return in_unit(blocks.weight_bytes([(inputs["params"], inputs["bits_per_weight"])]), unit)


def mixed_checkpoint(inputs: Inputs, unit: str) -> float:
    """Size of a checkpoint whose experts have few bits and whose other weights have many."""
    other = inputs["total_params"] - inputs["moe_params"]
    parts = [(inputs["moe_params"], inputs["moe_bits"]), (other, 8 * inputs["other_bytes"])]
    return in_unit(blocks.weight_bytes(parts), unit)


def float_format(inputs: Inputs) -> formats.Format:
    """E4M3 and E5M2 are the ones with codes that are no numbers."""
    bits = inputs["exponent_bits"], inputs["mantissa_bits"]
    return formats.Format(*bits, {(5, 2): "ieee", (4, 3): "nan"}.get(bits, "none"))


def float_max(inputs: Inputs, unit: str) -> float:
    """Largest finite value."""
    f = float_format(inputs)
    return in_unit(formats.decode(f.largest_code, f), unit)


def float_values(inputs: Inputs, unit: str) -> list[float]:
    """All values that are not negative."""
    f = float_format(inputs)
    return [in_unit(formats.decode(code, f), unit) for code in range(f.largest_code + 1)]


FAMILIES: dict[str, Adapter] = {
    "block-bpw": block_bits,
    "fp-max": float_max,
    "fp4-values": float_values,
    "ggml-bpw": ggml_bits,
    "gguf-size": gguf_size,
    "mxfp4-checkpoint": mixed_checkpoint,
}
