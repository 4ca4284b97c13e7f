"""Twelve simple policies, each a table of scores learned from a log of plays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snippets.worlds.log import Log
from snippets.worlds.world import World

Array = NDArray[np.float64]
Pages = NDArray[np.int64]
RANKS, RIDGE, DAMP = 8, 20.0, 5.0


@dataclass(frozen=True)
class Past:
    """What a policy may learn from."""

    plays: Array  # by member and title: [M, T]
    recent: Array  # plays of the last week, by title: [T]
    shown: Array  # times a title was on a page, by title: [T]


def past_of(log: Log, world: World, day: int) -> Past:
    """The past of all rows of a log before `day`."""
    log = log.where(log.day < day)
    seen, last = log.plays, log.plays.where(log.plays.day >= day - 7)
    plays = np.zeros((world.members, world.titles))
    np.add.at(plays, (seen.member, seen.title), 1.0)
    return Past(
        plays,
        np.bincount(last.title, minlength=world.titles).astype(np.float64),
        np.bincount(log.title, minlength=world.titles).astype(np.float64),
    )


def cosine(x: Array) -> Array:
    """Scores by cosine between the members of two titles."""
    once = (x > 0).astype(np.float64)
    length = np.sqrt(once.sum(0)) + 1e-9
    near = once.T @ once / np.outer(length, length)
    np.fill_diagonal(near, 0)
    return np.asarray(x @ near)


def ease(x: Array) -> Array:
    """Scores by a ridge regression of each title on all others."""
    inverse = np.linalg.inv(x.T @ x + RIDGE * np.eye(x.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return np.asarray(x @ weights)


def svd(x: Array) -> Array:
    """Scores by the eight strongest directions."""
    left, size, right = np.linalg.svd(x, full_matrices=False)
    return np.asarray((left[:, :RANKS] * size[:RANKS]) @ right[:RANKS])


# --8<-- [start:policies]
POLICIES: dict[str, Callable[[Past], Array]] = {
    "popular": lambda p: everyone(p, p.plays.sum(0)),
    "popular lately": lambda p: everyone(p, p.recent + 1e-6 * p.plays.sum(0)),
    "play rate": lambda p: everyone(p, (p.plays.sum(0) + 1) / (p.shown + 50)),
    "own plays": lambda p: p.plays + 1e-6 * p.plays.sum(0),
    "cosine": lambda p: cosine(p.plays),
    "EASE": lambda p: ease(p.plays),
    "EASE / root of plays": lambda p: ease(p.plays) / np.sqrt(p.plays.sum(0) + DAMP),
    "SVD": lambda p: svd(p.plays),
    "SVD of damped plays": lambda p: svd(p.plays / np.sqrt(p.plays.sum(0) + DAMP)),
    "SVD / times shown": lambda p: svd(p.plays) / (p.shown + 50),
    "unpopular": lambda p: everyone(p, -p.plays.sum(0)),
    "random": lambda p: np.random.default_rng(1).random(p.plays.shape),
}
# --8<-- [end:policies]


def everyone(past: Past, scores: Array) -> Array:
    """The same scores for each member: [M, T]."""
    return np.tile(scores, (len(past.plays), 1))


def first(scores: Array, k: int = 10) -> Pages:
    """The k best titles of each member, best first: [M, k]."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]
