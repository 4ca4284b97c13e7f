"""Cosine of factors: rescaled dimensions predict the same, and name other neighbors."""

import functools

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.collaborative_filtering import factors
from snippets.recommenders.collaborative_filtering.splits import Plays, cut, movielens
from snippets.worlds.movielens import ratings

Array = NDArray[np.float64]


# --8<-- [start:rescale]
def rescale(users: Array, items: Array, power: float) -> tuple[Array, Array]:
    """Stretch each dimension of the items and shrink the users': the same products."""
    size = np.sqrt((items**2).sum(axis=0)) ** power  # [F]
    return users / size, items * size


def cosines(items: Array, metric: Array | None = None) -> Array:
    """Cosine of all pairs of items, in an inner product of your choice: [I, I]."""
    products = items @ (np.eye(items.shape[1]) if metric is None else metric) @ items.T
    length = np.sqrt(np.diag(products))
    similar: Array = products / length / length[:, None]
    return similar


# --8<-- [end:rescale]


def nearest(similar: Array, count: int = 10) -> NDArray[np.int64]:
    """The items most similar to each, itself left out: [I, count]."""
    others = similar.copy()
    np.fill_diagonal(others, -np.inf)
    return np.argsort(-others, axis=1, kind="stable")[:, :count]


def shared(one: NDArray[np.int64], two: NDArray[np.int64]) -> float:
    """Mean share of neighbors that two lists have in common."""
    return float(
        np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(one, two, strict=True)])
    )


@functools.cache
def trained() -> tuple[Array, Array, list[str]]:
    """iALS factors of the 500 movies of MovieLens small with most ratings, and their names."""
    plays: Plays = movielens()
    task = cut(plays, plays.day[-1], plays.day[-1] + 1, 0.0, 500)
    users, items = factors.fit(task.plays, rank=16, alpha=1.0, lam=5.0, rounds=8)
    names = ratings().names
    turn = np.linalg.svd(items, full_matrices=False)[2].T  # the axes of greatest spread
    return users @ turn, items @ turn, [names[movie] for movie in task.catalog]


def compared(power: float) -> tuple[float, float, float]:
    """Largest change of a score, and the shares of neighbors kept by two cosines."""
    users, items, _ = trained()
    other_users, other_items = rescale(users, items, power)
    change = np.abs(users @ items.T - other_users @ other_items.T).max()
    plain = shared(nearest(cosines(items)), nearest(cosines(other_items)))
    by_score = shared(
        nearest(cosines(items, users.T @ users)),
        nearest(cosines(other_items, other_users.T @ other_users)),
    )
    return float(change), plain, by_score


def example_rescaled() -> None:
    """The same predictions from rescaled factors: what becomes of the ten nearest neighbors."""
    print("power  change of scores  kept by cosine  kept by cosine of scores")
    for power in (0.0, 1.0, -1.0, -3.0):
        change, plain, by_score = compared(power)
        print(
            f"{power:5.1f}{'below 1e-12' if change < 1e-12 else f'{change:.1e}':>18s}{plain:16.0%}{by_score:26.0%}"
        )


def example_names() -> None:
    """The three movies nearest to one, by factors that predict the same."""
    users, items, names = trained()
    movie = names.index("Toy Story")
    for power in (0.0, -1.0, -3.0):
        close = nearest(cosines(rescale(users, items, power)[1]), 3)[movie]
        print(f"{power:5.1f}  {', '.join(names[other] for other in close)}")


def facts() -> dict[str, str]:
    """Numbers that the page states about cosines."""
    return {
        "kept_far": f"{compared(-3.0)[1]:.0%}",
    }


if __name__ == "__main__":
    example_rescaled()
    example_names()
