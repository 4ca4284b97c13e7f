"""Product quantization: a vector as a few bytes, and inner products by looking up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.two_tower.inverted import Rows, k_means
from snippets.worlds.world import Array

PARTS, CODES = 8, 256
Codes = NDArray[np.uint8]


# --8<-- [start:product]
def codebooks(vectors: Array, parts: int = PARTS) -> Array:
    """256 centroids for each part of the vectors, by k-means on a sample: [P, 256, F/P]."""
    pieces = np.split(vectors[::2], parts, axis=1)
    return np.stack([k_means(piece, CODES, seed=part) for part, piece in enumerate(pieces)])


def encode(vectors: Array, books: Array) -> Codes:
    """The nearest centroid of each part, one byte each: [N, P]."""
    pieces = np.split(vectors, len(books), axis=1)
    near = [
        np.argmax(piece @ book.T - (book**2).sum(axis=1) / 2, axis=1)
        for piece, book in zip(pieces, books, strict=True)
    ]
    return np.stack(near, axis=1).astype(np.uint8)


def lookup_scores(query: Array, codes: Codes, books: Array) -> Array:
    """Inner products with all coded vectors: one table per query, P look-ups a title: [N]."""
    table = np.einsum("pcf,pf->pc", books, query.reshape(len(books), -1))  # [P, 256]
    scores: Array = table[np.arange(len(books)), codes].sum(axis=1)
    return scores


# --8<-- [end:product]
def decode(codes: Codes, books: Array) -> Array:
    """The vectors that the codes stand for: [N, F]."""
    parts: Array = books[np.arange(len(books)), codes]
    return parts.reshape(len(codes), -1)


def search_all(queries: Array, codes: Codes, books: Array, k: int) -> Rows:
    """Rows of the k best coded vectors for each query: [Q, k]."""
    return np.stack(
        [np.argsort(-lookup_scores(query, codes, books))[:k] for query in queries]
    )
