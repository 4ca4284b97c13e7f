"""What members play, one title after another: by taste, or the sequel of what they just saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snippets.worlds.world import World

PER_DAY = 2  # plays of a member
SERIES = 4  # titles of a series, to be seen in order


def sequel(titles: int) -> NDArray[np.int64]:
    """The title that follows each in its series, −1 after the last: [T]."""
    title = np.arange(titles)
    return np.where(title % SERIES == SERIES - 1, -1, title + 1)


def plays(world: World, follow: float, seed: int = 0) -> NDArray[np.int64]:
    """Titles in the order of play, each once: the sequel with chance `follow`, else by taste."""
    draw = np.random.default_rng([world.seed, 9, seed])
    members, following = np.arange(world.members), sequel(world.titles)
    played = np.zeros((world.members, world.titles), dtype=bool)
    order = np.empty((world.members, world.days * PER_DAY), dtype=np.int64)
    last = np.full(world.members, SERIES - 1)  # the end of a series: nothing follows
    for step in range(order.shape[1]):
        day = step // PER_DAY
        chance = (world.next_play(day) * ~played).cumsum(axis=1)
        title = (chance > draw.random((world.members, 1)) * chance[:, -1:]).argmax(axis=1)
        after = following[last]
        goes_on = (after >= 0) & (world.launch[after] <= day) & ~played[members, after]
        goes_on &= draw.random(world.members) < follow
        last = np.where(goes_on, after, title)
        order[:, step] = last
        played[members, last] = True
    return order
