"""Two sources, one list of candidates: by quota, by rank, or by scores in different units."""

from __future__ import annotations

import numpy as np

from snippets.recommenders.overview.charges import worth
from snippets.recommenders.overview.funnel import SEEDS, Mask, onward, service, top
from snippets.worlds.world import Array

FOUND, QUOTA = 40, 10  # titles for the light ranker, and of them from the second source


# --8<-- [start:quota]
def by_quota(first: Array, second: Array, there: Mask) -> Mask:
    """The best of the first source, then the best of the second that are not among them."""
    kept = top(first, there, FOUND - QUOTA)
    return kept | top(second, there & ~kept, QUOTA)


# --8<-- [end:quota]


# --8<-- [start:score]
def by_score(first: Array, second: Array, there: Mask) -> Mask:
    """The titles with the highest score, whichever source gave it."""
    return top(np.maximum(first, second), there, FOUND)


# --8<-- [end:score]


# --8<-- [start:rank]
def by_rank(first: Array, second: Array, there: Mask, damping: int = 60) -> Mask:
    """The titles with the highest sum of 1 / (damping + rank) over both sources."""

    def inverse(scores: Array) -> Array:
        order = np.argsort(-np.where(there, scores, -np.inf), axis=1, kind="stable")
        return 1.0 / (damping + 1 + np.argsort(order, axis=1))

    return top(inverse(first) + inverse(second), there, FOUND)


# --8<-- [end:rank]

MERGES = {"by score": by_score, "by rank": by_rank, "by quota": by_quota}


def merged(fame: str, merge: str, unit: float) -> tuple[float, float]:
    """Share of candidates that the second source alone brings, and the page's worth: means over seeds."""
    rows = []
    for seed in SEEDS:
        it = service(fame, seed)
        scaled = it.models.factors * unit
        kept = MERGES[merge](scaled, it.models.content, it.there)
        alone = kept & ~top(scaled, it.there, FOUND)
        page = onward(it, kept, 1, np.arange(it.world.members))
        rows.append((alone.sum() / kept.sum(), worth(it, page)))
    share, plays = np.mean(rows, axis=0)
    return float(share), float(plays)
