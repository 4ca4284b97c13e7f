"""Rules kept by a mask while decoding, against a filter afterwards and a short-sighted mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from snippets.recommenders.netflix_personalization.decoding import decode
from snippets.recommenders.netflix_personalization.home import Home, home

SEEDS = range(20)


def filtered(home: Home) -> list[int | None]:
    """A page decoded without memory of what it shows, then cleared of repeats: None is a hole."""
    page: list[int] = []
    for row in range(home.rows):
        page.append(home.entities + favorite(home, row))
        fits = home.belongs[page[-1] - home.entities]
        order = np.argsort(-np.where(fits, home.liking, -np.inf))
        page += order[: home.width].tolist()
    return [None if token in page[:at] else token for at, token in enumerate(page)]


def favorite(home: Home, rank: int) -> int:
    """The row with the highest, second-highest … sum of its best entities."""
    best = [np.sort(home.liking[fits])[-home.width :].sum() for fits in home.belongs]
    return int(np.argsort(best)[::-1][rank])


def stuck(home: Home) -> bool:
    """Whether the page runs out of entities if any unused row may begin."""
    used: set[int] = set()
    for row in range(home.rows):
        fits = set(np.flatnonzero(home.belongs[favorite(home, row)]).tolist()) - used
        if len(fits) < home.width:
            return True
        used |= set(sorted(fits, key=lambda entity: -home.liking[entity])[: home.width])
    return False


def holes(width: int) -> int:
    """Holes of the filtered pages of twenty homes, with rows of `width`."""
    return sum(filtered(wide(seed, width)).count(None) for seed in SEEDS)


def dead_ends(width: int) -> int:
    """Homes of twenty in which the short-sighted mask gets stuck."""
    return sum(stuck(wide(seed, width)) for seed in SEEDS)


def filled(width: int) -> int:
    """Homes of twenty whose page the mask with look-ahead fills without a repeat."""
    found = [decode(wide(seed, width), 1)[0] for seed in SEEDS]
    return sum(len(set(page)) == 2 * (width + 1) for page in found)


def wide(seed: int, width: int) -> Home:
    """A seeded home with rows of another width."""
    return replace(home(seed), width=width)


def example_rules() -> None:
    """Holes left by a filter, homes where a short-sighted mask gets stuck, and those filled."""
    print("width   slots   holes after a filter   stuck, of 20   filled with look-ahead")
    for width in (3, 4, 5):
        slots = len(SEEDS) * 2 * width
        row = f"{width:5d}{slots:8d}{holes(width):23d}"
        print(row + f"{dead_ends(width):15d}{filled(width):25d}")


def facts() -> dict[str, str]:
    """Numbers of the page about rules."""
    return {"holes_three": f"{holes(3)}", "stuck_five": f"{dead_ends(5)}"}
