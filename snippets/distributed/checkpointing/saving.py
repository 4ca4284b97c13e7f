"""Checkpointing: every rank writes what it has, one rename makes it count, any number of ranks reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor, Shard

MANIFEST = "manifest.json"


# --8<-- [start:piece]
@dataclass(frozen=True)
class Piece:
    """A part of a tensor: where it lies in the whole, and where its bytes are."""

    name: str
    dtype: str
    whole: Sequence[int]
    offset: Sequence[int]
    size: Sequence[int]
    file: str
    at: int  # first byte in the file


# --8<-- [end:piece]


def local(tensor: Tensor) -> tuple[Tensor, list[int]]:
    """This rank's part, and where it begins in the whole."""
    part, offset = tensor.detach(), [0] * max(tensor.dim(), 1)
    if isinstance(tensor, DTensor):
        if list(tensor.placements) != [Shard(0)]:
            raise ValueError(f"only rows over one dimension, not {tensor.placements}")
        part = tensor.to_local().detach()
        ranks, rank = tensor.device_mesh.size(), tensor.device_mesh.get_local_rank()
        rows = -(-len(tensor) // ranks)  # of all ranks but the last ones
        offset[0] = min(rows * rank, len(tensor))
    return part.reshape(1) if part.dim() == 0 else part, offset


# --8<-- [start:save]
def save(
    folder: Path,
    tensors: dict[str, Tensor],
    rest: object,
    written: Callable[[str], None] = lambda name: None,
) -> None:
    """All ranks call it. The checkpoint exists once the manifest has its name."""
    if (folder / MANIFEST).exists():
        raise FileExistsError(f"{folder} is a checkpoint; save to a new folder")
    rank = dist.get_rank()
    folder.mkdir(parents=True, exist_ok=True)
    pieces = []
    with (folder / f"{rank}.bin").open("wb") as file:
        for name, tensor in tensors.items():
            part, offset = local(tensor)
            if part.numel() and (rank == 0 or isinstance(tensor, DTensor)):
                kind, whole = str(tensor.dtype), list(tensor.shape)
                place = (offset, list(part.shape), f"{rank}.bin", file.tell())
                pieces.append(Piece(name, kind, whole, *place))
                file.write(
                    part.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
                )
                written(name)
        durable(file)
    sync_names(folder)  # the file's own, before anybody counts on it
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, pieces)  # and a barrier: all files are on disk
    if rank == 0:
        commit(folder, {"pieces": [asdict(p) for ps in gathered for p in ps], "rest": rest})
    dist.barrier()


# --8<-- [end:save]


# --8<-- [start:commit]
def commit(folder: Path, manifest: dict[str, Any]) -> None:
    """The moment in which a folder of files becomes a checkpoint."""
    with (folder / "unfinished").open("w") as file:
        json.dump(manifest, file)
        durable(file)
    (folder / "unfinished").rename(folder / MANIFEST)
    sync_names(folder)
    sync_names(folder.parent)  # has the name of the folder


def durable(file: IO[Any]) -> None:
    """Not in a buffer of ours, not in a cache of the system."""
    file.flush()
    os.fsync(file.fileno())


# --8<-- [end:commit]


def sync_names(folder: Path) -> None:
    """The names in a folder, too, survive a power cut from here on."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
