"""Embeddings of two trainings, a consumer of the first, and the rotation between them."""

from __future__ import annotations

import functools
from statistics import fmean

import numpy as np

from snippets.worlds.log import record
from snippets.worlds.world import Array, World

SEEDS = range(8)
MEMBERS, TITLES, WIDTH, PENALTY = 400, 200, 8, 10.0


def factors(plays: Array, seed: int, rounds: int = 8) -> tuple[Array, Array]:
    """Alternating least squares from a random start: members [M, F] and titles [T, F]."""
    draw = np.random.default_rng([seed, 13])
    titles = draw.normal(size=(plays.shape[1], WIDTH))
    for _ in range(rounds):
        titles = solved(solved(titles, plays.T), plays)
    return solved(titles, plays.T), titles


def solved(known: Array, plays: Array) -> Array:
    """One side by least squares from the other: [M, F] and [M, T] to [T, F]."""
    gram = known.T @ known + PENALTY * np.eye(WIDTH)
    other: Array = np.linalg.solve(gram, known.T @ plays).astype(np.float64)
    return other.T


# --8<-- [start:align]
def rotation(new: Array, reference: Array) -> Array:
    """The orthogonal matrix that brings `new` closest to `reference`: [F, F]."""
    left, _, right = np.linalg.svd(new.T @ reference)
    turned: Array = left @ right
    return turned
    # --8<-- [end:align]


@functools.cache
def served(seed: int) -> dict[str, tuple[float, float]]:
    """Correlation with the truth and spread of the scores that a consumer gives, by version."""
    world = World("shown", members=MEMBERS, titles=TITLES, new=0.0, seed=seed)
    log = record(world, 20_000, seed=seed).plays
    plays = np.zeros((2, MEMBERS, TITLES))
    for version, rows in enumerate((log.day < 21, log.day >= 7)):
        np.maximum.at(plays[version], (log.member[rows], log.title[rows]), 1.0)
    first, titles = factors(plays[0], seed)
    second, titles_again = factors(plays[1], seed + 100)
    truth = world.fit(14)[:, 0]  # what the consumer predicts from a member's vector
    half = MEMBERS // 2
    weights = np.linalg.lstsq(first[:half], truth[:half] - truth.mean(), rcond=None)[0]
    turn = rotation(titles_again, titles)
    vectors = {
        "trained on this": first,
        "next version": second,
        "turned back": second @ turn,
    }
    return {
        name: (
            float(np.corrcoef(one[half:] @ weights, truth[half:])[0, 1]),
            float((one[half:] @ weights).std()),
        )
        for name, one in vectors.items()
    }


def example_versions() -> None:
    """Correlation of a consumer's scores with the truth, mean and range of eight; their spread."""
    print(
        f"{'vectors at serving':20s}{'mean':>7s}{'lowest':>8s}{'highest':>9s}{'spread of scores':>18s}"
    )
    for name in served(0):
        right, wide = zip(*(served(seed)[name] for seed in SEEDS), strict=True)
        print(
            f"{name:20s}{fmean(right):7.2f}{min(right):8.2f}{max(right):9.2f}{fmean(wide):18.3f}"
        )


def mean_right(name: str) -> float:
    """Correlation of a consumer's scores with the truth, mean of the seeds."""
    return fmean(served(seed)[name][0] for seed in SEEDS)


def highest(name: str) -> float:
    """The same in the world where it is highest."""
    return max(served(seed)[name][0] for seed in SEEDS)


def facts() -> dict[str, str]:
    """Numbers of the page about two versions."""
    return {
        "same_version": f"{mean_right('trained on this'):.2f}",
        "next_version": f"{mean_right('next version'):.2f}",
        "next_highest": f"{highest('next version'):.2f}",
        "turned_back": f"{mean_right('turned back'):.2f}",
    }
