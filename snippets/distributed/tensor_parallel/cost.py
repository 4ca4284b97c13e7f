"""Tensor parallelism: how far it goes before links take longer than arithmetic."""

from __future__ import annotations

from snippets.distributed.collectives.cost import bus_factor, ring_seconds
from snippets.distributed.tensor_parallel.mixture import mixed_batch
from snippets.shapes.accelerators import ACCELERATORS

LLAMA = {"8B": (4096, 14_336, 8 / 32), "70B": (8192, 28_672, 8 / 64), "405B": (16_384, 53_248, 8 / 128)}  # fmt: skip


def intensity(flops: float, link: float) -> float:
    """FLOPs that a chip can do while its link moves one byte."""
    return flops / link


# --8<-- [start:limit]
def largest_degree(width: float, flops_per_byte: float) -> float:
    """Ranks at which communication takes as long as arithmetic, in the forward pass.

    Args:
        width: Of the MLP, if it has two matrices; otherwise `effective_width`.
        flops_per_byte: Of chip and link, one direction.
    """
    return 1 + width / flops_per_byte


def effective_width(
    hidden: int, inner: int, kv_share: float = 1.0, gated: bool = True, seq: int = 0
) -> float:
    """Width of the plain MLP that has as much arithmetic for each all-reduce as this layer.

    Args:
        hidden: Width of the model, h.
        inner: Width of the MLP, F.
        kv_share: Key-value heads over query heads.
        gated: Whether the MLP has three matrices.
        seq: Tokens of a sequence, for causal attention.
    """
    attention = 4 * hidden**2 * (1 + kv_share) + 2 * seq * hidden
    mlp = 2 * hidden * inner * (3 if gated else 2)
    return (attention + mlp) / (2 * 4 * hidden)  # FLOPs per token; two all-reduces


# --8<-- [end:limit]


def layer_seconds(
    tokens: int, hidden: int, width: float, ranks: int, flops: float, alpha: float, beta: float
) -> tuple[float, float]:  # fmt: skip
    """Arithmetic and communication of a layer's forward pass on one rank, in bf16.

    Args:
        tokens: Of the micro-batch.
        hidden: Width of the model.
        width: From `effective_width`.
        ranks: Degree of tensor parallelism.
        flops: FLOP/s that a chip does.
        alpha: Seconds to start a message.
        beta: Bytes/s of a link, one direction.
    """
    arithmetic = 8 * tokens * hidden * width / ranks / flops
    return arithmetic, 2 * ring_seconds(2 * tokens * hidden, ranks, alpha, beta)


def gather_seconds(size: float, link: float, ranks: int | None = None) -> float:
    """Seconds to gather `size` bytes in all; without `ranks`, the limit for many."""
    return (bus_factor("all_gather", ranks) if ranks else 1.0) * size / link


def checkpoint_bytes(tokens: float, widths: list[float], layers: int) -> float:
    """Bytes of the bf16 activations that are kept: some of given widths in each layer."""
    return 2 * tokens * sum(widths) * layers


def links() -> dict[str, float]:
    """FLOPs per byte of some links, one direction; the TPU's is one axis, both directions."""
    h100, b200, tpu = (
        ACCELERATORS[n].bf16_tflops * 1e12 for n in ("H100", "B200", "TPU v5p")
    )
    return {
        "H100, NVLink 450 GB/s": intensity(h100, 450e9),
        "H100, NVLink 150 GB/s": intensity(h100, 150e9),
        "H100, one NIC 50 GB/s": intensity(h100, 50e9),
        "B200, NVLink 900 GB/s": intensity(b200, 900e9),
        "TPU v5p, one axis": intensity(tpu, 180e9),
    }


def example_limits() -> None:
    """Ranks at which communication equals arithmetic: MLP with two matrices, whole layer."""
    print(f"{'':23s}{'FLOPs':>7s}" + "".join(f"{'Llama 3 ' + m:>16s}" for m in LLAMA))
    print(f"{'':23s}{'a byte':>7s}" + f"{'MLP':>8s}{'layer':>8s}" * len(LLAMA))
    for name, flops in links().items():
        cells = ""
        for hidden, inner, share in LLAMA.values():
            for width in (inner, effective_width(hidden, inner, share, seq=8192)):
                cells += f"{largest_degree(width, flops):8.1f}"
        print(f"{name:23s}{flops:7,.0f}{cells}")


def facts() -> dict[str, str]:
    """Numbers that the page states about cost."""
    hidden, inner, share = LLAMA["70B"]
    nvlink, slow, nic, _, tpu = links().values()
    width = effective_width(hidden, inner, share, seq=8192)
    long = effective_width(hidden, inner, share, seq=131_072)
    flops = ACCELERATORS["H100"].bf16_tflops * 1e12
    a, c = layer_seconds(8192, hidden, width, 8, flops, 0, 450e9)
    return {
        "flops_nvlink": f"{nvlink:,.0f}",
        "flops_nic": f"{nic:,.0f}",
        "limit_8b": f"{largest_degree(effective_width(*LLAMA['8B'], seq=8192), nvlink):.1f}",
        "limit_70b": f"{largest_degree(inner, nvlink):.1f}",
        "limit_70b_nic": f"{largest_degree(inner, nic):.1f}",
        "limit_70b_slow": f"{largest_degree(inner, slow):.1f}",
        "limit_tpu": f"{inner / tpu:.0f}",
        "width_70b": f"{width:,.0f}",
        "share_8": f"{c / a:.0%}",
        "share_8_long": f"{7 * nvlink / long:.0%}",
        "message_mb": f"{2 * 8192 * hidden / 1e6:.0f} MB",
        "share_8_step": f"{2 / 3 * c / a:.0%}",
        "lost_8": f"{1 - 1 / (1 + 2 / 3 * c / a):.0%}",
        "share_8_best": f"{c / a * 450 / 370:.0%}",
        "share_8_slow": f"{c / a * 450 / 150:.0%}",
        "lost_8_best": f"{1 - 1 / (1 + 2 / 3 * c / a * 450 / 370):.0%}",
        "lost_8_slow": f"{1 - 1 / (1 + 2 / 3 * c / a * 450 / 150):.0%}",
        "share_8_nic": f"{7 * nic / width:.1f}",
        "mixed": f"{mixed_batch(tpu, inner):.0f}",
        "checkpoints_3": f"{checkpoint_bytes(4e6, [8192] * 3, 80) / 1e12:.1f} TB",
        "checkpoints_4": f"{checkpoint_bytes(4e6, [8192] * 4, 80) / 1e12:.1f} TB",
        "chips_3": f"{(checkpoint_bytes(4e6, [8192] * 3, 80) + 10 * 70e9) / 96e9:.0f}",
    }


if __name__ == "__main__":
    example_limits()
