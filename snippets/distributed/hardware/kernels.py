"""Accelerators: the intensity of the kernels of a transformer, from their shapes alone."""

from __future__ import annotations

from snippets.distributed.hardware.roofline import roofline
from snippets.shapes.accelerators import ACCELERATORS


# --8<-- [start:matmul]
def matmul(m: int, k: int, n: int, width: float = 2) -> tuple[float, float]:
    """FLOPs and bytes of [m, k] @ [k, n], each matrix moved once, `width` bytes a number."""
    return 2 * m * k * n, width * (m * k + k * n + m * n)


# --8<-- [end:matmul]


# --8<-- [start:others]
def elementwise(
    numbers: int, inputs: int = 1, flops_each: float = 1
) -> tuple[float, float]:
    """An operation on each of `numbers` bf16 values: read the inputs, write one output."""
    return flops_each * numbers, 2 * numbers * (inputs + 1)


def dot(n: int) -> tuple[float, float]:
    """Dot product of two bf16 vectors."""
    return 2 * n - 1, 2 * (n + n + 1)


def attention(
    queries: int, keys: int, heads: int, kv_heads: int, width: int
) -> tuple[float, float]:
    """Attention without its intermediate matrix in memory, as fused kernels do it, bf16."""
    flops = (
        2 * 2 * queries * keys * heads * width
    )  # scores, then the weighted sum of values
    moved = 2 * width * (2 * queries * heads + 2 * keys * kv_heads)  # Q and output, K and V
    return flops, moved


# --8<-- [end:others]


# --8<-- [start:critical]
def critical_batch(peak: float, bandwidth: float, weight_width: float = 2) -> float:
    """Tokens in a batch at which a large matmul stops being limited by reading its weights.

    A weight of `weight_width` bytes is read once and used for 2 FLOPs per token.
    """
    return peak / bandwidth * weight_width / 2


# --8<-- [end:critical]


def kernels() -> dict[str, tuple[float, float]]:
    """Kernels of Llama 3 8B (D = 4096, F = 14336, 32 query and 8 key/value heads of 128)."""
    return {
        "dot product, 1M numbers": dot(2**20),
        "residual add, 4,096 tokens": elementwise(4096 * 4096, inputs=2),
        "MLP matmul, 1 token": matmul(1, 4096, 14336),
        "MLP matmul, 64 tokens": matmul(64, 4096, 14336),
        "MLP matmul, 512 tokens": matmul(512, 4096, 14336),
        "MLP matmul, 8,192 tokens": matmul(8192, 4096, 14336),
        "attention, decode at 8,192": attention(1, 8192, 32, 8, 128),
        "attention, prefill of 8,192": attention(8192, 8192, 32, 8, 128),
    }


def example_kernels() -> None:
    """Where each kernel of a transformer stands under the roof of an H100."""
    chip = ACCELERATORS["H100"]
    print(
        f"{'H100, bf16':29s}{'FLOP/byte':>10s}{'least time':>13s}  {'limit':8s}{'of peak':>8s}"
    )
    for name, (flops, moved) in kernels().items():
        seconds, limit = roofline(
            flops, moved, chip.bf16_tflops * 1e12, chip.memory_tb_s * 1e12
        )
        share = flops / seconds / (chip.bf16_tflops * 1e12)
        print(
            f"{name:29s}{flops / moved:10.1f}{seconds * 1e6:10.1f} us  {limit:8s}{share:8.1%}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about kernels."""
    chip = ACCELERATORS["H100"]
    peak, bandwidth = chip.bf16_tflops * 1e12, chip.memory_tb_s * 1e12
    intensity = {name: flops / moved for name, (flops, moved) in kernels().items()}
    m = next(
        m
        for m in range(1, 4096)
        if roofline(*matmul(m, 4096, 14336), peak, bandwidth)[1] == "compute"
    )
    return {
        "dot": f"{intensity['dot product, 1M numbers']:.1f}",
        "decode": f"{intensity['attention, decode at 8,192']:.0f}",
        "prefill": f"{intensity['attention, prefill of 8,192']:,.0f}",
        "critical": f"{critical_batch(peak, bandwidth):.0f}",
        "critical_int8": f"{critical_batch(peak, bandwidth, 1):.0f}",
        "critical_exact": f"{m}",
    }


if __name__ == "__main__":
    example_kernels()
