"""What the stages learn from one log: factors, a content match, and two rankers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snippets.worlds.log import Log, examined
from snippets.worlds.world import Array, World, unit

RANK = 12  # numbers that the factorization keeps of each member and title
SPLIT = 18  # features come from the days before, labels from this day on


@dataclass(frozen=True)
class Models:
    """Scores of the whole catalog by each stage's own model, all [M, T]."""

    factors: Array
    content: Array
    light: Array
    heavy: Array


def table(world: World, log: Log, weight: Array) -> Array:
    """Sum of a weight over the rows of a log, by member and title: [M, T]."""
    cell = log.member * world.titles + log.title
    sums = np.bincount(cell, weight, world.members * world.titles).astype(np.float64)
    return sums.reshape(world.members, world.titles)


def tables(world: World, log: Log) -> tuple[Array, Array]:
    """Plays of each member and title, and how often the member looked at it: [M, T] each."""
    played = table(world, log, log.played.astype(np.float64))
    return played, table(world, log, examined()[log.slot])


def content(world: World, blur: float = 0.1) -> Array:
    """What an encoder would see of each title: its place in the space of tastes, blurred: [T, F]."""
    titles = world.places[2]
    noise = np.random.default_rng([world.seed, 5]).normal(size=titles.shape)
    return unit(titles + blur * noise)


# --8<-- [start:factors]
def factor_scores(plays: Array, rank: int = RANK) -> Array:
    """Plays projected on their strongest patterns across titles: [M, T]."""
    damped = np.sqrt(plays / plays.mean())
    _, patterns = np.linalg.eigh(damped.T @ damped)  # [T, T], the weakest first
    kept = patterns[:, -rank:]
    scores: Array = damped @ kept @ kept.T
    return scores


# --8<-- [end:factors]


# --8<-- [start:match]
def content_scores(plays: Array, vectors: Array) -> Array:
    """Cosine of a title's vector with what a member plays more than others: [M, T]."""
    usual = plays.sum(1, keepdims=True) * plays.sum(0) / plays.sum()
    profile = unit((plays - usual) @ vectors + 1e-9)  # [M, F]
    scores: Array = profile @ vectors.T
    return scores


# --8<-- [end:match]


def features(plays: Array, looks: Array, vectors: Array) -> Array:
    """Six numbers of each member and title, [6, M, T]; the light ranker sees the first three."""
    ones, per_title = np.ones_like(plays), plays.sum(0)
    popular = np.log((per_title + 1) / plays.sum())
    rate = np.log((per_title + 1) / (looks.sum(0) + looks.sum() / plays.sum()))
    match = content_scores(plays, vectors)
    return np.stack(
        [ones, factor_scores(plays), ones * popular, ones * rate, match, match**2]
    )


# --8<-- [start:fit]
def poisson(x: Array, plays: Array, looks: Array) -> Array:
    """Weights of log(plays / looks), by Newton's method: x is [N, K], the others [N]."""
    weights: Array = np.zeros(x.shape[1])
    weights[0] = np.log(plays.sum() / looks.sum())
    for _ in range(50):
        expected = looks * np.exp(x @ weights)
        step = np.linalg.solve((x.T * expected) @ x, x.T @ (plays - expected))
        weights += step * min(1.0, 2.0 / np.abs(step).max())  # a long step overshoots
        if np.abs(step).max() < 1e-6:
            break
    return weights


# --8<-- [end:fit]


def ranker(past: Array, plays: Array, looks: Array, now: Array) -> Array:
    """Fit labels on features of the days before, then score with features of today: [M, T]."""
    seen = looks.ravel() > 0
    x = past.reshape(len(past), -1).T[seen]
    weights = poisson(x, plays.ravel()[seen], looks.ravel()[seen])
    scores: Array = np.tensordot(weights, now, 1)
    return scores


def learn(world: World, log: Log) -> Models:
    """The models of all stages, each from what it may look at."""
    vectors, late = content(world), log.day >= SPLIT
    past = features(*tables(world, log.where(~late)), vectors)
    plays, looks = tables(world, log.where(late))
    now = features(*tables(world, log), vectors)
    return Models(
        factors=now[1],
        content=now[4],
        light=ranker(past[:3], plays, looks, now[:3]),
        heavy=ranker(past, plays, looks, now),
    )
