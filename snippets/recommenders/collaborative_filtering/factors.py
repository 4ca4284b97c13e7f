"""iALS: factors of users and items by alternating least squares, with the Gram trick."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Array = NDArray[np.float64]


# --8<-- [start:confidence]
def confidence(plays: Array, alpha: float) -> Array:
    """Weight of a pair of user and item in the loss: 1 unplayed, more for each play."""
    weight: Array = 1.0 + alpha * plays
    return weight


# --8<-- [end:confidence]


# --8<-- [start:half_step]
def half_step(plays: csr_matrix, items: Array, alpha: float, lam: float) -> Array:
    """The best factors of all users while those of the items stand still: [U, F]."""
    rank = items.shape[1]
    gram = items.T @ items  # [F, F], as if every item had weight 1
    outer = (items[:, :, None] * items[:, None, :]).reshape(len(items), -1)  # [I, F * F]
    extra = plays.copy()
    extra.data = confidence(plays.data, alpha) - 1.0  # what a played item adds to weight 1
    left = gram + lam * np.eye(rank) + (extra @ outer).reshape(-1, rank, rank)
    extra.data = extra.data + 1.0
    right = extra @ items  # [U, F]
    solved: Array = np.linalg.solve(left, right[..., None])[..., 0]
    return solved


# --8<-- [end:half_step]


# --8<-- [start:fit]
def fit(
    plays: csr_matrix, rank: int, alpha: float, lam: float, rounds: int, seed: int = 0
) -> tuple[Array, Array]:
    """Factors of users [U, F] and items [I, F] after some rounds of two half-steps."""
    draw = np.random.default_rng(seed)
    items = draw.normal(0.0, 0.1, (plays.shape[1], rank))
    by_item = plays.T.tocsr()
    for _ in range(rounds):
        users = half_step(plays, items, alpha, lam)
        items = half_step(by_item, users, alpha, lam)
    return users, items


# --8<-- [end:fit]


def loss(plays: csr_matrix, users: Array, items: Array, alpha: float, lam: float) -> float:
    """What iALS minimizes, summed over all pairs; for small matrices."""
    dense = plays.toarray()
    errors = confidence(dense, alpha) * ((dense > 0) - users @ items.T) ** 2
    return float(errors.sum() + lam * ((users**2).sum() + (items**2).sum()))
