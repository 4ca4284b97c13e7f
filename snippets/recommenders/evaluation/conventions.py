"""One ranking of MovieLens under rival conventions: real ratings, for research alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import fmean

import numpy as np

from snippets.recommenders.evaluation import metrics
from snippets.recommenders.evaluation.metrics import Convention
from snippets.worlds.movielens import ratings


@dataclass(frozen=True)
class User:
    """What one user's list found, and what it could have found."""

    ranked: list[int]  # grade of each recommended movie, 0 if it was not held out
    everything: list[int]  # grades of the held-out movies


DEPTH = 100


@cache
def popular_lists() -> list[User]:
    """The 100 most rated movies that a user had not rated; a fifth of the ratings held out."""
    table = ratings()
    grade = np.maximum(2 * (table.stars - 3), 0).astype(
        int
    )  # 3 stars or fewer: 0; 5 stars: 4
    users = []
    rows_of = [np.flatnonzero(table.user == user) for user in range(table.user.max() + 1)]
    cut = [len(rows) * 4 // 5 for rows in rows_of]  # rows are in order of time
    known = np.concatenate([rows[:c] for rows, c in zip(rows_of, cut, strict=True)])
    count = np.bincount(table.movie[known], minlength=len(table.names))
    order = np.argsort(-count, kind="stable")
    for rows, c in zip(rows_of, cut, strict=True):
        fresh = order[~np.isin(order, table.movie[rows[:c]])][:DEPTH]
        held = dict(
            zip(table.movie[rows[c:]].tolist(), grade[rows[c:]].tolist(), strict=True)
        )
        users.append(User([held.get(m, 0) for m in fresh.tolist()], list(held.values())))
    return users


CONVENTIONS = {
    "linear, cut, empty = 0": Convention(),
    "exponential gain": Convention(gain="exponential"),
    "ideal not cut at k": Convention(ideal="uncut"),
    "ideal of what was retrieved": Convention(ideal="retrieved"),
    "ideal always k items": Convention(ideal="full"),
    "empty = 1": Convention(empty=1.0),
    "empty left out": Convention(empty=None),
    "exponential, empty = 1": Convention(gain="exponential", empty=1.0),
}


def value(name: str, k: int = 10) -> tuple[float, int]:
    """NDCG@k of the popular lists under one convention, and the users in the mean."""
    by = CONVENTIONS[name]
    return metrics.mean_over(
        [metrics.ndcg(u.ranked, u.everything, k, by) for u in popular_lists()]
    )


def all_users() -> int:
    """Users of the data set."""
    return len(popular_lists())


def empty_users() -> int:
    """Users whose held-out movies all have grade 0."""
    return sum(not any(user.everything) for user in popular_lists())


def example_ndcg() -> None:
    """One ranking, eight values."""
    print(f"{'NDCG@10':28} {'value':>7} {'against the first':>18} {'users':>6}")
    first = value("linear, cut, empty = 0")[0]
    for name in CONVENTIONS:
        mean, users = value(name)
        print(f"{name:28} {mean:7.4f} {mean / first:17.2f}x {users:6}")


def three_precisions(k: int) -> tuple[float, float, float]:
    """Pooled over min(k, n), mean hits over k, mean hits over n, for users that have any."""
    users = [user for user in popular_lists() if any(user.everything)]
    hit = [[grade > 0 for grade in user.ranked] for user in users]
    n = [sum(grade > 0 for grade in user.everything) for user in users]
    return (
        metrics.pooled(hit, k, n),
        fmean(metrics.precision(h, k) for h in hit),
        fmean(metrics.recall(h, k, m) for h, m in zip(hit, n, strict=True)),
    )


def example_precision() -> None:
    """Three numbers that have been printed as precision@k."""
    print(f"{'k':>4} {'pooled / min(k, n)':>19} {'hits / k':>9} {'hits / n':>9}")
    for k in (1, 3, 10, 30, 100):
        print(
            f"{k:4} {three_precisions(k)[0]:19.3f} {three_precisions(k)[1]:9.3f} {three_precisions(k)[2]:9.3f}"
        )


def example_ap() -> None:
    """AP@4 of a list with one hit, in the second place, by denominator and relevant items."""
    hit = [False, True, False, False]
    print(f"{'divided by':28} {'2 relevant':>10} {'6 relevant':>10}")
    for name, words in (
        ("hits", "hits in the first 4"), ("relevant", "relevant items"),
        ("min", "the smaller of 4 and those"), ("k", "4"),
    ):  # fmt: skip
        cells = [metrics.average_precision(hit, 4, n, name) for n in (2, 6)]
        print(f"{words:28} {cells[0]:10.3f} {cells[1]:10.3f}")


def spread() -> tuple[float, float]:
    """The smallest and the largest value of the table."""
    values = [value(name)[0] for name in CONVENTIONS]
    return min(values), max(values)


def facts() -> dict[str, str]:
    """Numbers that the page states about conventions."""
    low, high = spread()
    return {
        "lowest": f"{low:.3f}",
        "highest": f"{high:.3f}",
        "empty_users": f"{empty_users()}",
        "ml_users": f"{all_users()}",
        "plain": f"{value('linear, cut, empty = 0')[0]:.4f}",
        "empty_one": f"{value('empty = 1')[0]:.4f}",
        "pooled_100": f"{three_precisions(100)[0]:.3f}",
        "precision_100": f"{three_precisions(100)[1]:.3f}",
    }
