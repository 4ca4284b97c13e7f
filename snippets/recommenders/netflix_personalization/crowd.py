"""Members as their plays show them, titles as they are described, and who would like a title."""

from __future__ import annotations

import numpy as np

from snippets.worlds.log import Log
from snippets.worlds.world import Array, World

TASTES = 8


def members_of(world: World, log: Log) -> Array:
    """A vector for each member from plays of the titles that were there at the start: [M, F]."""
    counts = np.zeros((world.members, world.titles))
    np.add.at(counts, (log.plays.member, log.plays.title), 1.0)
    old = np.minimum(counts[:, world.launch == 0], 1.0)
    left = np.linalg.svd(old - old.mean(axis=0), full_matrices=False)[0][:, :TASTES]
    return np.hstack([np.ones((world.members, 1)), left * np.sqrt(world.members)])


def describe(world: World, noise: float = 0.4) -> Array:
    """Metadata of each title: its place in the space of tastes, blurred (planted): [T, F]."""
    draw = np.random.default_rng([world.seed, 12])
    places = world.places[2]
    blurred = places + noise * draw.normal(size=places.shape) / np.sqrt(world.tastes)
    return np.hstack([np.ones((world.titles, 1)), blurred])


def audience(scores: Array, truth: Array) -> float:
    """Share of the tenth of members who like it most that the top tenth by score holds."""
    tenth = len(truth) // 10
    best, chosen = (set(np.argsort(-values)[:tenth].tolist()) for values in (truth, scores))
    return len(best & chosen) / tenth
