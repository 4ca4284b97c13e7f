"""Attention: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Literal

BYTES = {"fp32": 4, "bf16": 2, "fp8": 1}


def traffic(
    tokens: Annotated[int, "tokens", (1, 1_000_000)] = 8192,
    heads: Annotated[int, "", (1, 256)] = 32,
    head_dim: Annotated[int, "", (8, 1024)] = 128,
    queries: Annotated[int, "", (1, 1024)] = 128,
    keys: Annotated[int, "", (1, 1024)] = 128,
    dtype: Literal["fp32", "bf16", "fp8"] = "bf16",
) -> dict[str, object]:
    """How many bytes does the forward pass of one layer move, as separate operations and in tiles?

    Args:
        tokens: Tokens of the sequence, $S$.
        heads: Query heads, $H$. Each reads its keys and values by itself.
        head_dim: Width of one head, $d$.
        queries: Queries of a tile, $r$.
        keys: Keys of a tile, $c$. They change what a tile needs, not what moves.
        dtype: Type of all numbers.
    """
    size, numbers = BYTES[dtype], tokens * head_dim
    separate = heads * size * (4 * tokens**2 + 6 * numbers)
    passes = ceil(tokens / queries)
    tiled = heads * size * (2 * numbers + tokens + 2 * numbers * passes)
    needed = size * (2 * queries * head_dim + 2 * keys * head_dim + queries * keys)
    sizes = [2**i for i in range(4, 11)]
    return {
        "separate operations move": f"{separate / 1e9:,.2f} GB",
        "tiles move": f"{tiled / 1e9:,.2f} GB",
        "ratio": f"{separate / tiled:,.1f}",
        "fast memory for a tile, at least": f"{needed / 1024:,.0f} KiB",
        "one matrix of scores": f"{heads * size * tokens**2 / 1e9:,.2f} GB",
        "kept for the backward pass instead": f"{heads * size * tokens / 1e6:,.2f} MB",
        "lines": {
            "x": "queries in a tile", "y": "GB", "log": "xy",
            "series": {
                "tiles": [
                    (r, heads * size * (2 * numbers + tokens + 2 * numbers * ceil(tokens / r)) / 1e9)
                    for r in sizes
                ],
                "separate operations": [(r, separate / 1e9) for r in sizes],
            },
            "points": {"yours": (queries, tiled / 1e9)},
        },
    }  # fmt: skip
