"""A model of the next play, served from a cache: accuracy by the plays that it missed."""

# /// fieldguide
# timeout_s = 90
# ///

from __future__ import annotations

import functools
from statistics import fmean, stdev

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snippets.recommenders.netflix_personalization.drawing import plain, steps
from snippets.recommenders.netflix_personalization.plays import plays
from snippets.recommenders.netflix_personalization.targets import (
    FIVE,
    HALVED,
    ONE,
    TARGETS,
    Weights,
    features,
    fit,
)
from snippets.worlds.world import Array, World

SEEDS, MISSED = range(5), (0, 1, 2, 4, 8)
MEMBERS, TITLES = 300, 120


# --8<-- [start:serve]
def serve(
    order: NDArray[np.int64], fitted: Array, step: int, missed: int, fresh: bool
) -> Array:
    """Reciprocal rank of the play after `missed` others, by scores of `step`: [M]."""
    scores = features(order, step, fitted.shape[1]) @ fitted
    known = step + 1 + (missed if fresh else 0)  # plays that the filter knows
    np.put_along_axis(scores, order[:, :known], -np.inf, axis=1)
    actual = np.take_along_axis(scores, order[:, [step + 1 + missed]], axis=1)
    above, level = (scores > actual).sum(axis=1), (scores == actual).sum(axis=1)
    ranks: Array = 1.0 / (1 + above + (level - 1) / 2)
    return ranks
    # --8<-- [end:serve]


@functools.cache
def halves(seed: int, follow: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The plays of one world: members to learn from, and members to serve."""
    world = World("shown", members=MEMBERS, titles=TITLES, seed=seed)
    order = plays(world, follow)
    return order[: MEMBERS // 2], order[MEMBERS // 2 :]


@functools.cache
def learned(seed: int, follow: float, weights: Weights) -> Array:
    """The model of one world, for one target."""
    return fit(halves(seed, follow)[0], TITLES, weights)


@functools.cache
def accuracy(
    seed: int, follow: float, weights: Weights, fresh: bool = False
) -> tuple[float, ...]:
    """Mean reciprocal rank by missed plays; half of the members train, the others are served."""
    served, fitted = halves(seed, follow)[1], learned(seed, follow, weights)
    steps = range(12, served.shape[1] - 1 - max(MISSED), 8)
    return tuple(
        fmean(float(serve(served, fitted, step, missed, fresh).mean()) for step in steps)
        for missed in MISSED
    )


def example_missed() -> None:
    """Mean reciprocal rank by the plays missed: mean of five seeds, and the largest spread."""
    print(
        f"{'plays missed':30s}" + "".join(f"{missed:7d}" for missed in MISSED) + "   spread"
    )
    for follow in (0.6, 0.0):
        print("sequels follow with chance 0.6" if follow else "no order: by taste alone")
        for name, weights in TARGETS.items():
            for fresh in (False, True):
                rows = [accuracy(seed, follow, weights, fresh) for seed in SEEDS]
                columns = list(zip(*rows, strict=True))
                words = f"  {name}" + (", filtered now" if fresh else "")
                cells = "".join(f"{fmean(column):7.3f}" for column in columns)
                print(f"{words:30s}{cells}{max(map(stdev, columns)):9.3f}")


def reached(follow: float, weights: Weights, missed: int, fresh: bool = False) -> float:
    """Mean reciprocal rank after some missed plays, mean of the seeds."""
    at = MISSED.index(missed)
    return fmean(accuracy(seed, follow, weights, fresh)[at] for seed in SEEDS)


def figure_missed() -> Figure:
    """Accuracy by missed plays, for the targets and both kinds of members."""
    figure = Figure(figsize=(5.2, 2.8), layout="constrained")
    spots = {
        0.6: ((0, 14, 8), (1, 6, 9), (0, 16, -5)),
        0.0: ((2, -14, -10), (2, -14, 9), None),
    }
    for axes, follow in zip(plain(figure, 2), (0.6, 0.0), strict=True):
        for color, (name, weights) in enumerate(TARGETS.items()):
            line = [reached(follow, weights, missed, fresh=True) for missed in MISSED]
            axes.plot(line, color=f"C{color}", marker="o", markersize=3)
            if spot := spots[follow][color]:
                axes.annotate(
                    name, (spot[0], line[spot[0]]), xytext=spot[1:], textcoords="offset points",
                    color=f"C{color}", va="center", fontsize=9,
                )  # fmt: skip
        steps(axes, [str(missed) for missed in MISSED])
        axes.set_xlabel("plays missed, " + ("sequels" if follow else "no order"))
        axes.set_ylim(0, 0.45)
    figure.axes[0].set_ylabel("mean reciprocal rank")
    return figure


def facts() -> dict[str, str]:
    """Numbers of the page about a cached model."""
    return {
        "next_fresh": f"{reached(0.6, ONE, 0):.3f}",
        "five_fresh": f"{reached(0.6, FIVE, 0):.3f}",
        "next_missed": f"{reached(0.6, ONE, 1):.3f}",
        "next_filtered": f"{reached(0.6, ONE, 1, fresh=True):.3f}",
        "five_filtered": f"{reached(0.6, FIVE, 1, fresh=True):.3f}",
        "halved_fresh": f"{reached(0.6, HALVED, 0):.3f}",
        "halved_filtered": f"{reached(0.6, HALVED, 1, fresh=True):.3f}",
        "next_loose": f"{reached(0.0, ONE, 0):.3f}",
        "five_loose": f"{reached(0.0, FIVE, 0):.3f}",
        "halved_loose": f"{reached(0.0, HALVED, 0):.3f}",
    }
