"""FSDP: mini-FSDP beside PyTorch's `fully_shard`, DDP and one process."""

# /// fieldguide
# timeout_s = 300
# memory_mb = 4000
# ///

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.fsdp.sharding import shard_model
from snippets.distributed.fsdp.wire import Wire, batch, local, mean, network, tensors, whole

STEPS = 5


# --8<-- [start:wrap]
def wrapped(kind: str, model: nn.Sequential) -> nn.Module:
    """The same model: as it is, by DDP, by our units, or by PyTorch's."""
    blocks = list(model.children())[:-1]
    if kind == "DDP":
        return DistributedDataParallel(model)
    if kind.startswith("mini"):
        shard_model(model, blocks)
    elif kind.startswith("fully_shard"):
        reshard = None if kind == "fully_shard" else False
        for block in [*blocks, model]:  # from the inside out
            fully_shard(block, reshard_after_forward=reshard)
    return model


# --8<-- [end:wrap]


class Run(NamedTuple):
    """What a rank saw."""

    losses: list[float]
    grads: list[Tensor]  # whole gradients of the first step
    wire: list[tuple[str, tuple[int, ...], float]]  # calls of the first step
    held: int  # bytes of weights, gradients and moments after a step
    shapes: list[tuple[int, ...]]  # of the local parameters


def train(kind: str, ranks: int) -> Run:
    """Five steps of AdamW on this rank's part of the batch."""
    rank = dist.get_rank() if ranks > 1 else 0
    model = wrapped(kind, network())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)  # after sharding
    x, y = batch(rank, ranks)
    losses, grads, wire = [], list[Tensor](), Wire()
    for step in range(STEPS):
        with wire if step == 0 else nullcontext():
            loss = F.mse_loss(model(x), y)
            loss.backward()
        if step == 0:
            grads = [whole(p, kind) for p in model.parameters()]
        losses.append(mean(loss.detach()))
        optimizer.step()
        held = sum(local(t).nbytes for t in tensors(model, optimizer))
        optimizer.zero_grad()
    shapes = [tuple(local(p).shape) for p in model.parameters()]
    return Run(losses, grads, wire.calls, held, shapes)


KINDS = ("DDP", "mini-FSDP", "fully_shard", "fully_shard, kept")


def compare(rank: int, folder: Path) -> None:
    """The reference on one process, inside a rank, then all ways of doing it on all."""
    ranks = dist.get_world_size()
    runs = {kind: train(kind, ranks) for kind in KINDS}
    torch.save({k: tuple(run) for k, run in runs.items()}, folder / f"{rank}.pt")


def alone(rank: int, folder: Path) -> None:
    """One process with the whole batch."""
    torch.save(tuple(train("single", 1)), folder / "single.pt")


def results(ranks: int) -> list[dict[str, Run]]:
    """All runs, by rank; the run of one process is in each."""
    single = Run(*torch.load(launch(alone, 1) / "single.pt"))
    folder = launch(compare, ranks)
    saved = [torch.load(folder / f"{rank}.pt") for rank in range(ranks)]
    return [
        {"one process": single} | {k: Run(*run) for k, run in part.items()}
        for part in saved
    ]


def sent(run: Run, kind: str = "") -> float:
    """Bytes of a step."""
    return sum(size for name, _, size in run.wire if kind in name)


def example_compare() -> None:
    """Five ways to take the same step, on two and on four ranks."""
    counts: tuple[int, ...] = (2, RANKS)
    if dist.is_torchelastic_launched():
        counts = (int(os.environ["WORLD_SIZE"]),)
    for count in counts:
        ranks = results(count)
        single = ranks[0]["one process"]
        print(
            f"{count} ranks{'':12s}{'loss 1':>8s}{'loss 5':>8s}{'gradients':>11s}", end=""
        )
        print(f"{'gathered':>10s}{'reduced':>9s}{'held':>9s}")
        for name, run in ranks[0].items():
            apart = max(
                (a - b).abs().max().item()
                for a, b in zip(run.grads, single.grads, strict=True)
            )
            print(
                f"{name:19s}{run.losses[0]:8.4f}{run.losses[-1]:8.4f}{'< 1e-6' if apart < 1e-6 else apart:>11}"
                f"{sent(run, 'gather'):10,.0f}{sent(run, 'reduce'):9,.0f}{run.held:9,}"
            )


if __name__ == "__main__":
    example_compare()
