"""Four stages in a row, each leaving fewer titles, and what is left after each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.overview.models import Models, content, learn
from snippets.worlds.log import record
from snippets.worlds.world import Array, World

Mask = NDArray[np.bool_]
STAGES = ("retrieve", "light", "heavy", "compose", "explore")
PAGE, SEEDS = 10, range(5)
SESSIONS = {"liked": 90_000, "shown": 6_000}  # about as many plays in both


@dataclass(frozen=True)
class Widths:
    """Titles that each stage lets pass."""

    factors: int = 40  # from the factorization
    content: int = 0  # and from a second source, by content
    light: int = 20
    per_genre: int = 3  # of one genre on a page
    random: int = 1  # last places of the page that are filled at random


@dataclass(frozen=True)
class Service:
    """A world, the models learned from its log, and the genre of each title."""

    world: World
    models: Models
    genre: NDArray[np.int64]  # [T]
    widths: Widths = field(default_factory=Widths)

    @property
    def truth(self) -> Array:
        """Chance that a member who sees a title today plays it: [M, T]."""
        return self.world.utility(self.world.days - 1)

    @property
    def there(self) -> Mask:
        """Titles of today's catalog, the same for each member: [M, T]."""
        return np.broadcast_to(self.world.launch < self.world.days, self.truth.shape)

    def with_widths(self, **changes: int) -> Service:
        """The same service with other widths."""
        return replace(self, widths=replace(self.widths, **changes))


@lru_cache
def service(fame: str, seed: int) -> Service:
    """A small service, 150 members and 300 titles, trained on its log of four weeks."""
    world = World(fame, members=150, titles=300, seed=seed)
    models = learn(world, record(world, SESSIONS[fame]))
    return Service(world, models, np.abs(content(world)).argmax(1))


# --8<-- [start:top]
def top(scores: Array, alive: Mask, k: int) -> Mask:
    """The k best of those alive in each row: [R, T]; all of them if they are fewer."""
    ranked = np.where(alive, scores, -np.inf)
    kept = np.zeros_like(alive)
    np.put_along_axis(kept, np.argsort(-ranked, axis=1, kind="stable")[:, :k], True, axis=1)
    return kept & alive


# --8<-- [end:top]


# --8<-- [start:compose]
def compose(scores: Array, alive: Mask, genre: NDArray[np.int64], per_genre: int) -> Mask:
    """Best first, but no more than `per_genre` titles of one genre on a page: [R, T]."""
    rows = np.arange(len(scores))
    used = np.zeros((len(scores), genre.max() + 1), dtype=np.int64)
    page = np.zeros_like(alive)
    ranked = np.argsort(-np.where(alive, scores, -np.inf), axis=1, kind="stable")
    for title in ranked.T[: alive.sum(1).max()]:
        fits = alive[rows, title] & (used[rows, genre[title]] < per_genre)
        fits &= page.sum(1) < PAGE
        page[rows, title] |= fits
        used[rows, genre[title]] += fits
    return page


# --8<-- [end:compose]


# --8<-- [start:onward]
def onward(it: Service, alive: Mask, done: int, member: NDArray[np.int64]) -> list[Mask]:
    """What is alive after each of the stages from number `done` on: one [R, T] each."""
    w, heavy = it.widths, it.models.heavy[member]
    after = [alive]
    if done < 1:
        first = top(it.models.factors[member], alive, w.factors)
        after.append(first | top(it.models.content[member], alive & ~first, w.content))
    if done < 2:
        after.append(top(it.models.light[member], after[-1], w.light))
    if done < 4:
        page = compose(heavy, after[-1], it.genre, w.per_genre)
    if done < 3:
        after.append(
            top(heavy, after[-1], PAGE) | page
        )  # ranked high, or called by the rule
    if done < 4:
        after.append(page)
    if done < 5:
        after.append(top(heavy, after[-1], PAGE - w.random))
    return after[1:]


# --8<-- [end:onward]


def run(it: Service) -> list[Mask]:
    """All members through all stages: five masks [M, T]."""
    return onward(it, it.there, 0, np.arange(it.world.members))


def best(it: Service, k: int = PAGE) -> Mask:
    """The titles that each member would truly play most, out of the whole catalog: [M, T]."""
    return top(it.truth, it.there, k)
