"""Context and expert parallelism: a mask by local places, and experts reduced like everything else."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.context_and_expert_parallel.dispatch import (
    TOP_K,
    batch,
    groups,
    mine,
    reference,
    weights,
)
from snippets.distributed.context_and_expert_parallel.moe import ExpertParallel
from snippets.distributed.context_and_expert_parallel.placement import positions
from snippets.distributed.context_and_expert_parallel.ring import ring_attention
from snippets.distributed.context_and_expert_parallel.run import inputs, visible_from

TOKENS, EP = 64, 2


def visible_locally(source: int) -> Tensor:
    """Wrong: a triangle for every block, whoever it comes from."""
    return torch.ones(TOKENS // RANKS, TOKENS // RANKS, dtype=torch.bool).tril()


def leak(rank: int, folder: Path) -> None:
    """Change the last quarter, and count the earlier tokens whose output notices."""
    held = [torch.tensor(positions("contiguous", r, RANKS, TOKENS)) for r in range(RANKS)]
    counts = []
    for visible in (visible_from(held), visible_locally):
        outs = []
        for change in (0.0, 1.0):
            q, k, v, _ = inputs(tokens=TOKENS)
            k[:, :, 3 * TOKENS // 4 :] += change
            v[:, :, 3 * TOKENS // 4 :] += change
            q, k, v = (t[:, :, held[rank]] for t in (q, k, v))
            outs.append(ring_attention(q, k, v, visible))
        notice = (outs[0] - outs[1]).abs().amax((0, 1, 3)) > 0
        counts.append(int((notice & (held[rank] < 3 * TOKENS // 4)).sum()))
    torch.save(counts, folder / f"{rank}.pt")


def reductions(layer: ExpertParallel, copies: dist.ProcessGroup) -> dict[str, Tensor]:
    """Three ways to reduce an expert's gradient when each rank has a mean of its own."""
    grad = layer.down.grad
    assert grad is not None
    ways = {"mean over all ranks": grad.clone(), "mean over the copies": grad.clone()}
    ways["sum over the copies, by all ranks"] = grad.clone()
    everywhere, by_copies, right = ways.values()
    dist.all_reduce(everywhere)
    everywhere /= RANKS
    dist.all_reduce(by_copies, group=copies)
    by_copies /= dist.get_world_size(copies)
    dist.all_reduce(right, group=copies)
    right /= RANKS
    return ways


def scale(rank: int, folder: Path) -> None:
    """Each way against the dense layer's gradient: its length, and its direction."""
    group, copies = groups(EP)
    x, above = (t.chunk(RANKS)[rank] for t in batch())
    layer = ExpertParallel(weights(), TOP_K, group)
    layer(x).backward(above * RANKS)  # a mean over this rank's tokens
    truth = mine(reference("dense"), rank, EP)[4].flatten()
    rows = {}
    for name, grad in reductions(layer, copies).items():
        flat = grad.flatten()
        cosine = torch.nn.functional.cosine_similarity(flat, truth, 0)
        rows[name] = (flat.norm() / truth.norm()).item(), cosine.item()
    torch.save(rows, folder / f"{rank}.pt")


def example_local() -> None:
    """64 tokens, contiguous, four ranks."""
    folder = launch(leak)
    counts = [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]
    print("mask by                 of the first 48 tokens, so many see the last 16")
    for i, name in enumerate(("place in the sequence", "place in the block")):
        print(f"{name:24s}{sum(count[i] for count in counts):3d}")


def example_scale() -> None:
    """Two ranks share the experts, two copies of them."""
    rows = torch.load(launch(scale) / "0.pt")
    print(f"{'gradient of the experts':36s}{'length':>8s}{'cosine':>8s}")
    for name, (length, cosine) in rows.items():
        print(f"{name:36s}{length:8.2f}{cosine:8.2f}")


if __name__ == "__main__":
    example_local()
    example_scale()
