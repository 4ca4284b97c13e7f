"""Checkpointing: read what this rank needs, whatever the number of ranks was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from snippets.distributed.checkpointing.saving import MANIFEST, Piece, local, sync_names

Span = tuple[int, int]


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


# --8<-- [end:load]


def read(
    folder: Path, piece: Piece, both: list[Span], part: Tensor, offset: list[int]
) -> int:
    """Copy what a piece and a part share; of the file, only those rows are read."""
    (first, last), width = both[0], torch.Size(piece.size[1:]).numel()
    skipped = (first - piece.offset[0]) * width * part.itemsize
    rows = torch.empty(last - first, *piece.size[1:], dtype=part.dtype, device="cpu")
    with (folder / piece.file).open("rb") as file:
        file.seek(piece.at + skipped)
        found = file.readinto(rows.reshape(-1).view(torch.uint8).numpy().data)
    if found != rows.nbytes:
        raise ValueError(f"{piece.name}: {piece.file} ends too early")
    source = [slice(None)] + [
        slice(low - o, high - o)
        for (low, high), o in zip(both[1:], piece.offset[1:], strict=True)
    ]
    target = [slice(low - o, high - o) for (low, high), o in zip(both, offset, strict=True)]
    part[tuple(target)] = rows[tuple(source)]
    return rows[tuple(source)].numel()


def latest(home: Path) -> Path | None:
    """The newest checkpoint that is complete. Folders are named by their step."""
    found = [path.parent for path in home.glob(f"*/{MANIFEST}")]
    return max(found, key=lambda folder: int(folder.name), default=None)


def retain(home: Path, keep: int) -> None:
    """Delete all but the newest; of each, first what makes it a checkpoint."""
    whole = sorted(
        (p.parent for p in home.glob(f"*/{MANIFEST}")), key=lambda f: int(f.name)
    )
    for folder in whole[:-keep]:
        (folder / MANIFEST).unlink()
        sync_names(folder)  # or a power cut may bring it back, without its data
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
