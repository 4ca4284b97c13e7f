"""Random search: configurations of four methods, their scores, and the best of n of them."""

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.collaborative_filtering import factors, neighbors, pairs
from snippets.recommenders.collaborative_filtering.splits import Task

Array = NDArray[np.float64]
METHODS = ("popularity", "EASE", "iALS", "BPR")
TOP = 10


# --8<-- [start:ranges]
def draw(method: str, span: float, dice: np.random.Generator) -> dict[str, float]:
    """One random configuration; `span` is the days from the first play to the cut."""

    def between(low: float, high: float) -> float:
        return float(np.exp(dice.uniform(np.log(low), np.log(high))))

    def one_of(*choices: int) -> int:
        return int(dice.choice(choices))

    if method == "popularity":
        return {"half_life": between(span / 100, span)}
    if method == "EASE":
        return {"lam": between(1, 10_000)}
    rank, rounds = one_of(4, 8, 16), one_of(2, 4, 8)
    if method == "iALS":
        return {
            "rank": rank,
            "alpha": between(0.1, 100),
            "lam": between(0.1, 100),
            "rounds": rounds,
        }
    if method == "BPR, narrow":
        return {
            "rank": rank,
            "rate": between(0.1, 0.5),
            "lam": between(1, 5),
            "rounds": 4 * rounds,
        }
    return {
        "rank": rank,
        "rate": between(0.01, 1),
        "lam": between(0.01, 10),
        "rounds": 4 * rounds,
    }


# --8<-- [end:ranges]


# --8<-- [start:scores]
def scores(method: str, task: Task, how: dict[str, float]) -> Array:
    """Train, then score the catalog for each judged user from a history: [V, I]."""
    if method == "popularity":
        column = np.argsort(task.catalog)
        inside = np.isin(task.train.item, task.catalog)
        item = column[np.searchsorted(task.catalog[column], task.train.item[inside])]
        age = task.cut - task.train.day[inside]
        counts = neighbors.popularity(item, age, how["half_life"], len(task.catalog))
        return np.tile(counts, (len(task.users), 1))
    if method == "EASE":
        weights: Array = task.history @ neighbors.ease(task.plays, how["lam"])
        return weights
    rank, rounds = int(how["rank"]), int(how["rounds"])
    if method == "iALS":
        _, items = factors.fit(task.plays, rank, how["alpha"], how["lam"], rounds)
        users = factors.half_step(task.history, items, how["alpha"], how["lam"])
    else:
        _, items = pairs.fit(task.plays, rank, how["rate"], how["lam"], rounds)
        users, _ = pairs.fit(
            task.history, rank, how["rate"], how["lam"], rounds, items=items
        )
    return users @ items.T


# --8<-- [end:scores]


def top(scored: Array, task: Task) -> NDArray[np.int64]:
    """The columns of the ten best items that the history lacks: [V, 10]."""
    hidden = np.where(task.history.toarray() > 0, -np.inf, scored)
    return np.argsort(-hidden, axis=1, kind="stable")[:, :TOP]


def ndcg(lists: NDArray[np.int64], task: Task) -> Array:
    """NDCG of each user's ten, a target being 1 and any other item 0: [V]."""
    hit = np.take_along_axis(task.targets.toarray() > 0, lists, axis=1)
    discount = 1.0 / np.log2(np.arange(2, TOP + 2))
    ideal = np.cumsum(discount)[np.minimum(task.targets.getnnz(axis=1), TOP) - 1]
    gained: Array = (hit * discount).sum(axis=1) / ideal
    return gained


@dataclass(frozen=True)
class Trials:
    """What M configurations scored: on validation [M], and for each user of the test [M, V]."""

    configurations: list[dict[str, float]]
    validation: Array
    test: Array
    lists: list[NDArray[np.int64]]  # of the test users, one for each configuration


def trials(
    method: str, validation: Task, test: Task, count: int = 16, seed: int = 0
) -> Trials:
    """Train and judge random configurations, the test after training up to its own cut."""
    dice = np.random.default_rng([seed, len(method)])
    span = validation.cut - validation.train.day[0]
    found = [draw(method, span, dice) for _ in range(count)]
    judged = [
        ndcg(top(scores(method, validation, how), validation), validation).mean()
        for how in found
    ]
    lists = [top(scores(method, test, how), test) for how in found]
    return Trials(
        found, np.array(judged), np.array([ndcg(one, test) for one in lists]), lists
    )


# --8<-- [start:chance]
def chance(validation: Array, n: int) -> Array:
    """Chance of each configuration to be the best of n drawn without return: [K]."""
    count = len(validation)
    behind = np.argsort(
        np.argsort(validation, kind="stable"), kind="stable"
    )  # worse ones: [K]
    return np.array([comb(int(worse), n - 1) / comb(count, n) for worse in behind])


def best_of(found: Trials, n: int) -> Array:
    """Expected test score of each user after n trials: [V]."""
    expected: Array = chance(found.validation, n) @ found.test
    return expected


# --8<-- [end:chance]
