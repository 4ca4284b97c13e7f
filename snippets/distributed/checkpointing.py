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
Span = tuple[int, int]


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


def local(tensor: Tensor) -> tuple[Tensor, list[int]]:
    """This rank's part, and where it begins in the whole."""
    part, offset = tensor.detach(), [0] * max(tensor.dim(), 1)
    if isinstance(tensor, DTensor):
        if list(tensor.placements) != [Shard(0)]:
            raise ValueError(f"only rows over one dimension, not {tensor.placements}")
        part = tensor.to_local().detach()
        rows = -(-len(tensor) // tensor.device_mesh.size())  # of all ranks but the last ones
        offset[0] = min(rows * tensor.device_mesh.get_local_rank(), len(tensor))
    return part.reshape(1) if part.dim() == 0 else part, offset


# --8<-- [end:piece]


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
                file.write(part.contiguous().reshape(-1).view(torch.uint8).numpy().data)
                written(name)
        durable(file)
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, pieces)  # and a barrier: all bytes are on disk
    if rank == 0:
        commit(folder, {"pieces": [asdict(p) for ps in gathered for p in ps], "rest": rest})
    dist.barrier()


def commit(folder: Path, manifest: dict[str, Any]) -> None:
    """The moment in which a folder of files becomes a checkpoint."""
    with (folder / "unfinished").open("w") as file:
        json.dump(manifest, file)
        durable(file)
    (folder / "unfinished").rename(folder / MANIFEST)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)  # the name itself
    os.close(descriptor)


def durable(file: IO[Any]) -> None:
    """Not in a buffer of ours, not in a cache of the system."""
    file.flush()
    os.fsync(file.fileno())


# --8<-- [end:save]


# --8<-- [start:load]
def overlap(
    a: Sequence[int], na: Sequence[int], b: Sequence[int], nb: Sequence[int]
) -> list[Span] | None:
    """Two boxes by corner and size: from where to where in each dimension both reach."""
    spans = [
        (max(p, q), min(p + n, q + m)) for p, n, q, m in zip(a, na, b, nb, strict=True)
    ]
    return spans if all(low < high for low, high in spans) else None


def load(folder: Path, tensors: dict[str, Tensor]) -> Any:
    """Fill the parts that this rank has, whatever the number of ranks was at the save."""
    manifest = json.loads((folder / MANIFEST).read_text())
    pieces = [Piece(**fields) for fields in manifest["pieces"]]
    for name, tensor in tensors.items():
        part, offset = local(tensor)
        filled = 0
        for piece in (p for p in pieces if p.name == name):
            if (piece.dtype, piece.whole) != (str(tensor.dtype), list(tensor.shape)):
                raise ValueError(f"{name}: saved as {piece.dtype} of {piece.whole}")
            both = overlap(offset, part.shape, piece.offset, piece.size)
            if both:
                filled += read(folder, piece, both, part, offset)
        if filled != part.numel():
            raise ValueError(f"{name}: {filled} of {part.numel()} numbers are saved")
    return manifest["rest"]


def read(
    folder: Path, piece: Piece, both: list[Span], part: Tensor, offset: list[int]
) -> int:
    """Copy what a piece and a part share; of the file, only those rows are read."""
    (first, last), width = both[0], torch.Size(piece.size[1:]).numel()
    skipped = (first - piece.offset[0]) * width * part.itemsize
    rows = torch.empty(last - first, *piece.size[1:], dtype=part.dtype)
    with (folder / piece.file).open("rb") as file:
        file.seek(piece.at + skipped)
        file.readinto(rows.reshape(-1).view(torch.uint8).numpy().data)
    source = [slice(None)] + [
        slice(low - o, high - o)
        for (low, high), o in zip(both[1:], piece.offset[1:], strict=True)
    ]
    target = [
        slice(low - o, high - o) for (low, high), o in zip(both, offset, strict=True)
    ]
    part[tuple(target)] = rows[tuple(source)]
    return rows[tuple(source)].numel()


# --8<-- [end:load]


# --8<-- [start:latest]
def latest(home: Path) -> Path | None:
    """The newest checkpoint that is complete. Folders are named by their step."""
    found = [path.parent for path in home.glob(f"*/{MANIFEST}")]
    return max(found, key=lambda folder: int(folder.name), default=None)


def retain(home: Path, keep: int) -> None:
    """Delete all but the newest; of each, first what makes it a checkpoint."""
    whole = sorted((p.parent for p in home.glob(f"*/{MANIFEST}")), key=lambda f: int(f.name))
    for folder in whole[:-keep]:
        (folder / MANIFEST).unlink()
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


# --8<-- [end:latest]
