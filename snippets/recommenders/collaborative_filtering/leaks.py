"""What a split says: the same plays cut in time and cut at random."""

import numpy as np

from snippets.recommenders.collaborative_filtering.budget import MOVIES, SIZE, WORLD, tasks
from snippets.recommenders.collaborative_filtering.search import ndcg, scores, top
from snippets.recommenders.collaborative_filtering.splits import (
    Plays,
    Task,
    cut,
    movielens,
    played,
)
from snippets.worlds.log import record
from snippets.worlds.world import World


def everything(data: str) -> tuple[Plays, float]:
    """All plays, and the share of a user's window that is given."""
    if data == MOVIES:
        return movielens(), 0.5
    return played(record(World("shown", **SIZE), 10_000, slice_=0.0)), 0.0


def shuffled(plays: Plays, seed: int = 0) -> Plays:
    """The same plays on days drawn anew: a cut in time is now a cut at random."""
    order = np.random.default_rng(seed).permutation(len(plays.day))
    return Plays(plays.user[order], plays.item[order], plays.day)


def at_random(data: str, seed: int = 0) -> Task:
    """The test's window with plays of any day in it."""
    plays, given = everything(data)
    task = tasks(data)[1]
    return cut(shuffled(plays, seed), task.cut, np.inf, given, 400)


def missing(data: str, plays: Plays) -> tuple[float, float]:
    """Shares of the window's users without an earlier play, and of its plays on such titles."""
    start = tasks(data)[1].cut
    before, window = plays.where(plays.day < start), plays.where(plays.day >= start)
    users = float(np.mean(~np.isin(np.unique(window.user), before.user)))
    return users, float(np.mean(~np.isin(window.item, before.item)))


def score(task: Task, method: str) -> float:
    """NDCG@10 of EASE or of popularity without forgetting, in fixed configurations."""
    how = {"EASE": {"lam": 300.0}, "popularity": {"half_life": 1e9}}[method]
    return float(ndcg(top(scores(method, task, how), task), task).mean())


def example_splits() -> None:
    """New users, plays of new titles, and two scores, by the way of cutting."""
    print(f"{'':26s}{'new users':>10s}{'new titles':>11s}{'popularity':>11s}{'EASE':>8s}")
    for data in (MOVIES, WORLD):
        plays, _ = everything(data)
        for name, rows, task in (
            ("in time", plays, tasks(data)[1]),
            ("at random", shuffled(plays), at_random(data)),
        ):
            users, items = missing(data, rows)
            print(
                f"{data + ', ' + name:26s}{users:10.0%}{items:11.1%}"
                f"{score(task, 'popularity'):11.4f}{score(task, 'EASE'):8.4f}"
            )


def flattered() -> float:
    """How many times as high EASE scores on MovieLens small if the cut is at random."""
    return score(at_random(MOVIES), "EASE") / score(tasks(MOVIES)[1], "EASE")


def facts() -> dict[str, str]:
    """Numbers that the page states about splits."""
    users, titles = missing(MOVIES, everything(MOVIES)[0])
    return {
        "new_users": f"{users:.0%}",
        "new_titles": f"{titles:.0%}",
        "ease_in_time": f"{score(tasks(MOVIES)[1], 'EASE'):.2f}",
        "ease_at_random": f"{score(at_random(MOVIES), 'EASE'):.2f}",
        "flattered": f"{flattered():.2f}",
    }


if __name__ == "__main__":
    example_splits()
