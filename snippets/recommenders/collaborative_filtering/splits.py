"""Plays cut in time: what trains, what is known of a user by then, and what comes next."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from snippets.worlds.log import Log
from snippets.worlds.movielens import ratings

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Plays:
    """Who played what when, in order of time: all [N]."""

    user: Whole
    item: Whole
    day: Array

    def where(self, rows: NDArray[np.bool_]) -> "Plays":
        """The rows for which `rows` is true."""
        return Plays(self.user[rows], self.item[rows], self.day[rows])


@dataclass(frozen=True)
class Task:
    """One cut: U users train, V users are scored on a history, and judged by targets."""

    train: Plays
    plays: csr_matrix  # [U, I], counts
    catalog: Whole  # the item of each column: [I]
    cut: float  # the day
    users: Whole  # who is scored: [V]
    history: csr_matrix  # [V, I]
    targets: csr_matrix  # [V, I], nothing that the history holds


def matrix(plays: Plays, catalog: Whole, users: int) -> csr_matrix:
    """Counts of plays: [U, I]; items outside the catalog are left out."""
    column = np.full(max(plays.item.max(initial=0), catalog.max()) + 1, -1)
    column[catalog] = np.arange(len(catalog))
    inside = column[plays.item] >= 0
    where = plays.user[inside], column[plays.item[inside]]
    return csr_matrix((np.ones(inside.sum()), where), (users, len(catalog)))


# --8<-- [start:cut]
def cut(plays: Plays, start: float, end: float, given: float, size: int) -> Task:
    """Train before `start`; judge users of the days up to `end`, a share given."""
    train = plays.where(plays.day < start)
    window = plays.where((plays.day >= start) & (plays.day < end))
    counts = np.bincount(train.item)
    catalog = np.argsort(-counts, kind="stable")[: min(size, (counts > 0).sum())]
    everybody = plays.user.max() + 1
    early = (
        place(window.user)
        < given * np.bincount(window.user, minlength=everybody)[window.user]
    )
    first, later = window.where(early), window.where(~early)
    trained = matrix(train, catalog, everybody)
    history = trained + matrix(first, catalog, everybody)
    targets = matrix(later, catalog, everybody)
    targets = csr_matrix(targets - targets.multiply(history > 0))  # new to the user
    targets.eliminate_zeros()
    known = np.asarray(history.sum(axis=1)).ravel() >= 5
    users = np.flatnonzero(known & (targets.getnnz(axis=1) > 0))
    busy = trained[trained.getnnz(axis=1) > 0]
    return Task(train, busy, catalog, start, users, history[users], targets[users])


# --8<-- [end:cut]


def place(user: Whole) -> Whole:
    """How many earlier rows each row has of the same user: [N]."""
    order = np.argsort(user, kind="stable")
    grouped = user[order]
    places = np.empty(len(user), dtype=np.int64)
    places[order] = np.arange(len(user)) - np.searchsorted(grouped, grouped)
    return places


def movielens() -> Plays:
    """Each rating of MovieLens small as one play, whatever its stars."""
    table = ratings()
    return Plays(table.user, table.movie, table.time / 86_400)


def played(log: Log) -> Plays:
    """The plays of a log of slots."""
    plays = log.plays
    return Plays(plays.member, plays.title, plays.day.astype(np.float64))
