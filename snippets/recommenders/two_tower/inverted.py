"""An inverted file: titles in lists by their nearest centroid, of which a search probes a few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snippets.worlds.world import Array, World, unit

Rows = NDArray[np.int64]
CATALOG = World(members=200, titles=10_000, tastes=32)  # members search, titles are found
LISTS, K = 100, 10


@dataclass(frozen=True)
class Inverted:
    """Vectors in rows, the name of each row, and the rows of each list."""

    centroids: Array  # [L, F]
    vectors: Array  # [N, F]
    names: Rows  # [N]
    lists: list[Rows]


def k_means(vectors: Array, count: int, rounds: int = 8, seed: int = 0) -> Array:
    """Centroids by Lloyd's algorithm; a list that runs empty keeps its centroid: [L, F]."""
    draw = np.random.default_rng(seed)
    centroids = vectors[draw.choice(len(vectors), count, replace=False)].copy()
    for _ in range(rounds):
        home = np.argmax(vectors @ centroids.T - (centroids**2).sum(axis=1) / 2, axis=1)
        order = np.argsort(home, kind="stable")
        used, first, size = np.unique(home[order], return_index=True, return_counts=True)
        centroids[used] = np.add.reduceat(vectors[order], first) / size[:, None]
    return centroids


# --8<-- [start:inverted]
def build(vectors: Array, names: Rows, centroids: Array) -> Inverted:
    """Each row goes to the list whose centroid has the largest inner product with it."""
    home = np.argmax(vectors @ centroids.T, axis=1)
    lists = [np.flatnonzero(home == one) for one in range(len(centroids))]
    return Inverted(centroids, vectors, names, lists)


def search(index: Inverted, query: Array, probes: int, k: int = K) -> Rows:
    """Names of the k best rows among the lists of the nearest centroids, best first."""
    nearest = np.argsort(-(index.centroids @ query))[:probes]
    rows = np.concatenate([index.lists[one] for one in nearest])
    scores = index.vectors[rows] @ query
    return index.names[rows[np.argsort(-scores)[:k]]]


# --8<-- [end:inverted]
# --8<-- [start:remove]
def remove(index: Inverted, gone: Rows) -> Inverted:
    """The index without some names; rows behind them move up, in the lists as well."""
    keep = ~np.isin(index.names, gone)
    moved = np.cumsum(keep) - 1
    lists = [moved[rows[keep[rows]]] for rows in index.lists]
    return Inverted(index.centroids, index.vectors[keep], index.names[keep], lists)


# --8<-- [end:remove]
# --8<-- [start:canary]
def strangers(index: Inverted, vectors: Array, names: Rows) -> float:
    """Share of names that are not the answer to their own vector, all lists probed."""
    found = [search(index, vector, len(index.lists), k=1)[0] for vector in vectors]
    return float(np.mean(found != names))


# --8<-- [end:canary]
def exact(queries: Array, vectors: Array, k: int = K) -> Rows:
    """Rows of the k largest inner products: [Q, k]."""
    rows: Rows = np.argsort(-(queries @ vectors.T), axis=1)[:, :k]
    return rows


def recall(found: Rows, truth: Rows) -> float:
    """Share of the exact neighbors that were found."""
    return float((found[:, :, None] == truth[:, None, :]).sum() / truth.size)


def catalog(sigma: float = 0.0) -> tuple[Array, Array]:
    """Queries and titles, unit vectors; with sigma, lengths of titles are lognormal: [Q, F], [N, F]."""
    queries, _, titles = CATALOG.places
    draw = np.random.default_rng(7)
    return queries, titles * np.exp(sigma * draw.normal(size=(len(titles), 1)))


def centroids(vectors: Array, count: int = LISTS) -> Array:
    """Centroids of unit length, so that a list is a direction: [L, F]."""
    return unit(k_means(vectors, count))
