"""Vectors of titles out of a log of plays, by correspondence analysis, and the map between two of them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from snippets.worlds.log import Log, record
from snippets.worlds.world import World

Array = NDArray[np.float64]

WIDTH = 4  # numbers in a title's vector
OLD, NEW, TEST = (0, 14), (7, 21), (21, 28)  # days, the last left out


@cache
def world() -> World:
    """The service of this page: all its titles are there from the first day."""
    return World("shown", members=1_000, titles=300, tastes=4, zipf=0.2, new=0.0)


@cache
def plays(days: tuple[int, int], sessions: int = 60_000) -> Log:
    """What was played on these days, in order of time."""
    log = whole(sessions)
    return log.where((log.day >= days[0]) & (log.day < days[1]))


@cache
def whole(sessions: int) -> Log:
    """All plays of four weeks."""
    return record(world(), sessions, slice_=0.0).plays


# --8<-- [start:vectors]
def table(plays: Log, members: int, titles: int) -> Array:
    """How often each member played each title: [M, T]."""
    cells = plays.member * titles + plays.title
    counted: Array = np.bincount(cells, minlength=members * titles).astype(np.float64)
    return counted.reshape(members, titles)


def vectors(counted: Array, width: int = WIDTH) -> Array:
    """A vector for each title, from what is played more than popularity explains: [T, F]."""
    share = counted / counted.sum()
    member, title = share.sum(1), np.maximum(share.sum(0), 1e-12)
    expected = np.outer(np.maximum(member, 1e-12), title)
    surprise = (share - expected) / np.sqrt(expected)
    squares, axes = np.linalg.eigh(surprise.T @ surprise)
    size = np.sqrt(np.maximum(squares[::-1][:width], 0.0))
    placed: Array = axes[:, ::-1][:, :width] * size / np.sqrt(title)[:, None]
    return placed


# --8<-- [end:vectors]
# --8<-- [start:turn]
def turn(new: Array, old: Array) -> Array:
    """The rotation or reflection of `new` that lies closest to `old`: [T, F]."""
    left, _, right = np.linalg.svd(new.T @ old)
    turned: Array = new @ left @ right
    return turned


# --8<-- [end:turn]


@cache
def trained(days: tuple[int, int] = OLD) -> Array:
    """Vectors from the plays of these days: [T, F]."""
    return vectors(table(plays(days), world().members, world().titles))


def neighbors(placed: Array, k: int = 10) -> NDArray[np.int64]:
    """The `k` nearest titles of each title, itself left out: [T, k]."""
    far = (placed**2).sum(
        1
    ) - 2 * placed @ placed.T  # less its own length, which orders nothing
    np.fill_diagonal(far, np.inf)
    return np.argsort(far, axis=1, kind="stable")[:, :k]
