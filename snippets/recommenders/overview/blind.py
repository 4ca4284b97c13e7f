"""Without a truth: four ways to say what the stages lose, and which of them can see it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.overview.funnel import (
    PAGE,
    SEEDS,
    Mask,
    Service,
    run,
    service,
    top,
)
from snippets.worlds.log import examined
from snippets.worlds.world import Array

RANDOM = 2_000  # pages filled at random, a twentieth of 40,000
SEEN = 3  # stages that are judged: retrieve, light, heavy


def serve(
    it: Service, member: NDArray[np.int64], page: NDArray[np.int64], seed: int
) -> Mask:
    """Which titles of each page are played today: pages are [N, places]."""
    chance = it.truth[member[:, None], page] * examined(page.shape[1])
    draw = np.random.default_rng([it.world.seed, 6, seed])
    return draw.random(page.shape) < chance


# --8<-- [start:random]
def from_random_pages(it: Service, pages: int, seed: int = 0) -> tuple[Array, int]:
    """Share of the plays on random pages whose title passes each stage, and the number of plays."""
    draw = np.random.default_rng([it.world.seed, 7, seed])
    member = draw.integers(0, it.world.members, pages)
    page = draw.choice(np.flatnonzero(it.there[0]), (pages, PAGE))
    row, place = np.nonzero(serve(it, member, page, seed))
    passed = [alive[member[row], page[row, place]].mean() for alive in run(it)[:SEEN]]
    return np.array(passed), len(row)


# --8<-- [end:random]


def from_truth(it: Service) -> Array:
    """What random pages estimate: the share of all plays-if-seen that passes each stage."""
    return np.array([(it.truth * alive).sum() for alive in run(it)[:SEEN]]) / it.truth.sum()


# --8<-- [start:biased]
def from_past_plays(it: Service) -> Array:
    """Expected share of the next plays, under the old exposure, that passes each stage."""
    following = it.world.next_play(it.world.days - 1)  # [M, T], each row sums to 1
    return np.array([(following * alive).sum(1).mean() for alive in run(it)[:SEEN]])


def from_own_pages(it: Service, seed: int = 0) -> Array:
    """Share of the plays on the funnel's own pages whose title passes each stage."""
    after = run(it)
    member, title = np.nonzero(after[3])
    played = serve(it, member, title[:, None], seed)[:, 0]
    return np.array([alive[member, title][played].mean() for alive in after[:SEEN]])


def from_heavy(it: Service) -> Array:
    """Share of the heavy ranker's own favorites that passes each stage."""
    wanted = top(it.models.heavy, it.there, PAGE)
    return np.array([(alive & wanted).sum() for alive in run(it)[:SEEN]]) / wanted.sum()


# --8<-- [end:biased]


WAYS: dict[str, Callable[[Service], Array]] = {
    "plays on the own pages": from_own_pages,
    "plays of the past weeks": from_past_plays,
    "heavy ranker's top ten": from_heavy,
    "plays on random pages": lambda it: from_random_pages(it, RANDOM)[0],
    "truth": from_truth,
}


@lru_cache
def seen(fame: str, way: str) -> Array:
    """What one way says of each seed: [seeds, 3]."""
    return np.array([WAYS[way](service(fame, seed)) for seed in SEEDS])


def counted(fame: str) -> int:
    """Plays on the random pages, in the mean of the seeds."""
    return round(
        np.mean([from_random_pages(service(fame, seed), RANDOM)[1] for seed in SEEDS])
    )


def error(fame: str) -> float:
    """Standard error of a stage's share, from the plays of one seed's random pages."""
    share = float(seen(fame, "truth")[:, 0].mean())
    return float(np.sqrt(share * (1 - share) / counted(fame)))
