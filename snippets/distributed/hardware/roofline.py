"""Accelerators: what they can compute and read, and the roofline that follows."""

from __future__ import annotations

from snippets.shapes.accelerators import ACCELERATORS


# --8<-- [start:peak]
def peak_flops(clock_hz: float, fma_per_cycle: int, units: int) -> float:
    """FLOP/s of a chip whose matrix units each finish `fma_per_cycle` multiply-adds a cycle."""
    return clock_hz * 2 * fma_per_cycle * units


# --8<-- [end:peak]


# --8<-- [start:roofline]
def roofline(
    flops: float, moved: float, peak: float, bandwidth: float
) -> tuple[float, str]:
    """Least time of a kernel, in seconds, and what sets it.

    Args:
        flops: Operations of the kernel; a multiply-add is two.
        moved: Bytes that it reads from memory and writes back.
        peak: FLOP/s of the unit that does the work.
        bandwidth: Bytes/s of the memory.

    Source: Williams, Waterman and Patterson 2009.
    """
    compute, memory = flops / peak, moved / bandwidth
    return max(compute, memory), "compute" if compute >= memory else "memory"


# --8<-- [end:roofline]


def example_accelerators() -> None:
    """The datasheets in one table, and the intensity that each of them asks for."""
    print(
        f"{'':8s}{'bf16':>6s}{'8-bit':>7s}{'GB':>5s}{'TB/s':>6s}{'ridge':>7s}{'8-bit':>7s}{'link GB/s':>11s}"
    )
    for name, chip in ACCELERATORS.items():
        print(
            f"{name:8s}{chip.bf16_tflops:6.0f}{chip.eight_bit_tflops:7.0f}{chip.memory_gb:5.0f}"
            f"{chip.memory_tb_s:6.2f}{chip.ridge():7.0f}{chip.ridge(8):7.0f}{chip.link_gb_s:11.0f}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about chips."""
    h100, h200 = ACCELERATORS["H100"], ACCELERATORS["H200"]
    weights = 2 * 8_030_261_248  # Llama 3 8B in bf16
    step, _ = roofline(
        weights, weights, 1e12 * h100.bf16_tflops, 1e12 * h100.memory_tb_s
    )  # one token: 2 FLOPs per parameter, 2 bytes per parameter
    return {
        "ridge_h200": f"{h200.ridge():.0f}",
        "ridge_least": f"{min(c.ridge() for c in ACCELERATORS.values()):.0f}",
        "ridge_most": f"{max(c.ridge() for c in ACCELERATORS.values()):.0f}",
        "ridge_sparse": f"{2 * h100.ridge():.0f}",
        "peak_h100": f"{peak_flops(1.83e9, 512, 528) / 1e12:.0f}",
        "peak_h100_1980": f"{peak_flops(1.98e9, 512, 528) / 1e12:,.0f}",
        "step_8b": f"{step * 1e3:.1f} ms",
        "used_8b": f"{weights / step / (1e12 * h100.bf16_tflops):.2%}",
        "link_ridge": f"{h100.bf16_tflops * 1e3 / h100.link_gb_s:,.0f}",
        "network_ridge": f"{h100.bf16_tflops * 1e3 / 50:,.0f}",
    }


if __name__ == "__main__":
    example_accelerators()
