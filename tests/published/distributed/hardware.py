"""Accelerators and roofline."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.hardware import kernels, roofline
from snippets.shapes.accelerators import Accelerator


def ridge(inputs: Inputs, unit: str) -> float:
    """FLOPs per byte at which arithmetic becomes the limit, of the 16-bit or the 8-bit rate."""
    bf16, eight = inputs.get("peak_tflops", 0.0), inputs.get("peak_tops", 0.0)
    chip = Accelerator(bf16, eight, 0.0, inputs["hbm_tb_per_s"], 0.0)
    return in_unit(chip.ridge(16 if bf16 else 8), unit)


def peak_flops(inputs: Inputs, unit: str) -> float:
    """Peak of a chip from its clock and its matrix units."""
    peak = roofline.peak_flops(inputs["clock_mhz"] * 1e6, inputs["fma_per_unit_per_cycle"], inputs["units"])
    return in_unit(peak, unit)


def matmul_batch(inputs: Inputs, unit: str) -> float | list[float]:
    """Critical batch with 16-bit weights, and with 8-bit weights and 16-bit arithmetic; or all in 8 bits."""
    if "int8_ops" in inputs:
        return in_unit(kernels.critical_batch(inputs["int8_ops"], inputs["hbm_bw"], 1), unit)
    peak, bandwidth = inputs["bf16_flops"], inputs["hbm_bw"]
    return [in_unit(kernels.critical_batch(peak, bandwidth, width), unit) for width in (2, 1)]


def dot_intensity(inputs: Inputs, unit: str) -> float:
    """Intensity of a dot product so long that its length no longer matters."""
    flops, moved = kernels.dot(10**9)
    return in_unit(flops / moved, unit)


FAMILIES: dict[str, Adapter] = {
    "dot-intensity": dot_intensity,
    "matmul-batch": matmul_batch,
    "peak-flops": peak_flops,
    "ridge-bf16": ridge,
    "ridge-lowp": ridge,
}
