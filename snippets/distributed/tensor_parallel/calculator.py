"""Tensor parallelism: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.memory.activations import activation_bytes
from snippets.distributed.tensor_parallel.cost import (
    effective_width,
    intensity,
    largest_degree,
    layer_seconds,
)
from snippets.shapes.accelerators import ACCELERATORS


def tensor_parallel(
    degree: Annotated[int, "GPUs", (1, 256)] = 8,
    accelerator: Literal["A100", "H100", "B200", "MI300X", "TPU v5p"] = "H100",
    link: Annotated[float, "GB/s, one direction", (0.1, 10_000.0)] = 450.0,
    hidden: Annotated[int, "", (16, 200_000)] = 8192,
    inner: Annotated[int, "", (16, 1_000_000)] = 28_672,
    sequence: Annotated[int, "tokens", (1, 1_000_000)] = 8192,
    *,
    batch: Annotated[int, "sequences", (1, 4096)] = 1,
    heads: Annotated[int, "", (1, 1024)] = 64,
    kv_heads: Annotated[int, "", (1, 1024)] = 8,
    gated: bool = True,
    start: Annotated[float, "µs", (0.0, 1000.0)] = 0.0,
    peak: Annotated[float, "% of the peak", (1.0, 100.0)] = 100.0,
) -> dict[str, object]:
    """Arithmetic and communication of one layer, forward and backward.

    Args:
        degree: Degree of tensor parallelism, $n$. GPUs that share a layer.
        accelerator: Kind of accelerator. Its datasheet's rate in bf16.
        link: Bandwidth of a GPU's link, $\\beta$. 450 for an H100 within a node, 50 for its
            NIC.
        hidden: Width of the model, $h$.
        inner: Width of the MLP, $h_\\text{ff}$.
        sequence: Length of a sequence, $S$.
        batch: Size of a micro-batch, $B$.
        heads: Query heads, $H$.
        kv_heads: Key/value heads, $K$. Fewer than the degree: each is held by several GPUs.
        gated: Gated MLP. Three matrices, as in Llama; otherwise two, as in GPT.
        start: Start of a message, $\\alpha$.
        peak: Speed of matrix products.
    """
    if heads % degree:
        raise ValueError(f"{heads} heads cannot be shared evenly by {degree} GPUs.")
    if kv_heads > heads or heads % kv_heads:
        raise ValueError(
            f"{heads} query heads cannot share {kv_heads} key-value heads evenly."
        )
    if max(kv_heads, degree) % min(kv_heads, degree):
        raise ValueError(
            f"{kv_heads} key-value heads can be neither split nor repeated over {degree} GPUs."
        )
    flops = ACCELERATORS[accelerator].bf16_tflops * 1e12 * peak / 100
    limit = largest_degree(
        effective_width(hidden, inner, kv_heads / heads, gated, sequence),
        intensity(flops, link * 1e9),
    )
    tokens = sequence * batch

    def seconds(ranks: int) -> tuple[float, float]:
        copies = max(kv_heads, ranks) / heads
        wide = effective_width(hidden, inner, copies, gated, sequence)
        return layer_seconds(tokens, hidden, wide, ranks, flops, start * 1e-6, link * 1e9)

    arithmetic, communication = seconds(degree)
    degrees = sorted({2**i for i in range(9) if heads % 2**i == 0} | {degree})
    plain, split = (
        activation_bytes(sequence, batch, hidden, heads, degree, s, "selective")
        for s in (False, True)
    )
    held = max(kv_heads, degree) / degree
    one = communication / 2  # an all-reduce, or the two halves of one
    both, alone = (
        effective_width(hidden, f, max(kv_heads, degree) / heads, gated, sequence)
        for f in (inner, 0)
    )
    attention = arithmetic * alone / both
    spans, links, now = [], [], 0.0
    for part, length in (
        ("A", attention), ("M", arithmetic - attention),
        ("M'", 2 * (arithmetic - attention)), ("A'", 2 * attention),
    ):  # fmt: skip
        spans.append((round(1e3 * now, 6), round(1e3 * (now + length), 6), part))
        now += length
        links.append((round(1e3 * now, 6), round(1e3 * (now + one), 6), "R"))
        now += one
    return {
        "communication over arithmetic, forward": f"{communication / arithmetic:.0%}",
        "arithmetic of a layer": f"{arithmetic * 1e3:,.3f} ms",
        "communication of a layer": f"{communication * 1e3:,.3f} ms",
        "both are equal, by bytes alone, at": f"{limit:.1f} GPUs",
        "busy in a training step, if nothing overlaps": f"{3 * arithmetic / (3 * arithmetic + 2 * communication):.0%}",
        "key-value heads on a GPU": f"{held:g} of {kv_heads}",
        "a GPT layer's activations": f"{plain / 1e6:,.0f} MB, with the sequence split {split / 1e6:,.0f} MB",
        "timeline": {
            "unit": "ms",
            "lanes": {"arithmetic": spans, "link": links if degree > 1 else []},
            "names": {"A": "attention", "M": "MLP", "R": "reduce"},
        },
        "lines": {
            "x": "GPUs", "y": "ms", "log": "xy",
            "series": {
                "arithmetic": [(n, round(seconds(n)[0] * 1e3, 6)) for n in degrees],
                "communication": [(n, round(seconds(n)[1] * 1e3, 6)) for n in degrees if n > 1],
            },
        },
    }  # fmt: skip
