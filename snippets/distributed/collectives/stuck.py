"""Collectives: a job that hangs, and the stack of each rank at that time."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

import torch
import torch.distributed as dist

from snippets.distributed.collectives.ranks import RANKS, launch

BATCHES = (9, 9, 9, 8)  # of each rank: the last one's file is shorter
QUIET = 2.0  # seconds after which whoever waits waits for good


def average(gradient: torch.Tensor) -> None:
    """The mean over ranks."""
    dist.all_reduce(gradient)
    gradient /= dist.get_world_size()


def save() -> None:
    """Wait for all, then write."""
    dist.barrier()


def train(rank: int, done: list[int]) -> None:
    """One epoch, then a checkpoint."""
    for step in range(BATCHES[rank]):
        average(torch.full((8,), float(step)))
        done.append(step)
    save()


def stack(thread: int) -> list[str]:
    """Function and file, from the call that waits to `train`; of PyTorch, the call alone."""
    frames = traceback.extract_stack(sys._current_frames()[thread])
    names = [(frame.name, Path(frame.filename).name) for frame in reversed(frames)]
    calls = [name for name in names if name[1] in ("distributed_c10d.py", "stuck.py")]
    end = calls.index(("train", "stuck.py"))
    return [f"{name} ({file})" for name, file in calls[: end + 1]]


def witness(rank: int, folder: Path, done: list[int], thread: int) -> None:
    """Write down where this rank stands, wait until all have, and end the process."""
    time.sleep(QUIET)
    done_of = f"{len(done)} of {BATCHES[rank]} batches done"
    told = [f"rank {rank}: {done_of}, waits in", *stack(thread)]
    (folder / f"{rank}.part").write_text("\n    ".join(told))
    (folder / f"{rank}.part").rename(folder / f"{rank}.txt")
    while len(list(folder.glob("*.txt"))) < RANKS:
        time.sleep(0.05)
    os._exit(0)


def work(rank: int, folder: Path) -> None:
    """Train, watched."""
    done: list[int] = []
    watched = (rank, folder, done, threading.get_ident())
    watch = threading.Thread(target=witness, args=watched)
    watch.start()
    with suppress(RuntimeError):  # another rank has ended
        train(rank, done)
    watch.join()


def example_stacks() -> None:
    """Where four ranks stand when nothing moves."""
    folder = launch(work)
    for rank in range(RANKS):
        print((folder / f"{rank}.txt").read_text())


if __name__ == "__main__":
    example_stacks()
