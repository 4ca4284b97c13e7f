"""One log, two truths: what the chosen lists are worth where fame is liking, and where it is not."""

import functools

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.collaborative_filtering.budget import SIZE, WORLD, found, tasks
from snippets.worlds.world import World

Array = NDArray[np.float64]
FAMES = ("liked", "shown")
DAY = 24  # the middle of the test's week


@functools.cache
def utilities(fame: str) -> Array:
    """What each test user would like on that day, nothing of what was played: [V, I]."""
    task = tasks(WORLD)[1]
    world = World(fame, **SIZE)
    useful = world.utility(DAY)[task.users][:, task.catalog]
    return np.where(task.history.toarray() > 0, np.nan, useful)


# --8<-- [start:worth]
def worth(lists: NDArray[np.int64], fame: str) -> float:
    """Utility of the listed titles, as a share of the best lists of the same length."""
    useful = np.nan_to_num(utilities(fame), nan=-1.0)  # [V, I]
    got = np.take_along_axis(useful, lists, axis=1).sum(axis=1).mean()
    best = -np.sort(-useful, axis=1)[:, : lists.shape[1]].sum(axis=1).mean()
    return float(got / best)


# --8<-- [end:worth]


def chosen(method: str, fame: str) -> float:
    """Worth of the lists of the configuration that validation chose among all."""
    tried = found(WORLD, method)
    return worth(tried.lists[int(tried.validation.argmax())], fame)


def random_worth(fame: str) -> float:
    """Worth of ten titles at random, in expectation."""
    useful = utilities(fame)
    best = -np.sort(-np.nan_to_num(useful, nan=-1.0), axis=1)[:, :10].sum(axis=1).mean()
    return float(10 * np.nanmean(useful, axis=1).mean() / best)


def agreement(method: str, fame: str) -> float:
    """Correlation over configurations of the score on plays with the worth of the lists."""
    tried = found(WORLD, method)
    worths = [worth(lists, fame) for lists in tried.lists]
    return float(np.corrcoef(tried.test.mean(axis=1), worths)[0, 1])
