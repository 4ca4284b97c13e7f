"""Packing: conversations of unequal length into rows of one length. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from random import Random
from statistics import NormalDist


# --8<-- [start:best]
def best_fit(lengths: Sequence[int], row: int) -> list[list[int]]:
    """Longest first, each into the fullest row with room; what is too long is cut."""
    rows: list[list[int]] = []
    free: list[int] = []
    for length in sorted((min(n, row) for n in lengths), reverse=True):
        fitting = [i for i, room in enumerate(free) if room >= length]
        if not fitting:
            rows.append([])
            free.append(row)
            fitting = [len(rows) - 1]
        chosen = min(fitting, key=lambda i: free[i])
        rows[chosen].append(length)
        free[chosen] -= length
    return rows


# --8<-- [end:best]


def cells_packed(lengths: Sequence[int], row: int) -> int:
    """Tokens that the model computes if conversations are packed."""
    return row * len(best_fit(lengths, row))


def cells_padded(lengths: Sequence[int], row: int, batch: int) -> int:
    """Tokens that the model computes if each batch is padded to its longest."""
    cut = [min(n, row) for n in lengths]
    batches = [cut[i : i + batch] for i in range(0, len(cut), batch)]
    return sum(max(b) * len(b) for b in batches)


def tokens(lengths: Sequence[int], row: int) -> int:
    """Tokens that are no padding."""
    return sum(min(n, row) for n in lengths)


def split_by_wrapping(lengths: Sequence[int], row: int) -> int:
    """Conversations that lie in two rows or more if all are laid end to end and cut."""
    start, split = 0, 0
    for n in lengths:
        split += start // row != (start + n - 1) // row
        start += n
    return split


def draw(n: int, median: float, spread: float, seed: int = 0) -> list[int]:
    """Lengths of `n` conversations: log-normal, in a drawn order."""
    normal = NormalDist()
    lengths = [
        max(1, round(median * exp(spread * normal.inv_cdf((i + 0.5) / n))))
        for i in range(n)
    ]
    Random(seed).shuffle(lengths)
    return lengths


LENGTHS = draw(512, median=400, spread=1.0)
ROW = 4096
BATCH = 16


def fill(cells: int) -> float:
    """Share of the computed tokens that are no padding."""
    return tokens(LENGTHS, ROW) / cells


def gain() -> float:
    """How many times fewer tokens packing computes than padding."""
    return cells_padded(LENGTHS, ROW, BATCH) / cells_packed(LENGTHS, ROW)


def example_fill() -> None:
    """One data set, laid out in three ways."""
    padded, packed = cells_padded(LENGTHS, ROW, BATCH), cells_packed(LENGTHS, ROW)
    wrapped = -(-sum(LENGTHS) // ROW) * ROW
    print("layout       tokens computed    used  conversations cut")
    too_long = sum(n > ROW for n in LENGTHS)
    for name, cells, used, cut in (
        ("padded", padded, fill(padded), too_long),
        ("best fit", packed, fill(packed), too_long),
        ("end to end", wrapped, sum(LENGTHS) / wrapped, split_by_wrapping(LENGTHS, ROW)),
    ):
        print(f"{name:10}  {cells:16,}  {used:6.1%}  {cut:17}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "padded_used": f"{fill(cells_padded(LENGTHS, ROW, BATCH)):.0%}",
        "packed_used": f"{fill(cells_packed(LENGTHS, ROW)):.1%}",
        "packing_gain": f"{gain():.1f}",
        "wrapped_cut": f"{split_by_wrapping(LENGTHS, ROW)}",
    }


if __name__ == "__main__":
    example_fill()
