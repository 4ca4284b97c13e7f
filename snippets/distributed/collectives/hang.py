"""Collectives: one rank calls them in another order. The hang, the timeout, the guilty rank."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

import os
import pickle
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
import torch._inductor.codecache
import torch.distributed as dist
from torch._C._distributed_c10d import _dump_fr_trace  # type: ignore[attr-defined]
from torch.distributed.constants import default_pg_timeout

from snippets.distributed.collectives.ranks import RANKS, launch

# How many calls PyTorch keeps a record of; read when a rank makes its first group.
os.environ.setdefault("TORCH_FR_BUFFER_SIZE", "100")
PATIENCE = timedelta(seconds=1)
Group = dist.ProcessGroup | None


class Call(NamedTuple):
    """One collective that a rank has entered."""

    number: int
    operation: str
    shape: tuple[int, ...]
    caller: str


# --8<-- [start:steps]
def gradients(group: Group) -> str:
    """A sum over the ranks."""
    numbers = torch.ones(8)
    dist.all_reduce(numbers, group=group)
    return f"gradients {numbers[0]:g}"


def losses(group: Group) -> str:
    """The same call, with other numbers."""
    numbers = torch.full((8,), 10.0)
    dist.all_reduce(numbers, group=group)
    return f"losses {numbers[0]:g}"


def lengths(group: Group) -> str:
    """Another kind of call."""
    parts = torch.zeros(RANKS, 4)
    dist.all_gather(list(parts), torch.ones(4), group=group)
    return f"lengths {parts.sum():g}"


STEPS = {  # what all ranks call, and what rank 2 calls
    "another order": ((gradients, lengths), (lengths, gradients)),
    "never comes": ((gradients, lengths), (gradients,)),
    "alike, swapped": ((gradients, losses), (losses, gradients)),
}
# --8<-- [end:steps]


# --8<-- [start:attempt]
def attempt(case: str, rank: int, folder: Path) -> None:
    """One step under a short timeout; keeps what came out, and the flight recorder."""
    group = dist.new_group(timeout=PATIENCE, backend="gloo")
    outcome: list[str] = []
    try:
        for call in STEPS[case][rank == 2]:
            outcome.append(call(group))
    except RuntimeError:
        outcome.append(f"no answer within {PATIENCE.seconds} s")
    torch.save((", ".join(outcome), recorded()), folder / f"{rank}.pt")


def recorded() -> list[Call]:
    """What this rank has called, by PyTorch's own recorder."""
    calls = []
    for entry in pickle.loads(_dump_fr_trace())["entries"]:
        ours = [f["name"] for f in entry["frames"] if "/torch/" not in f["filename"]]
        operation = entry["profiling_name"].removeprefix("gloo:")
        shape = tuple(entry["input_sizes"][0])
        calls.append(Call(entry["collective_seq_id"], operation, shape, ours[0]))
    return calls


# --8<-- [end:attempt]


# --8<-- [start:diagnose]
def diagnose(ranks: list[list[Call]]) -> str:
    """The first call in which ranks differ, and those that differ from most."""
    for at in range(max(map(len, ranks))):
        calls = [calls[at] if at < len(calls) else None for calls in ranks]
        usual, _ = Counter(calls).most_common(1)[0]
        for rank, call in enumerate(calls):
            if call != usual:
                return f"call {at + 1}: rank {rank} {said(call)}, most {said(usual)}"
    return "all ranks made the same calls"


# --8<-- [end:diagnose]


def said(call: Call | None) -> str:
    """A call in words."""
    return (
        f"{call.operation}{list(call.shape)} in {call.caller}" if call else "did not come"
    )


def outcomes(case: str) -> tuple[list[str], str]:
    """What each rank saw, and the diagnosis."""
    folder = launch(partial(attempt, case))
    saved = [torch.load(folder / f"{r}.pt", weights_only=False) for r in range(RANKS)]
    return [outcome for outcome, _ in saved], diagnose([calls for _, calls in saved])


def example_hang() -> None:
    """Three ways in which rank 2 can be wrong."""
    for case in STEPS:
        seen, diagnosis = outcomes(case)
        print(f"rank 2: {case}")
        for rank in (0, 2):
            print(f"  rank {rank} saw: {seen[rank]}")
        print(f"  {diagnosis}")


def default_minutes() -> float:
    """How long gloo waits unless it is told otherwise."""
    return default_pg_timeout / timedelta(minutes=1)


def facts() -> dict[str, str]:
    """How long a hang lasts if nobody sets a timeout."""
    return {"patience": f"{default_minutes():.0f} minutes"}


if __name__ == "__main__":
    example_hang()
