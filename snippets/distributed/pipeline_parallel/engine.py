"""Pipeline parallelism: the same step by PyTorch's own schedules."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.pipeline_parallel.run import (
    MICROS,
    batch,
    gradients,
    single,
    stages,
)


# --8<-- [start:engine]
def engine(rank: int, folder: Path, schedule: type = Schedule1F1B) -> None:
    """The same step by PyTorch's own runtime."""
    module, losses = stages()[rank], list[Tensor]()
    stage = PipelineStage(module, rank, RANKS, torch.device("cpu"))
    step = schedule(stage, MICROS, loss_fn=F.mse_loss)
    x, y = batch()
    if rank == 0:
        step.step(x)
    else:
        step.step(target=y if rank == RANKS - 1 else None, losses=losses)
    loss = sum(part.item() for part in losses) / MICROS
    torch.save((loss, gradients(module)), folder / f"{rank}.pt")


# --8<-- [end:engine]


def engine_gpipe(rank: int, folder: Path) -> None:
    """And with all forwards first."""
    engine(rank, folder, ScheduleGPipe)


def example_engine() -> None:
    """One step under two schedules, and by one process."""
    results = {}
    for name, work in (("1F1B", engine), ("GPipe", engine_gpipe)):
        folder = launch(work)
        results[name] = [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]
    loss, whole = single()
    print(f"{'one process':12s} loss {loss:.5f}")
    for name, parts in results.items():
        same = torch.allclose(
            torch.cat([grads for _, grads in parts]), whole, rtol=0, atol=1e-7
        )
        print(f"{name:12s} loss {parts[-1][0]:.5f}, gradients within 1e-7: {same}")


if __name__ == "__main__":
    example_engine()
