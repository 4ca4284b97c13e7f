"""The calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.recommenders.semantic_ids.capacity import (
    alone,
    atomic_bytes,
    capacity,
    coded_bytes,
    distinct,
    gigabytes,
)

BYTES = {"fp32": 4.0, "bf16": 2.0, "int8": 1.0}


def semantic_codes(
    items: Annotated[int, "", (2, 10_000_000_000)] = 10_000_000,
    levels: Annotated[int, "", (1, 8)] = 3,
    size: Annotated[int, "codes", (2, 65_536)] = 256,
    width: Annotated[int, "", (1, 16_384)] = 128,
    *,
    dtype: Literal["fp32", "bf16", "int8"] = "bf16",
    spread: Annotated[float, "%", (0.01, 100.0)] = 100.0,
) -> dict[str, object]:
    """How many items share their codes, and what do codes save?

    Args:
        items: Items of the catalog, $I$.
        levels: Codes of an item, $q$.
        size: Codes of a level, $A$. The decoder chooses among them.
        width: Width of an embedding, $h$.
        dtype: Type of the embeddings' numbers.
        spread: Tuples within reach of the items. Items lie in clusters, so most tuples stay empty;
            the share is yours to measure. Within it, codes count as drawn at random.
    """
    reach = max(1, round(capacity(levels, size) * spread / 100))
    single = atomic_bytes(items, width, BYTES[dtype])
    coded = coded_bytes(items, levels, size, width, BYTES[dtype])
    sizes = [4**step for step in range(2, 18)]
    return {
        "items that share their codes": f"{100 * (1 - alone(items, reach)):.2f}%",
        "tuples": f"{capacity(levels, size):,}",
        "tuples within reach": f"{reach:,}",
        "different tuples, divided by items": f"{distinct(items, reach):.3f}",
        "table with a vector for each item": f"{gigabytes(single):,.3f} GB",
        "table of codes, and each item's codes": f"{gigabytes(coded):,.3f} GB",
        "scores in the last layer": f"{levels} × {size:,} instead of {items:,}",
        "lines": {
            "x": "items", "y": "% that share", "log": "x",
            "series": {"at random": [(n, 100 * (1 - alone(n, reach))) for n in sizes]},
            "points": {"yours": (items, 100 * (1 - alone(items, reach)))},
        },
    }  # fmt: skip
