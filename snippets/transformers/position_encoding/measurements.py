"""Five small models, trained at 64 tokens, measured under four scalings."""

from __future__ import annotations

from functools import cache
from statistics import mean

from snippets.transformers.position_encoding.frequencies import (
    frequencies,
    interpolated,
    ntk,
    yarn,
    yarn_scale,
)
from snippets.transformers.position_encoding.model import (
    BASE,
    HEAD_DIM,
    TRAINED,
    perplexity,
    retrieval,
    train,
)

SEEDS, FACTOR = range(5), 4.0
DISTANCES = (32, 56, 96, 120, 192, 248, 320)
LENGTHS = {64: 56, 128: 120, 256: 248}  # and the distance of a needle in each


# --8<-- [start:schemes]
def schemes() -> dict[str, tuple[list[float], float]]:
    """Frequencies and score factor of each scaling."""
    return {
        "none": (frequencies(HEAD_DIM, BASE), 1.0),
        "interpolation": (interpolated(HEAD_DIM, BASE, FACTOR), 1.0),
        "NTK": (ntk(HEAD_DIM, BASE, FACTOR), 1.0),
        "YaRN": (yarn(HEAD_DIM, BASE, FACTOR, TRAINED), yarn_scale(FACTOR)),
    }


# --8<-- [end:schemes]


@cache
def measured() -> tuple[list[list[float]], dict[tuple[str, str, int], list[float]]]:
    """Loss by step of each seed; and by scaling, measure and tokens, a value for each seed."""
    curves: list[list[float]] = []
    values: dict[tuple[str, str, int], list[float]] = {}
    for seed in SEEDS:
        model, losses = train(seed)
        curves.append(losses)
        for name, (model.w, model.scale) in schemes().items():
            for distance in DISTANCES:
                found = retrieval(model, distance)
                values.setdefault((name, "retrieval", distance), []).append(found)
            for length in LENGTHS:
                spread = values.setdefault((name, "perplexity", length), [])
                spread.append(perplexity(model, length))
    return curves, values


def values(scheme: str, measure: str, tokens: int) -> list[float]:
    """A value for each seed."""
    return measured()[1][scheme, measure, tokens]


def spread(scheme: str, measure: str, tokens: int) -> tuple[float, float, float]:
    """Lowest, mean and highest of the seeds."""
    found = values(scheme, measure, tokens)
    return min(found), mean(found), max(found)


def holds_until(scheme: str, least: float = 0.95) -> tuple[int, int]:
    """Last tested distance that every seed handles, and the next one; 0 if all are handled."""
    good = [min(values(scheme, "retrieval", x)) >= least for x in DISTANCES]
    first = good.index(False) if False in good else len(DISTANCES)
    return DISTANCES[first - 1], DISTANCES[first] if first < len(DISTANCES) else 0
