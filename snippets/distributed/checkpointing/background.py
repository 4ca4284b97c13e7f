"""Checkpointing: the save in the background, and what must be copied before training goes on."""

# mypy: disable-error-code="attr-defined, name-defined, union-attr"

# /// fieldguide
# timeout_s = 60
# memory_mb = 3000
# ///

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.planner import SavePlan, SavePlanner

ROWS, WIDTH = 1000, 1000


def background(weights: Tensor, path: Path, copy: bool) -> None:
    """Write rows in a thread; the next step changes them when half are written."""
    source = weights.clone() if copy else weights
    half, stepped = threading.Event(), threading.Event()

    def write() -> None:
        with path.open("wb") as file:
            for i, row in enumerate(source):
                if i == len(source) // 2:
                    half.set()
                    stepped.wait()
                file.write(row.numpy().data)

    thread = threading.Thread(target=write)
    thread.start()
    half.wait()
    weights += 1  # training goes on
    stepped.set()
    thread.join()


class Slow(dcp.FileSystemWriter):
    """Storage that does not begin to write before it is told."""

    def __init__(self, path: Path, go: threading.Event) -> None:
        super().__init__(path)
        self.go = go

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Any:
        """In DCP's thread."""
        self.go.wait()
        return super().write_data(plan, planner)


def engine(weights: Tensor, folder: Path) -> tuple[bool, bool]:
    """Whether DCP's checkpoint was complete when the call returned, and in the end."""
    go = threading.Event()
    saving = dcp.async_save(
        {"weights": weights}, storage_writer=Slow(folder, go), no_dist=True
    )
    at_once = (folder / ".metadata").exists()
    weights += 1  # training goes on
    go.set()
    saving.result()
    return at_once, (folder / ".metadata").exists()


def rows_by_step(saved: Tensor) -> dict[int, int]:
    """How many rows are of which step."""
    steps, counts = saved[:, 0].unique(return_counts=True)
    return dict(zip(steps.int().tolist(), counts.tolist(), strict=True))


def outcomes() -> dict[str, dict[int, int]]:
    """What each of three ways has saved of step 1."""
    folder, found = Path(tempfile.mkdtemp()), {}
    for name, copy in (("thread, no copy", False), ("thread, copy first", True)):
        background(torch.ones(ROWS, WIDTH), folder / name, copy)
        saved = torch.from_file(str(folder / name), size=ROWS * WIDTH).reshape(ROWS, WIDTH)
        found[name] = rows_by_step(saved)
    engine(torch.ones(ROWS, WIDTH), folder / "dcp")
    state = {"weights": torch.zeros(ROWS, WIDTH)}
    dcp.load(state, checkpoint_id=folder / "dcp", no_dist=True)
    found["dcp.async_save"] = rows_by_step(state["weights"])
    return found


def example_async() -> None:
    """Step 2 begins while step 1 is being saved."""
    for name, steps in outcomes().items():
        said = ", ".join(f"{rows} of step {step}" for step, rows in steps.items())
        print(f"{name:20s} rows saved: {said}")
    at_once, finally_ = engine(torch.ones(10, 10), Path(tempfile.mkdtemp()))
    print(f"complete when async_save returns: {at_once}, after result(): {finally_}")


def example_blocked() -> None:
    """What training waits for."""
    state, folder = {"weights": torch.ones(4000, 4000)}, Path(tempfile.mkdtemp())
    start = time.perf_counter()
    saving = dcp.async_save(state, checkpoint_id=folder / "async", no_dist=True)
    copied = time.perf_counter()
    saving.result()
    written = time.perf_counter()
    print(f"64 MB: blocked for {(copied - start) * 1e3:.0f} ms  # measured")
    print(f"written after      {(written - start) * 1e3:.0f} ms  # measured")


if __name__ == "__main__":
    example_async()
    example_blocked()
