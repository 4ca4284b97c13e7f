"""What the service writes down: who saw what, where on the page, and whether it was played."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snippets.worlds.world import Array, World

SLOTS = 10  # titles on a page


@dataclass(frozen=True)
class Log:
    """One row for each slot shown, in order of time; all columns [N]."""

    day: NDArray[np.int64]
    session: NDArray[np.int64]
    member: NDArray[np.int64]
    slot: NDArray[np.int64]  # 0 is the first on the page
    title: NDArray[np.int64]
    random: NDArray[np.bool_]  # filled at random, as a slice of traffic is
    played: NDArray[np.bool_]

    def where(self, rows: NDArray[np.bool_]) -> "Log":
        """The rows for which `rows` is true."""
        return Log(**{name: column[rows] for name, column in vars(self).items()})

    @property
    def plays(self) -> "Log":
        """The rows that were played: all that many companies keep."""
        return self.where(self.played)


def examined(slots: int = SLOTS) -> Array:
    """Chance that a member looks at each slot, the first at 1: [S]."""
    looks: Array = 1.0 / np.sqrt(1.0 + np.arange(slots))
    return looks


def record(
    world: World, sessions: int = 20_000, slice_: float = 0.05, seed: int = 0
) -> Log:
    """A log of `sessions` pages, of which a share `slice_` is filled with titles at random."""
    draw = np.random.default_rng([world.seed, 4, seed])
    day = np.sort(draw.integers(0, world.days, sessions))
    member = draw.integers(0, world.members, sessions)
    random = draw.random(sessions) < slice_
    title = np.empty((sessions, SLOTS), dtype=np.int64)
    chance = np.empty((sessions, SLOTS))
    for today in range(world.days):
        rows = np.flatnonzero(day == today)
        for kind, share in ((False, world.exposure(today)), (True, anything(world, today))):
            some = rows[random[rows] == kind]
            title[some] = draw.choice(world.titles, size=(len(some), SLOTS), p=share)
        chance[rows] = world.utility(today)[member[rows, None], title[rows]] * examined()
    played = draw.random((sessions, SLOTS)) < chance
    return Log(
        day=np.repeat(day, SLOTS),
        session=np.repeat(np.arange(sessions), SLOTS),
        member=np.repeat(member, SLOTS),
        slot=np.tile(np.arange(SLOTS), sessions),
        title=title.ravel(),
        random=np.repeat(random, SLOTS),
        played=played.ravel(),
    )


def anything(world: World, day: int) -> Array:
    """The share of each title in slots that are filled at random: [T], sums to 1."""
    there = (world.launch <= day).astype(np.float64)
    share: Array = there / there.sum()
    return share
