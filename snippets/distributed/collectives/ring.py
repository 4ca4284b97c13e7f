"""Collectives: the ring over point-to-point sends, beside PyTorch's own all-reduce."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from snippets.distributed.collectives.cost import bus_factor
from snippets.distributed.collectives.ranks import launch
from snippets.distributed.collectives.steps import ring

NUMBERS = 1_000_000


# --8<-- [start:all_reduce]
def ring_all_reduce(x: Tensor) -> int:
    """Sum contiguous tensors in place, and return the bytes that this rank sent."""
    rank, ranks, sent = dist.get_rank(), dist.get_world_size(), 0
    chunks = list(x.view(-1).tensor_split(ranks))  # views: writing to them changes x
    buffer = torch.empty_like(chunks[0])  # the first chunk is the largest
    for send, receive, add in ring(rank, ranks):
        arriving = buffer[: chunks[receive].numel()]
        both = [
            dist.P2POp(dist.isend, chunks[send], (rank + 1) % ranks),
            dist.P2POp(dist.irecv, arriving, (rank - 1) % ranks),
        ]
        for transfer in dist.batch_isend_irecv(both):
            transfer.wait()
        chunks[receive].add_(arriving) if add else chunks[receive].copy_(arriving)
        sent += chunks[send].nbytes
    return sent


# --8<-- [end:all_reduce]


def compare(rank: int, folder: Path) -> None:
    """Our ring and PyTorch's all-reduce on the same numbers."""
    torch.manual_seed(rank)
    ours = torch.randn(NUMBERS)
    theirs = ours.clone()
    sent = ring_all_reduce(ours)
    dist.all_reduce(theirs)
    torch.save((ours.cpu(), theirs.cpu(), sent), folder / f"{rank}.pt")


def example_ring() -> None:
    """A million fp32 numbers on four ranks."""
    folder = launch(compare)
    ranks = [torch.load(path) for path in sorted(folder.glob("*.pt"))]
    print(f"{'rank':4s}{'bytes sent':>12s}{'2(n-1)/n M':>12s}{'from dist.all_reduce':>22s}")
    for rank, (ours, theirs, sent) in enumerate(ranks):
        share = bus_factor("all_reduce", len(ranks)) * ours.nbytes
        apart = (ours - theirs).abs().max().item()
        print(f"{rank:4d}{sent:12,}{share:12,.0f}{apart:22.0e}")
    same = all(torch.equal(ours, ranks[0][0]) for ours, _, _ in ranks)
    print(f"bit for bit the same on all ranks: {same}")


if __name__ == "__main__":
    example_ring()
