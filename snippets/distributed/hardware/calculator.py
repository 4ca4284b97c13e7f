"""Accelerators: the roofline calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.hardware.roofline import roofline
from snippets.shapes.accelerators import ACCELERATORS

Chip = Literal["A100", "H100", "H200", "B200", "MI300X", "TPU v5e", "TPU v5p"]


def kernel_roofline(
    accelerator: Chip = "H100",
    precision: Literal["bf16", "8-bit"] = "bf16",
    work: Annotated[float, "GFLOP", (0.000001, 1e9)] = 7.516,
    traffic: Annotated[float, "MB", (0.000001, 1e9)] = 119.8,
    measured: Annotated[float, "µs", (0.0, 1e12)] = 0.0,
) -> dict[str, object]:
    """What limits a kernel, how long must it take, and how far from that is yours?

    Args:
        accelerator: Kind of accelerator. By its datasheet, without sparsity.
        precision: Precision of the arithmetic. It selects the chip's 16-bit or 8-bit rate.
        work: Operations of the kernel. A multiply-add is two; a matmul has $2mkn$.
        traffic: Memory read and written. Inputs and outputs, each once.
        measured: Measured time. To compare; 0 for none.
    """
    chip = ACCELERATORS[accelerator]
    tflops = chip.bf16_tflops if precision == "bf16" else chip.eight_bit_tflops
    least, limit = roofline(
        work * 1e9, traffic * 1e6, tflops * 1e12, chip.memory_tb_s * 1e12
    )
    ridge = tflops / chip.memory_tb_s
    intensity = work * 1e3 / traffic
    spent = measured * 1e-6 if measured else least
    if spent < least:
        raise ValueError(
            f"{measured:g} µs is less than the {least * 1e6:,.1f} µs that this work or this traffic takes; "
            "one of the three numbers is wrong, or the data was still in a cache."
        )
    reached = work * 1e9 / spent / 1e12
    x = [2.0**i for i in range(-3, 15)]
    roof = sorted({*x, ridge})
    return {
        "the limit": f"{limit}: at least {least * 1e6:,.1f} µs",
        "intensity of the kernel": f"{intensity:,.1f} FLOP/byte",
        "ridge of the chip": f"{ridge:,.0f} FLOP/byte",
        "peak that this kernel can use": f"{min(1.0, intensity / ridge):.1%}",
        "share of the roof that yours reaches": f"{least / spent:.0%}" if measured else "no time given",
        "lines": {
            "x": "FLOP/byte", "y": "TFLOP/s", "log": "xy",
            "series": {accelerator: [(i, min(tflops, i * chip.memory_tb_s)) for i in roof]},
            "points": {"yours" if measured else "at best": (intensity, reached)},
        },
    }  # fmt: skip
