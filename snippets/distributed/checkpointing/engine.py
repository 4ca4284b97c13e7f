"""Checkpointing: the same state saved on four ranks and loaded on two, by our functions and by PyTorch's DCP."""

# mypy: disable-error-code="attr-defined, name-defined, union-attr"

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# tolerance.engine = {rel = 0.01, reason = "the kernel also counts modules that are first read meanwhile"}
# ///

from __future__ import annotations

import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from snippets.distributed.checkpointing.loading import load
from snippets.distributed.checkpointing.saving import local, save
from snippets.distributed.checkpointing.training import Run, step
from snippets.distributed.collectives.ranks import RANKS, launch

warnings.filterwarnings("ignore", message=".*non-inference collective.*")


HIDDEN = 20_001  # rows that neither four ranks nor three divide


class Watch(TorchDispatchMode):
    """Sees every operation of PyTorch: the largest tensor that one makes, the bytes that one sends."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = self.sent = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """In place of each operation."""
        result = func(*args, **(kwargs or {}))
        if func.namespace == "c10d":  # collectives
            self.sent += sum(held(t) for t in tree_leaves(args))
        else:
            self.largest = max([self.largest, *map(held, tree_leaves(result))])
        return result


def held(thing: object) -> int:
    """Bytes that this rank has of a tensor."""
    part = thing.to_local() if isinstance(thing, DTensor) else thing
    return part.nbytes if isinstance(part, Tensor) else 0


def bytes_read() -> int:
    """What this process has asked the kernel for, by the kernel's own count."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(lines[0].removeprefix("rchar: "))


def save_both(home: Path, rank: int, folder: Path) -> None:
    """Two steps of training; then the same dictionary to both."""
    run = Run(HIDDEN)
    step(run), step(run)
    with Watch() as ours:
        save(home / "ours", run.tensors(), run.rest())
    with Watch() as theirs:
        dcp.save(run.tensors(), checkpoint_id=home / "dcp")
    seen = [(w.largest, w.sent) for w in (ours, theirs)]
    torch.save((seen, sum(map(held, run.tensors().values()))), folder / f"{rank}.pt")


def load_both(home: Path, rank: int, folder: Path) -> None:
    """Into fresh runs, whose tensors are sharded over other ranks."""
    runs, seen = (Run(HIDDEN), Run(HIDDEN)), []
    engine = partial(dcp.load, checkpoint_id=home / "dcp")
    for run, fill in zip(runs, (partial(load, home / "ours"), engine), strict=True):
        tensors, before = run.tensors(), bytes_read()
        with Watch() as watch:
            fill(tensors)
        seen.append((watch.largest, watch.sent, bytes_read() - before))
        run.noise.set_state(run.random)
    ours, theirs = (run.tensors() for run in runs)
    same = all(torch.equal(local(ours[name])[0], local(theirs[name])[0]) for name in ours)
    torch.save((seen, same), folder / f"{rank}.pt")


def counted(home: Path) -> dict[str, Any]:
    """Everything that the two are compared by."""
    folder = launch(partial(save_both, home))
    saved = [torch.load(folder / f"{r}.pt") for r in range(RANKS)]
    found: dict[str, Any] = {"save": saved}
    for ranks in (2, 3):
        folder = launch(partial(load_both, home), ranks)
        found[f"load {ranks}"] = [torch.load(folder / f"{r}.pt") for r in range(ranks)]
    described = dcp.FileSystemReader(home / "dcp").read_metadata().state_dict_metadata
    sizes = [t.size.numel() * t.properties.dtype.itemsize for t in described.values()]
    found["tensors"], found["largest"] = sum(sizes), max(sizes)
    found["files"] = [
        sum(p.stat().st_size for p in (home / "ours").glob("*.bin")),
        sum(p.stat().st_size for p in (home / "dcp").glob("*.distcp")),
    ]
    return found


def example_engine() -> None:
    """Values, bytes on disk, bytes between ranks, bytes read, and the largest tensor in memory."""
    home = Path(tempfile.mkdtemp())
    found = counted(home)
    for ranks in (2, 3):
        same = all(equal for _, equal in found[f"load {ranks}"])
        print(f"saved on 4, loaded on {ranks}: equal bit for bit: {same}")
    tensors, largest = found["tensors"] / 1e6, found["largest"] / 1e6
    print(f"the tensors have {tensors:.2f} MB, the largest of them {largest:.2f} MB\n")
    print(f"{'MB':34s} ours    DCP")
    print(row("files of the ranks", found["files"]))
    saves = [seen for seen, _ in found["save"]]
    print(row("largest tensor made to save", [max(s[i][0] for s in saves) for i in (0, 1)]))
    print(row("sent to plan and commit", [sum(s[i][1] for s in saves) for i in (0, 1)]))
    for ranks in (2, 3):
        loads = [seen for seen, _ in found[f"load {ranks}"]]
        made = [max(seen[i][0] for seen in loads) for i in (0, 1)]
        print(row(f"largest tensor made to load on {ranks}", made))
        print(row(f"read on {ranks} ranks", [sum(s[i][2] for s in loads) for i in (0, 1)]))


def row(name: str, pair: list[int]) -> str:
    """A line of the table."""
    return f"{name:34s}{pair[0] / 1e6:5.2f} {pair[1] / 1e6:6.2f}"


if __name__ == "__main__":
    example_engine()
