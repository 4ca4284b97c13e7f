"""What is measured of the decoder, and of each version of the codes."""

from __future__ import annotations

from functools import cache

import numpy as np

from snippets.recommenders.semantic_ids import versions
from snippets.recommenders.semantic_ids.quality import candidates, kept
from snippets.recommenders.semantic_ids.service import (
    SEEDS,
    beams,
    decoder,
    found,
    served,
    spread,
)
from snippets.recommenders.semantic_ids.training import hits, popular, recommend, tested
from snippets.recommenders.semantic_ids.vectors import OLD, plays, world

NEW = "new vectors, new books"


@cache
def most_played() -> float:
    """Recall of the ten titles that were played most."""
    return float(hits([popular(plays(OLD))] * len(tested().next), tested().next).mean())


@cache
def best_possible() -> float:
    """Recall of the ten titles that each member likes most, which only the world knows."""
    likely = np.argsort(-world().next_play(24)[tested().member], axis=1)[:, :10]
    return float(hits(likely.tolist(), tested().next).mean())


def meant(seed: int) -> float:
    """Recall with codes from RQ-k-means."""
    return served("first", "first", "first", seed)


def drawn(seed: int) -> float:
    """Recall with codes drawn at random."""
    codes = candidates(seed)["drawn at random"][0]
    lists = recommend(decoder("drawn at random", seed), codes[tested().titles], codes)
    return float(hits(lists, tested().next).mean())


def renewed(version: str, seed: int) -> float:
    """Recall of the old decoder where histories and trie have the codes of this version."""
    return served("first", version, version, seed)


def left(version: str, seed: int) -> float:
    """The same, while the histories still have their first codes."""
    return served("first", "first", version, seed)


def invalid(rule: str, seed: int) -> float:
    """Share of the ten best tuples that no title has."""
    return beams(rule, seed)[0]


def left_over(rule: str, seed: int) -> float:
    """Recall of the titles at those ten tuples."""
    return beams(rule, seed)[1]


def first_kept(version: str, seed: int) -> float:
    """Share of titles that keep their first code."""
    return kept(versions.codes("first", seed), versions.codes(version, seed))[0]


def all_kept(version: str, seed: int) -> float:
    """Share of titles that keep all codes."""
    return kept(versions.codes("first", seed), versions.codes(version, seed))[-1]


def release(days: int = 5) -> list[tuple[float, float, float]]:
    """Share of members in group A, recall of A and of the others, on each day of a release."""
    quarter = tested().member % 4
    new = np.mean([found(NEW, NEW, NEW, seed) for seed in SEEDS], axis=0)
    old = np.mean([found(NEW, "first", NEW, seed) for seed in SEEDS], axis=0)
    rows = [(0.0, float("nan"), spread(meant)[0])]
    for day in range(1, days - 1):
        group = quarter < day
        rows.append(
            (float(group.mean()), float(new[group].mean()), float(old[~group].mean()))
        )
    return [*rows, (1.0, float(new.mean()), float("nan"))]
