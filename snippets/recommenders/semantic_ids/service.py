"""What the decoder recommends while codes, histories and trie are of one version, and while they are not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from snippets.recommenders.semantic_ids import versions
from snippets.recommenders.semantic_ids.beam import exhaustive, masks, search
from snippets.recommenders.semantic_ids.decoder import Decoder
from snippets.recommenders.semantic_ids.quality import LEVELS, SIZE, candidates
from snippets.recommenders.semantic_ids.training import hits, recommend, tested, train
from snippets.recommenders.semantic_ids.trie import Allowed, Trie, pairs
from snippets.recommenders.semantic_ids.vectors import NEW, OLD, plays

SEEDS = range(5)


@cache
def decoder(version: str, seed: int) -> Decoder:
    """A decoder of the titles' first codes, or of those after retraining."""
    if version == "drawn at random":
        return train(candidates(seed)[version][0], SIZE, plays(OLD), seed)
    return train(
        versions.codes(version, seed), SIZE, plays(OLD if version == "first" else NEW), seed
    )


@cache
def found(model: str, history: str, trie: str, seed: int) -> NDArray[np.bool_]:
    """Hits in the last week; decoder, histories and trie each have codes of some version."""
    past = versions.codes(history, seed)[tested().titles]
    lists = recommend(decoder(model, seed), past, versions.codes(trie, seed))
    return hits(lists, tested().next)


def served(model: str, history: str, trie: str, seed: int) -> float:
    """Recall@10 there."""
    return float(found(model, history, trie, seed).mean())


def spread(measure: Callable[[int], float]) -> tuple[float, float]:
    """Mean and standard deviation over the seeds."""
    values = [measure(seed) for seed in SEEDS]
    return float(np.mean(values)), float(np.std(values, ddof=1))


def over_seeds(measure: Callable[[int], float]) -> float:
    """Mean over the seeds alone."""
    return spread(measure)[0]


@cache
def beams(rule: str, seed: int) -> tuple[float, float]:
    """Share of the ten best tuples that no title of today has, and recall of the titles left."""
    codes, today = versions.codes("first", seed), Trie(versions.codes("first", seed))
    allowed: dict[str, Allowed | None] = {
        "no rule": None,
        "level and last code": pairs(codes),
        "trie": today.allowed,
    }
    past = torch.from_numpy(codes[tested().titles])
    best, _ = search(decoder("first", seed), past, masks(allowed[rule], LEVELS, SIZE), 10)
    titles = [[today.titles.get(tuple(row), []) for row in rows] for rows in best.tolist()]
    lists = [[title for some in rows for title in some][:10] for rows in titles]
    invalid = np.mean([not some for rows in titles for some in rows])
    return float(invalid), float(hits(lists, tested().next).mean())


RULES = ("no rule", "level and last code", "trie")


def same_ten(width: int, seed: int = 0) -> float:
    """Share of the ten likeliest tuples of the catalog that a beam of this width finds."""
    codes = versions.codes("first", seed)
    catalog, past = (
        torch.from_numpy(np.unique(codes, axis=0)),
        torch.from_numpy(codes[tested().titles[:100]]),
    )
    best = exhaustive(decoder("first", seed), past, catalog).topk(10).indices  # [B, 10]
    rows = masks(Trie(codes).allowed, LEVELS, SIZE)
    beam, _ = search(decoder("first", seed), past, rows, width)
    place = SIZE ** torch.arange(LEVELS).flip(0)
    ours, theirs = (beam[:, :10] * place).sum(-1), (catalog[best] * place).sum(-1)
    return float((ours[:, :, None] == theirs[:, None]).any(1).float().mean())
