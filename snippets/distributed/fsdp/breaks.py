"""FSDP: an optimizer made too early, and rows that the ranks do not divide."""

# /// fieldguide
# timeout_s = 300
# memory_mb = 4000
# ///

from __future__ import annotations

import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.fsdp.run import STEPS
from snippets.distributed.fsdp.sharding import rows
from snippets.distributed.fsdp.wire import batch, local, network


# --8<-- [start:early]
def train(early: bool) -> tuple[list[float], int]:
    """Losses, and how many of the optimizer's parameters are ones that the model has."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for module in [*list(model.children())[:-1], model]:
        fully_shard(module)
    if not early:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    x, y = batch(dist.get_rank(), dist.get_world_size())
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    mine = {id(p) for p in model.parameters()}
    return losses, sum(id(p) in mine for p in optimizer.param_groups[0]["params"])


# --8<-- [end:early]


def shards(shape: tuple[int, ...]) -> tuple[tuple[int, ...], str]:
    """This rank's part of a weight under `fully_shard`, and its largest number."""
    module = nn.Module()
    module.weight = nn.Parameter(torch.ones(shape))
    fully_shard(module)
    part = local(module.weight)
    try:
        return tuple(part.shape), f"{part.max().item():g}"
    except RuntimeError as error:
        return tuple(part.shape), str(error).split(" for")[0]


UNEVEN = [(8, 1000), (10, 1000), (5, 1000), (3, 1000), (1, 1000)]


def load(length: int, ranks: int) -> float:
    """Rows of the busiest rank, and of the padded message, over an even share."""
    most = max(len(range(length)[rows(length, rank, ranks)]) for rank in range(ranks))
    return most * ranks / length


def measure(rank: int, folder: Path) -> None:
    """Both mistakes."""
    warnings.simplefilter("ignore")
    saved = ({e: train(e) for e in (False, True)}, {s: shards(s) for s in UNEVEN})
    torch.save(saved, folder / f"{rank}.pt")


def results() -> list[
    tuple[
        dict[bool, tuple[list[float], int]],
        dict[tuple[int, ...], tuple[tuple[int, ...], str]],
    ]
]:
    """By rank."""
    folder = launch(measure)
    return [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]


def example_early() -> None:
    """The same training, with the optimizer made after and before."""
    saved = results()[0][0]
    for early, (losses, known) in saved.items():
        name = "before" if early else "after"
        print(
            f"optimizer {name:6s} sharding: loss {' '.join(f'{x:.4f}' for x in losses)}, knows {known} parameters"
        )


def example_uneven() -> None:
    """Rows by rank, and what the last rank answers."""
    ranks = results()
    print(f"{'rows':>4s}   by rank      largest rank   asked for its maximum, rank 3 says")
    for shape in UNEVEN:
        each = [part[1][shape][0][0] for part in ranks]
        print(
            f"{shape[0]:4d}   {' '.join(map(str, each))}{load(shape[0], RANKS):14.2f} x   {ranks[-1][1][shape][1]}"
        )


if __name__ == "__main__":
    example_early()
    example_uneven()
