"""Residual quantization: each level codes what the level before left over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


# --8<-- [start:encode]
def nearest(vectors: Array, centers: Array) -> Codes:
    """The closest center of each vector: [T]."""
    return ((centers**2).sum(1) - 2 * vectors @ centers.T).argmin(1)


def encode(vectors: Array, books: Array) -> Codes:
    """One code a level for each vector, from codebooks [q, A, F]: [T, q]."""
    rest, codes = vectors, []
    for centers in books:
        codes.append(nearest(rest, centers))
        rest = rest - centers[codes[-1]]  # what the next level codes
    return np.stack(codes, axis=1)


def decode(codes: Codes, books: Array) -> Array:
    """The vector that codes stand for, the sum of their centers: [T, F]."""
    total: Array = books[np.arange(len(books)), codes].sum(1)
    return total


# --8<-- [end:encode]
# --8<-- [start:fit]
def cluster(vectors: Array, centers: Array, rounds: int) -> Array:
    """K-means from given centers; a center without vectors restarts at the worst-served one."""
    centers = centers.copy()
    for _ in range(rounds):
        code = nearest(vectors, centers)
        members = np.bincount(code, minlength=len(centers))
        for used in np.flatnonzero(members):
            centers[used] = vectors[code == used].mean(0)
        worst = ((vectors - centers[code]) ** 2).sum(1).argsort()[::-1]
        for empty, vector in zip(np.flatnonzero(members == 0), worst, strict=False):
            centers[empty] = vectors[vector]
    return centers


def fit(
    vectors: Array,
    levels: int,
    size: int,
    seed: int,
    start: Array | None = None,
    rounds: int = 20,
) -> Array:
    """Codebooks [q, A, F] by k-means on what each level leaves, from drawn vectors or from `start`."""
    draw = np.random.default_rng(seed)
    rest, books = vectors, []
    for level in range(levels):
        drawn = rest[draw.choice(len(rest), size, replace=False)]
        centers = cluster(rest, drawn if start is None else start[level], rounds)
        books.append(centers)
        rest = rest - centers[nearest(rest, centers)]
    return np.stack(books)


# --8<-- [end:fit]
