"""A model of the next play, served from a cache: accuracy by the plays that it missed."""

from __future__ import annotations

import functools
from statistics import fmean, stdev

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snippets.recommenders.netflix_personalization.drawing import plain, steps
from snippets.recommenders.netflix_personalization.plays import plays
from snippets.worlds.world import Array, World

SEEDS, MISSED = range(5), (0, 1, 2, 4, 8)
MEMBERS, TITLES, PENALTY = 300, 120, 20.0
WINDOW = 5


# --8<-- [start:target]
def target(order: NDArray[np.int64], step: int, titles: int, window: int) -> Array:
    """The next `window` plays after `step` as one row of labels, all of weight 1: [M, T]."""
    labels = np.zeros((len(order), titles))
    np.put_along_axis(labels, order[:, step + 1 : step + 1 + window], 1.0, axis=1)
    return labels
    # --8<-- [end:target]


def features(order: NDArray[np.int64], step: int, titles: int) -> Array:
    """The last play and all plays so far, as two rows of marks side by side: [M, 2T]."""
    marks = np.zeros((len(order), 2 * titles))
    np.put_along_axis(marks, order[:, step : step + 1], 1.0, axis=1)
    np.put_along_axis(marks, titles + order[:, : step + 1], 1.0, axis=1)
    return marks


def fit(order: NDArray[np.int64], titles: int, window: int) -> Array:
    """Least squares from history to the window of labels, with a penalty: [2T, T]."""
    steps = range(4, order.shape[1] - window, 2)
    x = np.concatenate([features(order, step, titles) for step in steps])
    y = np.concatenate([target(order, step, titles, window) for step in steps])
    weights: Array = np.linalg.solve(x.T @ x + PENALTY * np.eye(x.shape[1]), x.T @ y)
    return weights


# --8<-- [start:serve]
def serve(
    order: NDArray[np.int64], weights: Array, step: int, missed: int, fresh: bool
) -> Array:
    """Reciprocal rank of the play after `missed` others, by scores of `step`: [M]."""
    scores = features(order, step, weights.shape[1]) @ weights
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
def accuracy(
    seed: int, follow: float, window: int, fresh: bool = False
) -> tuple[float, ...]:
    """Mean reciprocal rank by missed plays; half of the members train, the others are served."""
    train, served = halves(seed, follow)
    weights = fit(train, TITLES, window)
    steps = range(12, served.shape[1] - 1 - max(MISSED), 6)
    return tuple(
        fmean(float(serve(served, weights, step, missed, fresh).mean()) for step in steps)
        for missed in MISSED
    )


def example_missed() -> None:
    """Mean reciprocal rank by the plays missed: mean of five seeds, and the largest spread."""
    print(
        f"{'plays missed':34s}" + "".join(f"{missed:7d}" for missed in MISSED) + "   spread"
    )
    for follow in (0.6, 0.0):
        print("sequels follow with chance 0.6" if follow else "no order: by taste alone")
        for window in (1, WINDOW):
            for fresh in (False, True):
                name = "  next play" if window == 1 else "  next five plays"
                name += ", filtered now" if fresh else ""
                rows = [accuracy(seed, follow, window, fresh) for seed in SEEDS]
                means = [fmean(column) for column in zip(*rows, strict=True)]
                spread = max(stdev(column) for column in zip(*rows, strict=True))
                print(
                    f"{name:34s}"
                    + "".join(f"{mean:7.3f}" for mean in means)
                    + f"{spread:9.3f}"
                )


def reached(follow: float, window: int, missed: int, fresh: bool = False) -> float:
    """Mean reciprocal rank after some missed plays, mean of the seeds."""
    at = MISSED.index(missed)
    return fmean(accuracy(seed, follow, window, fresh)[at] for seed in SEEDS)


def figure_missed() -> Figure:
    """Accuracy by missed plays, for both targets and both kinds of members."""
    figure = Figure(figsize=(5.2, 2.7), layout="constrained")
    for axes, follow in zip(plain(figure, 2), (0.6, 0.0), strict=True):
        for window, color in ((1, "C0"), (WINDOW, "C1")):
            line = [reached(follow, window, missed, fresh=True) for missed in MISSED]
            axes.plot(line, color=color, marker="o", markersize=3)
            words = "next play" if window == 1 else "next five"
            above = (window == 1) == (follow > 0)
            axes.annotate(
                words, (0, line[0]), xytext=(7, 7 if above else -9), textcoords="offset points",
                color=color, va="center", fontsize=9,
            )  # fmt: skip
        steps(axes, [str(missed) for missed in MISSED])
        axes.set_xlabel("plays missed, " + ("sequels" if follow else "no order"))
        axes.set_ylim(0, 0.45)
    figure.axes[0].set_ylabel("mean reciprocal rank")
    return figure


def facts() -> dict[str, str]:
    """Numbers of the page about a cached model."""
    return {
        "next_fresh": f"{reached(0.6, 1, 0):.3f}",
        "five_fresh": f"{reached(0.6, WINDOW, 0):.3f}",
        "next_missed": f"{reached(0.6, 1, 1):.3f}",
        "five_missed": f"{reached(0.6, WINDOW, 1):.3f}",
        "five_filtered": f"{reached(0.6, WINDOW, 1, fresh=True):.3f}",
        "next_loose": f"{reached(0.0, 1, 0):.3f}",
        "five_loose": f"{reached(0.0, WINDOW, 0):.3f}",
    }
