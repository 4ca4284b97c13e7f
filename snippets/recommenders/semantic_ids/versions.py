"""Codes of the same titles before and after their embeddings were retrained, with five remedies."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import linear_sum_assignment

from snippets.recommenders.semantic_ids.quality import LEVELS, SIZE
from snippets.recommenders.semantic_ids.residual import Array, Codes, encode, fit
from snippets.recommenders.semantic_ids.vectors import NEW, OLD, trained, turn


@cache
def books(days: tuple[int, int], seed: int) -> Array:
    """Codebooks of the vectors of these days."""
    return fit(trained(days), LEVELS, SIZE, seed)


def relabel(new: Codes, old: Codes, size: int) -> Codes:
    """`new` with the codes of each level renamed, so that as many titles as possible keep theirs."""
    renamed = []
    for after, before in zip(new.T, old.T, strict=True):
        both = np.bincount(after * size + before, minlength=size * size).reshape(size, size)
        names = linear_sum_assignment(-both)[1]
        renamed.append(names[after])
    return np.stack(renamed, axis=1)


@cache
def every(seed: int) -> dict[str, Codes]:
    """All versions: old vectors are of days 0 to 13, new ones of days 7 to 20."""
    old, new = trained(OLD), trained(NEW)
    first, redrawn, turned = books(OLD, seed), books(NEW, seed + 100), turn(new, old)
    return {
        "first": encode(old, first),
        "old vectors, new seed": encode(old, books(OLD, seed + 100)),
        "new vectors, new books": encode(new, redrawn),
        "... then renamed": relabel(encode(new, redrawn), encode(old, first), SIZE),
        "new vectors, old books": encode(new, first),
        "turned, old books": encode(turned, first),
        "turned, warm start": encode(
            turned, fit(turned, LEVELS, SIZE, seed, first, rounds=5)
        ),
    }


def codes(version: str, seed: int = 0) -> Codes:
    """Codes of all titles in one version: [T, q]."""
    return every(seed)[version]


VERSIONS = (
    "first",
    "old vectors, new seed",
    "new vectors, new books",
    "... then renamed",
    "new vectors, old books",
    "turned, old books",
    "turned, warm start",
)
