"""Which plays a model of the next play is trained for, and the model: least squares from history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snippets.worlds.world import Array

PENALTY = 20.0
Weights = tuple[float, ...]  # of the next play, of the one after, …
ONE: Weights = (1.0,)
FIVE: Weights = (1.0, 1.0, 1.0, 1.0, 1.0)
HALVED: Weights = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16)
TARGETS = {"next play": ONE, "next five": FIVE, "five, halving": HALVED}


# --8<-- [start:target]
def target(order: NDArray[np.int64], step: int, titles: int, weights: Weights) -> Array:
    """The plays after `step` as one row of weighted labels: [M, T]."""
    labels = np.zeros((len(order), titles))
    for after, weight in enumerate(weights):
        labels[np.arange(len(order)), order[:, step + 1 + after]] = weight
    return labels
    # --8<-- [end:target]


def features(order: NDArray[np.int64], step: int, titles: int) -> Array:
    """The last play and all plays so far, as two rows of marks side by side: [M, 2T]."""
    marks = np.zeros((len(order), 2 * titles))
    np.put_along_axis(marks, order[:, step : step + 1], 1.0, axis=1)
    np.put_along_axis(marks, titles + order[:, : step + 1], 1.0, axis=1)
    return marks


def fit(order: NDArray[np.int64], titles: int, weights: Weights) -> Array:
    """Least squares from history to the window of labels, with a penalty: [2T, T]."""
    steps = range(4, order.shape[1] - len(FIVE), 2)
    x = np.concatenate([features(order, step, titles) for step in steps])
    y = np.concatenate([target(order, step, titles, weights) for step in steps])
    fitted: Array = np.linalg.solve(x.T @ x + PENALTY * np.eye(x.shape[1]), x.T @ y)
    return fitted
