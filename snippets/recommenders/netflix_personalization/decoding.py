"""Filling the page token by token, and counting the passes that it takes."""

# /// fieldguide
# timeout_s = 90
# ///

from __future__ import annotations

import functools
from statistics import fmean

import numpy as np

from snippets.recommenders.netflix_personalization import best
from snippets.recommenders.netflix_personalization.home import Home, home

SEEDS = range(20)


# --8<-- [start:decode]
def decode(home: Home, first: int) -> tuple[list[int], int]:
    """A page and its passes: `first` entities of a row singly, the rest at once."""
    page: list[int] = []
    count = 0
    for _ in range(home.rows):
        rows = [
            fill(home, [*page, int(row)], first)
            for row in np.flatnonzero(home.allowed(page))
        ]
        page = max(rows, key=home.reward)
        count += 1 + min(first + 1, home.width)
    return page, count


def fill(home: Home, page: list[int], first: int) -> list[int]:
    """The page with the row filled that its last token began."""
    for column in range(home.width):
        if column <= first:
            worth = home.values(page)  # one pass; later columns reuse its result
        fits = home.allowed(page)[: home.entities]
        page = [*page, int(np.where(fits, worth, -np.inf).argmax())]
    return page
    # --8<-- [end:decode]


def passes(rows: int, width: int, first: int) -> int:
    """Passes of the model for one page: a row token each, then entities."""
    return rows * (1 + min(first + 1, width))


@functools.cache
def best_reward(seed: int, boredom: float) -> float:
    """Reward of the best page of a seeded home."""
    return best.best(home(seed, boredom))[1]


@functools.cache
def share(seed: int, first: int, boredom: float = 0.8) -> float:
    """Reward of the decoded page as a share of the best page's."""
    one = home(seed, boredom)
    return one.reward(decode(one, first)[0]) / best_reward(seed, boredom)


def mean_share(first: int, boredom: float = 0.8) -> float:
    """The same, mean over the seeds."""
    return fmean(share(seed, first, boredom) for seed in SEEDS)


def example_shares() -> None:
    """Reward as a share of the best page's: mean and worst of twenty homes, and the passes."""
    print(f"{'one by one':24s}{'mean':>7s}{'worst':>7s}{'passes':>8s}")
    for boredom in (0.8, 0.0):
        print("copies bore" if boredom else "copies do not bore")
        for first in (0, 1, 2):
            found = [share(seed, first, boredom) for seed in SEEDS]
            name = f"  first {first} of 3" if first < 2 else "  all 3"
            print(f"{name:24s}{fmean(found):7.3f}{min(found):7.3f}{passes(2, 3, first):8d}")


def saved(rows: int, width: int, first: int) -> float:
    """Share of the passes that a hybrid row saves."""
    return 1 - passes(rows, width, first) / passes(rows, width, width)


def listed() -> int:
    """Pages that the masks of a home allow."""
    return len(best.every_page(home(0)))


def facts() -> dict[str, str]:
    """Numbers of the page about decoding."""
    return {
        "share_full": f"{mean_share(2):.1%}",
        "share_hybrid": f"{mean_share(1):.1%}",
        "share_once": f"{mean_share(0):.1%}",
        "saved_long": f"{saved(20, 40, 3):.0%}",
        "all_pages": f"{listed():,}",
    }
