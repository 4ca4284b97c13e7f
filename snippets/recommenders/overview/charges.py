"""Who lost what: each truly good title is charged to the stage that dropped it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from snippets.recommenders.overview.funnel import (
    PAGE,
    SEEDS,
    STAGES,
    Mask,
    Service,
    best,
    onward,
    run,
    service,
    top,
)
from snippets.worlds.world import Array

WORLDS = ("liked", "shown")


# --8<-- [start:lost]
def lost(it: Service) -> list[Mask]:
    """For each stage, the truly best titles that it dropped: five masks [M, T]."""
    before, gone = best(it), []
    for after in run(it):
        gone.append(before & ~after)
        before = before & after
    return gone


# --8<-- [end:lost]


# --8<-- [start:saved]
def saved(it: Service, stage: int) -> float:
    """Share of a stage's lost titles that the later stages would have shown."""
    member, title = np.nonzero(lost(it)[stage])
    if len(member) == 0:
        return 0.0
    rows = np.arange(len(member))
    alive = run(it)[stage][member]
    alive[rows, title] = True  # each row: one member, one lost title put back
    rest = [alive, *onward(it, alive, stage + 1, member)]
    return float(rest[-1][rows, title].mean())


# --8<-- [end:saved]


# --8<-- [start:attainable]
def attainable(it: Service, alive: Mask, places: int = PAGE) -> float:
    """Plays of the best page that could still be made of these titles, if all is looked at."""
    good = -np.sort(-np.where(alive, it.truth, 0.0), axis=1)[:, :places]
    return float(good.sum(1).mean())


# --8<-- [end:attainable]


def worth(it: Service, after: list[Mask]) -> float:
    """Plays of the finished page, its random places included, as a share of the ideal page's."""
    at_random = it.widths.random * it.truth.mean()
    return (attainable(it, after[-1]) + float(at_random)) / attainable(it, it.there)


def worths(it: Service) -> Array:
    """Attainable plays as a share of the ideal page's: before all stages, and after each: [6]."""
    after = run(it)
    passed = [attainable(it, alive) / attainable(it, it.there) for alive in after[:-1]]
    return np.array([1.0, *passed, worth(it, after)])


# --8<-- [start:recalls]
def separate(it: Service) -> Array:
    """Recall of each model on the whole catalog, as its team would measure it: [3]."""
    m, w, good = it.models, it.widths, best(it)
    ranked = ((m.factors, w.factors), (m.light, w.light), (m.heavy, PAGE))
    return np.array([(top(s, it.there, k) & good).sum() for s, k in ranked]) / good.sum()


def conditional(it: Service) -> Array:
    """Share of the truly best titles that reach each stage and pass it: [3]."""
    good = best(it)
    counts = [good.sum(), *[(good & alive).sum() for alive in run(it)[:3]]]
    return np.array(counts[1:]) / np.array(counts[:-1])


# --8<-- [end:recalls]


@lru_cache
def charged(fame: str) -> tuple[Array, Array, Array]:
    """For five seeds: shares lost, shares that could be saved, plays lost; all [seeds, 5]."""
    made = [service(fame, seed) for seed in SEEDS]
    shares = [[gone.sum() / (it.world.members * PAGE) for gone in lost(it)] for it in made]
    back = [[saved(it, stage) for stage in range(len(STAGES))] for it in made]
    return np.array(shares), np.array(back), np.array([-np.diff(worths(it)) for it in made])


def lost_plays(fame: str) -> Array:
    """Plays that all stages together lose, for five seeds, as a share of the ideal page's."""
    whole: Array = charged(fame)[2].sum(1)
    return whole


@lru_cache
def products(fame: str) -> Array:
    """For five seeds: three separate recalls, their product, the product of the conditional ones: [seeds, 5]."""
    rows = []
    for seed in SEEDS:
        alone, chain = separate(service(fame, seed)), conditional(service(fame, seed))
        rows.append([*alone, alone.prod(), chain.prod()])
    return np.array(rows)


def span(values: Array) -> str:
    """Mean over the seeds, then the least and the greatest."""
    return f"{values.mean():6.1%} ({values.min():.1%} to {values.max():.1%})"


def share(values: Array) -> str:
    """A mean as a percentage."""
    return f"{np.mean(values):.0%}"
