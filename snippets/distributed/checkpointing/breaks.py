"""Checkpointing: a checkpoint that is half old and half new."""

# mypy: disable-error-code="attr-defined, name-defined, union-attr"

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

import os
import signal
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.planner import SavePlan, SavePlanner
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard
from torch.multiprocessing.spawn import ProcessExitedException

from snippets.distributed.checkpointing.kills import kill
from snippets.distributed.checkpointing.loading import latest, load
from snippets.distributed.checkpointing.saving import save
from snippets.distributed.collectives.ranks import launch

warnings.filterwarnings("ignore", message="(?s).*(existing checkpoint|non-inference).*")


def weights(value: float) -> dict[str, Tensor]:
    """Eight rows over the ranks, all of them the number of the step."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    rows = torch.full((8 // dist.get_world_size(), 3), value)
    return {"weights": DTensor.from_local(rows, mesh, [Shard(0)])}


class Dies(dcp.FileSystemWriter):
    """Rank 2 dies before it writes, when the others have written."""

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Any:
        """Called by DCP on each rank."""
        folder, rank = Path(self.path), dist.get_rank()
        if rank == 2:
            while len(list(folder.glob("written-*"))) < dist.get_world_size() - 1:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        result = super().write_data(plan, planner)
        (folder / f"written-{rank}").touch()
        return result


def twice(home: Path, ours: bool, rank: int, folder: Path) -> None:
    """Save step 10, then step 20; with DCP to the same folder, as "latest"."""
    if ours:
        save(home / "10", weights(10), {})
        save(home / "20", weights(20), {}, partial(kill, 20, "weights", 20))
    else:
        dcp.save(weights(10), checkpoint_id=home / "latest")
        dcp.save(weights(20), storage_writer=Dies(home / "latest"))


def loaded(home: Path, ours: bool, rank: int, folder: Path) -> None:
    """What a restart finds."""
    state = weights(0)
    if ours:
        load(latest(home) or home, state)
    else:
        dcp.load(state, checkpoint_id=home / "latest")
    whole = state["weights"].full_tensor()[:, 0]
    torch.save(whole, folder / f"{rank}.pt")


def crash(ours: bool) -> tuple[str, list[int]]:
    """How the second save ended, and the rows that a restart on two ranks finds."""
    home, ended = Path(tempfile.mkdtemp()), "nothing"
    try:
        launch(partial(twice, home, ours))
    except ProcessExitedException as died:
        ended = str(died.signal_name)
    folder = launch(partial(loaded, home, ours), 2)
    return ended, torch.load(folder / "0.pt").int().tolist()


def example_torn() -> None:
    """Rank 2 dies while step 20 is being saved over step 10, and beside it."""
    for name, ours in (("DCP, one folder", False), ("ours, a folder each", True)):
        ended, rows = crash(ours)
        print(f"{name:20s} {ended}; a restart finds rows of step {rows}")


if __name__ == "__main__":
    example_torn()
