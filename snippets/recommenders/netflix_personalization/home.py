"""A homepage as a sequence of tokens, and what each next token is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snippets.worlds.world import unit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Home:
    """A small catalog, one member's history, and the shape of the page to be filled."""

    places: Array  # [E, F], each of length 1: entities with like places are alike
    belongs: NDArray[np.bool_]  # [R, E]: which entities a row may hold
    prompt: tuple[int, ...]  # entity tokens that the member played before
    rows: int = 2  # rows of the page
    width: int = 3  # entities of a row
    boredom: float = 0.8  # share of its worth that a perfect copy loses

    @property
    def entities(self) -> int:
        """Entity tokens are 0 … E − 1, row tokens follow."""
        return len(self.places)

    def place(self, page: list[int]) -> tuple[int, int]:
        """Row and column of the next token; column −1 is the token of the row itself."""
        row, column = divmod(len(page), self.width + 1)
        return row, column - 1

    @property
    def liking(self) -> Array:
        """Chance that the member plays an entity on looking at it, by the prompt: [E]."""
        taste = unit(self.places[list(self.prompt)].mean(axis=0, keepdims=True))[0]
        liking: Array = 1.0 / (1.0 + np.exp(1.5 - 4.0 * self.places @ taste))
        return liking

    # --8<-- [start:values]
    def values(self, page: list[int]) -> Array:
        """What each entity would earn as the next token, given prompt and page: [E]."""
        row, column = self.place(page)
        looks = 1.0 / np.sqrt((1.0 + row) * (1.0 + max(column, 0)))
        shown = [token for token in page if token < self.entities]
        alike = (self.places @ self.places[shown].T).max(axis=1, initial=0.0)
        earned: Array = looks * self.liking * (1.0 - self.boredom * alike)
        return earned

    def allowed(self, page: list[int]) -> NDArray[np.bool_]:
        """The mask over all tokens, [E + R]: a row that can be filled, else what fits."""
        free = np.ones(self.entities + len(self.belongs), dtype=bool)
        free[page] = False
        entities, rows = free[: self.entities], free[self.entities :]
        if self.place(page)[1] < 0:
            rows &= (self.belongs & entities).sum(axis=1) >= self.width
            entities[:] = False
        else:
            rows[:] = False
            entities &= self.belongs[page[:: self.width + 1][-1] - self.entities]
        return free

    # --8<-- [end:values]

    def reward(self, page: list[int]) -> float:
        """Plays to be expected from a page: the sum over its entities."""
        earned = [
            self.values(page[:at])[token]
            for at, token in enumerate(page)
            if token < self.entities
        ]
        return float(sum(earned))


def home(seed: int, boredom: float = 0.8, genres: int = 4, each: int = 3) -> Home:
    """A seeded home: each entity lies near one genre, and somewhat near a second."""
    first = np.tile(np.arange(genres), each)
    second = (first + 1 + np.arange(genres * each) // genres) % genres
    draw = np.random.default_rng([seed, 11])
    axes = unit(draw.normal(size=(genres, genres)))
    noise = draw.normal(size=(genres * each, genres))
    belongs = np.zeros((genres, genres * each), dtype=bool)
    belongs[first, np.arange(genres * each)] = True
    belongs[second, np.arange(genres * each)] = True
    prompt = draw.choice(genres * each, 3, replace=False)
    return Home(
        unit(axes[first] + 0.6 * axes[second] + 0.3 * noise),
        belongs,
        tuple(int(played) for played in prompt),
        boredom=boredom,
    )
