"""The best page by trying all that the masks allow."""

from __future__ import annotations

import functools
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.netflix_personalization.home import Array, Home


def every_page(home: Home) -> NDArray[np.int64]:
    """All pages without a repeated row or entity: [N, rows × (width + 1)]."""
    return listed(
        tuple(tuple(int(e) for e in np.flatnonzero(row)) for row in home.belongs),
        home.rows,
        home.width,
        home.entities,
    )


@functools.cache
def listed(
    belongs: tuple[tuple[int, ...], ...], rows: int, width: int, entities: int
) -> NDArray[np.int64]:
    """The same from the rows' entities; a catalog is listed once."""
    pages = [
        [
            token
            for row, filled in zip(chosen, page, strict=True)
            for token in (entities + row, *filled)
        ]
        for chosen in permutations(range(len(belongs)), rows)
        for page in product(*(permutations(belongs[row], width) for row in chosen))
        if len(set().union(*page)) == rows * width
    ]
    return np.array(pages)


def rewards(home: Home, pages: NDArray[np.int64]) -> Array:
    """The reward of each page, as `Home.reward` defines it: [N]."""
    shown = np.delete(pages, np.s_[:: home.width + 1], axis=1)  # [N, S]
    looks = 1.0 / np.sqrt(np.outer(1.0 + np.arange(home.rows), 1.0 + np.arange(home.width)))
    alike = home.places @ home.places.T
    total = np.zeros(len(pages))
    for slot, look in enumerate(looks.ravel()):
        before = [alike[shown[:, slot], shown[:, at]] for at in range(slot)]
        copy = np.max([np.zeros(len(pages)), *before], axis=0)
        total += look * home.liking[shown[:, slot]] * (1.0 - home.boredom * copy)
    return total


def best(home: Home) -> tuple[list[int], float]:
    """The page with the highest reward, and that reward."""
    pages = every_page(home)
    worth = rewards(home, pages)
    return pages[worth.argmax()].tolist(), float(worth.max())
