"""FSDP: what two jobs issue in a step, one of which runs out of memory."""

# /// fieldguide
# timeout_s = 300
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
from torch.distributed.fsdp import fully_shard

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.fsdp.order import Log, short, watch
from snippets.distributed.fsdp.wire import Block, batch, network

JOBS = ("A", "B")


def step(job: str) -> tuple[str, str, float]:
    """What is issued forward and backward, and the bytes that this rank sends; B wraps the whole model alone."""
    model, events = network(), list[str]()
    blocks = [block for block in model if isinstance(block, Block)]
    for module in [*(blocks if job == "A" else []), model]:
        fully_shard(module)
    for number, block in enumerate(blocks):
        watch(block, f"{number}", events)
    with Log(events) as log:
        loss = model(batch()[0]).sum()
        forward = list(events)
        loss.backward()
    return short(forward), short(events[len(forward) :]), log.sent()


def measure(rank: int, folder: Path) -> None:
    """Both jobs."""
    torch.save({job: step(job) for job in JOBS}, folder / f"{rank}.pt")


def results() -> dict[str, tuple[str, str, float]]:
    """Of rank 0."""
    return dict(torch.load(launch(measure, RANKS) / "0.pt"))


def example_jobs() -> None:
    """One step of the same four blocks and an output layer, on four ranks."""
    print("g: gather, r: reduce-scatter, a digit: a block computes")
    for job, (forward, backward, sent) in results().items():
        print(f"job {job}  forward   {forward}")
        print(f"       backward  {backward}")
        print(f"       sent      {sent:,.0f} bytes")


if __name__ == "__main__":
    example_jobs()
