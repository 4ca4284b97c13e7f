"""Members, titles and what each would enjoy on each day: the truth, in closed form."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """A seeded streaming service; `fame` says whether popular titles are liked or only shown."""

    fame: str = "liked"  # or "shown"
    members: int = 800
    titles: int = 400
    days: int = 28
    tastes: int = 8  # dimensions of the space of tastes
    zipf: float = 0.6  # fame of the k-th title falls as k to this power
    new: float = 0.1  # share of titles that start after the first day
    drift: float = 0.3  # how far a taste walks over all days, as a share of itself
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fame not in ("liked", "shown"):
            raise ValueError(f'fame is {self.fame!r}: it must be "liked" or "shown"')

    @cached_property
    def places(self) -> tuple[Array, Array, Array]:
        """Tastes at the start [M, F], tastes at the end [M, F] and titles [T, F], each of length 1."""
        draw = np.random.default_rng([self.seed, 1])
        start, step = draw.normal(size=(2, self.members, self.tastes))
        titles = draw.normal(size=(self.titles, self.tastes))
        end = (1 - self.drift) * start + self.drift * step
        return unit(start), unit(end), unit(titles)

    @cached_property
    def renown(self) -> Array:
        """Fame of each title, the most famous 1, in an order of its own: [T]."""
        order = np.random.default_rng([self.seed, 2]).permutation(self.titles)
        renown: Array = np.power(1.0 + order, -self.zipf)
        return renown

    @cached_property
    def launch(self) -> NDArray[np.int64]:
        """First day of each title, 0 for those that were there before: [T]."""
        draw = np.random.default_rng([self.seed, 3])
        later = draw.integers(1, self.days, self.titles)
        return np.where(draw.random(self.titles) < self.new, later, 0)

    def fit(self, day: float) -> Array:
        """Chance that a member who sees a title plays it, from taste alone: [M, T]."""
        start, end, titles = self.places
        share = day / max(self.days - 1, 1)
        tastes = unit((1 - share) * start + share * end)
        fit: Array = 1.0 / (1.0 + np.exp(2.0 - 6.0 * tastes @ titles.T))
        return fit

    def utility(self, day: float) -> Array:
        """Chance that a member who sees a title plays it, 0 before its launch: [M, T]."""
        liking = self.renown if self.fame == "liked" else np.ones(self.titles)
        utility: Array = self.fit(day) * liking * (self.launch <= day)
        return utility

    def exposure(self, day: float) -> Array:
        """Share of the usual slots that each title fills: [T], sums to 1."""
        weight = self.renown if self.fame == "shown" else np.ones(self.titles)
        open_ = weight * (self.launch <= day)
        share: Array = open_ / open_.sum()
        return share

    def next_play(self, day: float) -> Array:
        """Distribution of the title that a member plays next, the same in both worlds: [M, T]."""
        joint = self.exposure(day) * self.utility(day)
        distribution: Array = joint / joint.sum(axis=1, keepdims=True)
        return distribution


def unit(rows: Array) -> Array:
    """Rows scaled to length 1: [N, F]."""
    scaled: Array = rows / np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return scaled
