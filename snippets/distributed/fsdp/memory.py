"""FSDP: what the size of a unit does to memory and to the wire."""

# /// fieldguide
# timeout_s = 300
# memory_mb = 4000
# ///

from __future__ import annotations

from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed._tools.fsdp2_mem_tracker import FSDPMemTracker
from torch.distributed._tools.mem_tracker import MemTracker
from torch.distributed.fsdp import fully_shard
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.fsdp.peak import peak
from snippets.distributed.fsdp.sharding import shard_model
from snippets.distributed.fsdp.wire import Wire, batch, network

WIDTH, DEPTH = 64, 6


# --8<-- [start:units]
def units(model: nn.Sequential, size: str) -> list[nn.Module]:
    """What becomes a unit, from the inside out."""
    blocks = list(model.children())[:-1]
    layers: list[nn.Module] = [m for m in model.modules() if isinstance(m, nn.Linear)]
    inner: dict[str, list[nn.Module]] = {"model": [], "block": blocks, "layer": layers}
    return [*inner[size], model]


# --8<-- [end:units]


class Counted(NamedTuple):
    """What a way of wrapping costs on each rank."""

    units: int
    gathers: int
    sent: float
    peak: int


def counted(size: str, mini: bool) -> Counted:
    """A step of AdamW; the memory is what PyTorch's trackers count."""
    model = network(WIDTH, DEPTH)
    chosen = units(model, size)
    if mini:
        shard_model(model, chosen[:-1])
    else:
        for module in chosen:
            fully_shard(module)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    tracker = MemTracker() if mini else FSDPMemTracker(model, optimizer)
    if mini:
        tracker.track_external(model, optimizer)
    x, y = batch(dist.get_rank(), dist.get_world_size(), WIDTH)
    for _ in range(2):  # moments exist from the second step on
        with tracker if dist.get_rank() == 0 else nullcontext(), Wire() as wire:
            F.mse_loss(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
        tracker.reset_mod_stats()
    if dist.get_rank():
        return Counted(len(chosen), 0, wire.sent(), 0)
    gathers = sum(kind == "all_gather" for kind, _, _ in wire.calls)
    most = tracker.get_tracker_snapshot("peak")[x.device]["Total"]
    return Counted(len(chosen), gathers, wire.sent(), most)


def measure(rank: int, folder: Path) -> None:
    """All of it on one rank."""
    ways = product(("model", "block", "layer"), (False, True))
    sizes = {way: tuple(counted(*way)) for way in ways}
    torch.save(sizes, folder / f"{rank}.pt")


def results() -> dict[tuple[str, bool], Counted]:
    """What rank 0 counted."""
    sizes = torch.load(launch(measure) / "0.pt")
    return {key: Counted(*value) for key, value in sizes.items()}


def predicted(size: str) -> float:
    """The peak by the page's formula, in fp32, for the largest unit but the root."""
    model = network(WIDTH, DEPTH)
    chosen = units(model, size)[:-1] or [model]
    largest = max(sum(p.numel() for p in unit.parameters()) for unit in chosen)
    params = sum(p.numel() for p in model.parameters())
    return sum(peak(params, RANKS, largest, weight=4).values())


def example_units() -> None:
    """One unit, one for each block, one for each layer, on four ranks."""
    sizes = results()
    print(
        f"{'unit is the':12s}{'units':>6s}{'gathers':>9s}{'sent':>10s}{'peak':>10s}{'mini-FSDP':>12s}{'formula':>10s}"
    )
    for size in ("model", "block", "layer"):
        n, gathers, sent, most = (*sizes[size, False],)
        ours = sizes[size, True].peak
        print(
            f"{size:12s}{n:6d}{gathers:9d}{sent / 1e3:7,.0f} kB{most / 1e3:7,.0f} kB"
            f"{ours / 1e3:9,.0f} kB{predicted(size) / 1e3:7,.0f} kB  # measured"
        )


if __name__ == "__main__":
    example_units()
