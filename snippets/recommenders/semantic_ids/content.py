"""Content vectors with planted groups, and what residual k-means alone makes of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from snippets.recommenders.semantic_ids.residual import decode, encode, fit


@cache
def content(items: int = 600, wide: int = 256, inner: int = 12) -> Tensor:
    """Planted content vectors of length 1, from 8 groups of 8 groups each: [T, F]."""
    draw = np.random.default_rng(0)
    group, within = draw.integers(8, size=(2, items))
    coarse, fine = draw.normal(size=(8, inner)), 0.7 * draw.normal(size=(8, 8, inner))
    vectors = coarse[group] + fine[group, within] + 0.4 * draw.normal(size=(items, inner))
    vectors = vectors @ draw.normal(size=(inner, wide)) + 0.1 * draw.normal(
        size=(items, wide)
    )
    return torch.tensor(
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=torch.float32
    )


def plain_distinct() -> tuple[float, float]:
    """Different tuples an item, by residual k-means on the vectors themselves, and variance explained."""
    x = content().double().numpy()
    books = fit(x, 3, 16, 0)
    codes = encode(x, books)
    missed = ((x - decode(codes, books)) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()
    return len(np.unique(codes, axis=0)) / len(codes), float(1 - missed)
