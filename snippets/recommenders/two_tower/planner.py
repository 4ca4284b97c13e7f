"""Bytes and distances of an index, before it is built. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["flat", "PQ", "IVF", "IVF-PQ", "HNSW"]
ID_BYTES, FLOAT_BYTES, LINK_BYTES = 8, 4, 4


@dataclass(frozen=True)
class Plan:
    """What an index of this kind needs."""

    kind: Kind
    vectors: int
    dimension: int
    lists: int = 1
    probes: int = 1
    code_bytes: int = 8
    links: int = 16


# --8<-- [start:bytes]
def bytes_per_vector(plan: Plan) -> float:
    """Bytes that each vector adds, without what all share."""
    coded = plan.kind in ("PQ", "IVF-PQ")
    stored = plan.code_bytes if coded else FLOAT_BYTES * plan.dimension
    if plan.kind.startswith("IVF"):
        return stored + ID_BYTES  # lists keep their own ids
    if plan.kind == "HNSW":
        return stored + 2 * plan.links * LINK_BYTES  # of the lowest layer
    return stored


# --8<-- [end:bytes]
def shared_bytes(plan: Plan) -> float:
    """Bytes that do not grow with the vectors: centroids and codebooks."""
    centroids = (
        plan.lists * FLOAT_BYTES * plan.dimension if plan.kind.startswith("IVF") else 0
    )
    books = 256 * FLOAT_BYTES * plan.dimension if plan.kind in ("PQ", "IVF-PQ") else 0
    return centroids + books


def distances(plan: Plan) -> float:
    """Distances computed per query, if lists are equally long; a graph is measured instead."""
    if plan.kind == "HNSW":
        raise ValueError("a graph's distances depend on its data: measure them")
    if plan.kind.startswith("IVF"):
        return plan.lists + plan.vectors * min(plan.probes / plan.lists, 1)
    return plan.vectors


def scanned_bytes(plan: Plan) -> float:
    """Bytes read per query: centroids, and what is stored of the vectors that are compared."""
    coded = plan.kind in ("PQ", "IVF-PQ")
    stored = plan.code_bytes if coded else FLOAT_BYTES * plan.dimension
    if plan.kind.startswith("IVF"):
        own = distances(plan) - plan.lists
        return plan.lists * FLOAT_BYTES * plan.dimension + own * (stored + ID_BYTES)
    return distances(plan) * stored


def best_lists(vectors: int, probes: int) -> float:
    """The number of lists with the fewest distances, for a number of probes."""
    return float((vectors * probes) ** 0.5)
