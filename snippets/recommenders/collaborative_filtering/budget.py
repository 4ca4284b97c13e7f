"""Score against tuning budget: MovieLens small and a world, four methods, sixteen trials each."""

import functools
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.collaborative_filtering.search import Trials, best_of, trials
from snippets.recommenders.collaborative_filtering.splits import (
    Task,
    cut,
    movielens,
    played,
)
from snippets.worlds.log import record
from snippets.worlds.world import World

Array = NDArray[np.float64]
MOVIES, WORLD = "MovieLens small", "world"
SIZE = {"members": 300, "titles": 150}
COUNT, BUDGETS = 16, (1, 2, 4, 8, 16)


@functools.cache
def tasks(data: str) -> tuple[Task, Task]:
    """Validation and test: the fourth and the last fifth of the ratings, or the last two weeks."""
    if data == MOVIES:
        plays = movielens()
        first, second = np.quantile(plays.day, [0.6, 0.8])
        return cut(plays, first, second, 0.5, 400), cut(plays, second, np.inf, 0.5, 400)
    plays = played(record(World("shown", **SIZE), 10_000, slice_=0.0))
    return cut(plays, 14, 21, 0.0, 150), cut(plays, 21, 28, 0.0, 150)


@functools.cache
def found(data: str, method: str, seed: int = 0) -> Trials:
    """Sixteen trials of a method, the same whenever they are asked for."""
    return trials(method, *tasks(data), COUNT, seed)


def judged(data: str) -> int:
    """Users of the test."""
    return len(tasks(data)[1].users)


def reached(data: str, method: str, n: int, seed: int = 0) -> float:
    """Expected NDCG@10 on the test users after n trials."""
    return float(best_of(found(data, method, seed), n).mean())


# --8<-- [start:paired]
def paired(one: Array, two: Array) -> tuple[float, float]:
    """Mean difference of the same users' scores, and 1.96 standard errors."""
    difference = one - two
    return float(difference.mean()), float(
        1.96 * difference.std(ddof=1) / sqrt(len(difference))
    )


# --8<-- [end:paired]


def against(data: str, one: str, n: int, two: str, m: int) -> tuple[float, float]:
    """One method after n trials minus another after m, and the half width of the interval."""
    return paired(best_of(found(data, one), n), best_of(found(data, two), m))


def lead(seed: int, n: int) -> float:
    """What iALS gains over EASE in the world after n trials each."""
    return reached(WORLD, "iALS", n, seed) - reached(WORLD, "EASE", n, seed)
