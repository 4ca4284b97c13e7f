"""BPR: factors that put what was played before what was not, by gradients of sampled pairs."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import expit

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


# --8<-- [start:loss]
def loss(gap: Array) -> Array:
    """Minus the log of the chance that the played item comes first."""
    nats: Array = np.logaddexp(0.0, -gap)
    return nats


def slope(gap: Array) -> Array:
    """The derivative of `loss`: near -1 where the order is wrong by far, near 0 where it is right by far."""
    falling: Array = -expit(-gap)
    return falling


# --8<-- [end:loss]


# --8<-- [start:gradients]
def gradients(
    users: Array, items: Array, plays: csr_matrix, other: Whole, lam: float
) -> tuple[Array, Array]:
    """Gradients of the loss of plays, each against one `other` item: [U, F], [I, F]."""
    row = np.repeat(np.arange(len(users)), np.diff(plays.indptr))  # the user of each play
    scores = users @ items.T  # [U, I]
    gap = scores[row, plays.indices] - scores[row, other]
    weight, width = slope(gap), len(items)
    up = np.bincount(row * width + plays.indices, weight, scores.size)
    down = np.bincount(row * width + other, weight, scores.size)
    by_score = (up - down).reshape(scores.shape)  # the derivative by each score
    return by_score @ items + lam * users, by_score.T @ users + lam * items


# --8<-- [end:gradients]


# --8<-- [start:fit]
def fit(
    plays: csr_matrix,
    rank: int,
    rate: float,
    lam: float,
    rounds: int,
    seed: int = 0,
    items: Array | None = None,
) -> tuple[Array, Array]:
    """Factors after some rounds of Adagrad; `items`, if given, stand still."""
    draw = np.random.default_rng(seed)
    users = draw.normal(0.0, 0.1, (plays.shape[0], rank))
    still = items is not None
    parts = [
        users,
        draw.normal(0.0, 0.1, (plays.shape[1], rank)) if items is None else items,
    ]
    squares = [np.full_like(part, 1e-8) for part in parts]
    for _ in range(rounds):
        other = draw.integers(0, plays.shape[1], plays.nnz)
        steps = gradients(parts[0], parts[1], plays, other, lam)
        for k in range(1 if still else 2):
            squares[k] += steps[k] ** 2
            parts[k] = parts[k] - rate * steps[k] / np.sqrt(squares[k])
    return parts[0], parts[1]


# --8<-- [end:fit]
