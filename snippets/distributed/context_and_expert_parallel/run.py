"""Context parallelism for real: our ring and PyTorch's own, against attention on one device."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.context_and_expert_parallel.engine import engine
from snippets.distributed.context_and_expert_parallel.placement import positions
from snippets.distributed.context_and_expert_parallel.ring import Visible, ring_attention
from snippets.distributed.context_and_expert_parallel.traffic import (
    Traffic,
    below,
    cost,
    kept,
)

TOKENS, HEADS, WIDTH = 256, 4, 16


def inputs(kv_heads: int = HEADS, tokens: int = TOKENS) -> list[Tensor]:
    """Queries, keys, values and a gradient from above, [1, H, S, D], the same on all ranks."""
    torch.manual_seed(0)
    heads = (HEADS, kv_heads, kv_heads, HEADS)
    return [torch.randn(1, h, tokens, WIDTH) for h in heads]


def visible_from(held: list[Tensor], documents: Tensor | None = None) -> Visible:
    """The causal mask between blocks, by the tokens' places in the whole sequence."""

    def visible(source: int) -> Tensor:
        q, k = held[dist.get_rank()][:, None], held[source][None, :]
        mask = k <= q
        return mask if documents is None else mask & (documents[q] == documents[k])

    return visible


def whole(tensors: list[Tensor], mask: Tensor | None = None) -> tuple[list[Tensor], int]:
    """Output and gradients by `scaled_dot_product_attention` on the whole sequence."""
    q, k, v = (t.clone().requires_grad_() for t in tensors[:3])
    attention = partial(scaled_dot_product_attention, enable_gqa=True)
    out, size = kept(lambda: attention(q, k, v, attn_mask=mask, is_causal=mask is None))
    return [out, *torch.autograd.grad(out, (q, k, v), tensors[3])], size


def ours(parts: list[Tensor], visible: Visible) -> tuple[list[Tensor], dict[str, Any]]:
    """Local output and gradients by our ring, and what it cost."""
    q, k, v = (t.requires_grad_() for t in parts[:3])
    with Traffic() as forward:
        out, size = kept(lambda: ring_attention(q, k, v, visible))
    with Traffic() as backward:
        grads = torch.autograd.grad(out, (q, k, v), parts[3])
    return [out.detach(), *grads], cost(forward, backward, size)


def furthest(ours: list[Tensor], theirs: list[Tensor]) -> list[float]:
    """Largest difference in output, dq, dk and dv."""
    return [(a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True)]


def compare(rank: int, folder: Path) -> None:
    """One rank: every way, and how far each is from attention on one device."""
    tensors, rows = inputs(), {}
    reference, size = whole(tensors)
    held = [torch.tensor(positions("zigzag", r, RANKS, TOKENS)) for r in range(RANKS)]
    for name in ("our ring", "PyTorch, ring", "PyTorch, gather"):
        parts = [t[:, :, held[rank]] for t in tensors]
        if name == "our ring":
            results, costs = ours(parts, visible_from(held))
        else:
            results, costs = engine(
                parts, "alltoall" if name == "PyTorch, ring" else "allgather"
            )
        wanted = [t[:, :, held[rank]] for t in reference]
        rows[name] = costs | {"apart": furthest(results, wanted)}
    torch.save((rows, size), folder / f"{rank}.pt")


def example_ring() -> None:
    """Four ranks, 256 tokens, four heads of 16, fp32."""
    folder = launch(compare)
    ranks = [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]
    names = list(ranks[0][0])
    print(f"{'':24s}" + "".join(f"{name:>17s}" for name in names))
    for i, what in enumerate(("output", "dq", "dk", "dv")):
        worst = [max(rows[name]["apart"][i] for rows, _ in ranks) for name in names]
        print(f"{what + ', from SDPA':24s}" + "".join(f"{below(w):>17s}" for w in worst))
    for label, pick in (
        ("sent forward, KiB", lambda c: c["sent"][0]),
        ("sent backward, KiB", lambda c: c["sent"][1]),
        ("largest tensor, KiB", lambda c: c["largest"]),
    ):
        most = [max(pick(rows[name]) for rows, _ in ranks) / 1024 for name in names]
        print(f"{label:24s}" + "".join(f"{m:17,.0f}" for m in most))
    own = max(rows["our ring"]["kept"] for rows, _ in ranks) / 1024
    print(f"{'kept for backward, KiB':24s}{own:17,.0f}{'-':>17s}{'-':>17s}")


if __name__ == "__main__":
    example_ring()
