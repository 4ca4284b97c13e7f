"""EASE, a regression of each item on all others in closed form; and popularity."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


# --8<-- [start:ease]
def ease(plays: csr_matrix, lam: float) -> Array:
    """Weights of item on item, the diagonal 0: [I, I]; scores are history @ weights."""
    gram = (plays.T @ plays).toarray()
    inverse = np.linalg.inv(gram + lam * np.eye(len(gram)))
    weights: Array = -inverse / np.diag(inverse)  # column j by its own entry
    np.fill_diagonal(weights, 0.0)
    return weights


# --8<-- [end:ease]


def gigabytes(items: int) -> float:
    """Size of the weights of item on item in float64, in GB."""
    return items * items * np.dtype(np.float64).itemsize / 1e9


# --8<-- [start:popularity]
def popularity(item: Whole, age: Array, half_life: float, items: int) -> Array:
    """Plays of each item, where a play counts half after each half-life: [I]."""
    weight: Array = 0.5 ** (age / half_life)
    fresh: Array = np.bincount(item, weight, items).astype(np.float64)
    return fresh


# --8<-- [end:popularity]


def facts() -> dict[str, str]:
    """A number that the page states about EASE."""
    return {"ease_table": f"{gigabytes(100_000):.0f} GB"}
