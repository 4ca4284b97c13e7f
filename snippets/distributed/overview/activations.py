"""Training planner: activations that a rank holds between forward and backward pass."""

from __future__ import annotations

from snippets.distributed.memory.activations import activation_bytes
from snippets.distributed.overview.layout import Layout
from snippets.shapes.models import Shape

KEEP = {"nothing": "all", "elementwise": "selective", "layers": "input"}


def kept_numbers(m: Shape, layer: int, recompute: str) -> tuple[float, float]:
    """Numbers that a layer with fused attention keeps for a token: outside experts, and inside.

    "nothing" recomputed: the input of each operation. "elementwise": not the outputs of norms
    and of the activation function, which are cheap to compute again.
    """
    if m.latent:
        attention = m.query_latent + m.latent + m.rope + m.heads * m.value_dim
        if recompute == "nothing":  # queries, keys and values rebuilt from their latents
            attention += m.heads * (2 * (m.head_dim + m.rope) + m.value_dim)
    else:
        attention = 2 * m.heads * m.head_dim + 2 * m.kv_heads * m.head_dim
    norms = 1 if m.parallel else 2
    residual = norms * m.hidden * (2 if recompute == "nothing" else 1)
    copies = 4 if recompute == "nothing" else 2  # gate, up; its activation, the product
    if m.experts and layer >= m.dense_layers:
        shared = copies * m.shared * m.expert_width
        routed = m.active * (m.hidden + copies * m.expert_width)
        return residual + attention + shared, routed
    return residual + attention + copies * m.width, 0


def layer_bytes(m: Shape, layout: Layout, layer: int, recompute: str) -> float:
    """Bytes of activations that one layer keeps for one micro-batch, on each accelerator."""
    if recompute == "layers":
        return 2 * layout.tokens * m.hidden / layout.tp
    if not m.gated:  # GPT with dropout: korthikanti2022reducing
        keep = "selective" if layout.fused else KEEP[recompute]
        return activation_bytes(
            layout.sequence // layout.cp,
            layout.micro,
            m.hidden,
            m.heads,
            layout.tp,
            True,
            keep,
        )
    plain, routed = kept_numbers(m, layer, recompute)
    squares = 0.0
    if recompute == "nothing" and not layout.fused:
        squares = 2 * m.heads * layout.sequence  # scores and softmax
    width = 1 if layout.precision == "fp8" else 2  # inputs of experts' products
    return layout.tokens * (2 * (plain + squares) + width * routed) / layout.tp


# --8<-- [start:in_flight]
def in_flight(layout: Layout, rank: int) -> float:
    """Micro-batches whose activations a rank holds at once, in units of all its layers."""
    p, v, m = layout.pp, layout.virtual, layout.micros
    if layout.schedule == "DualPipe":
        return min(m, p + 1) / 2  # of each of its two halves
    if v == 1:
        return min(m, p - rank)
    return min(m * v, (v - 1) * p + 2 * (p - 1 - rank) + 1) / v


# --8<-- [end:in_flight]
