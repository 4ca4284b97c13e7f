"""Context parallelism by all-to-all (Ulysses): give away tokens, take heads, and back."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.context_and_expert_parallel.cost import ring_bytes, ulysses_bytes
from snippets.distributed.context_and_expert_parallel.exchange import exchange
from snippets.distributed.context_and_expert_parallel.run import (
    HEADS,
    TOKENS,
    WIDTH,
    furthest,
    inputs,
    whole,
)
from snippets.distributed.context_and_expert_parallel.traffic import Traffic, below


# --8<-- [start:ulysses]
def swap(x: Tensor, cut: int, join: int) -> Tensor:
    """Cut one dimension into a part for each rank; join what arrives along another."""
    parts = torch.stack(x.chunk(RANKS, cut))
    ones = [1] * RANKS
    return torch.cat(exchange(parts, ones, ones).unbind(), join)


def ulysses(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of [B, H, S/n, D] blocks in order: any kernel, on all tokens of H/n heads."""
    q, k, v = (swap(t, 1, 2) for t in (q, k, v))  # [B, H/n, S, D]
    out = scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    return swap(out, 2, 1)


# --8<-- [end:ulysses]


def compare(rank: int, folder: Path) -> None:
    """Output and gradients against attention on one device, and bytes sent."""
    tensors = inputs()
    reference, _ = whole(tensors)
    parts = [t.chunk(RANKS, 2)[rank] for t in tensors]
    q, k, v = (t.clone().requires_grad_() for t in parts[:3])
    with Traffic() as forward:
        out = ulysses(q, k, v)
    with Traffic() as backward:
        grads = torch.autograd.grad(out, (q, k, v), parts[3])
    apart = furthest([out, *grads], [t.chunk(RANKS, 2)[rank] for t in reference])
    torch.save((apart, forward.sent, backward.sent), folder / f"{rank}.pt")


def example_ulysses() -> None:
    """The same numbers as the ring had."""
    folder = launch(compare)
    ranks = [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]
    worst = [max(apart[i] for apart, _, _ in ranks) for i in range(4)]
    print(f"output, dq, dk, dv from SDPA: {below(max(worst))}")
    formula = ulysses_bytes(TOKENS, RANKS, HEADS, HEADS, WIDTH, 4)
    ring = ring_bytes(TOKENS, RANKS, HEADS, WIDTH, 4)
    print(f"{'KiB sent':12s}{'counted':>9s}{'formula':>9s}{'the ring':>10s}")
    for i, name in enumerate(("forward", "backward")):
        print(f"{name:12s}{ranks[0][1 + i] / 1024:9.0f}{formula[i] / 1024:9.0f}{ring[i] / 1024:10.0f}")  # fmt: skip


if __name__ == "__main__":
    example_ulysses()
