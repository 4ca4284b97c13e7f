"""Three checks of a trained model that the shape of the matrix cannot pass by accident."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Whole = NDArray[np.int64]


class Model(Protocol):
    """What the checks need of a library's model."""

    item_factors: NDArray[np.float32]

    def recommend(
        self, userid: Whole, user_items: csr_matrix, N: int, recalculate_user: bool = ...
    ) -> tuple[Whole, NDArray[np.float32]]:
        """Item ids and scores, the best first, for each user."""
        ...


# --8<-- [start:checks]
def round_trip(matrix: csr_matrix, log: Whole) -> bool:
    """Rows of the raw log, user and item, are found in the matrix."""
    inside = (log < np.array(matrix.shape)).all()
    return bool(inside and (matrix[log[:, 0], log[:, 1]] > 0).all())


def beats_popularity(model: Model, train: csr_matrix, test: csr_matrix) -> bool:
    """More of the held-out items in its lists of ten than in the most played ten."""
    everybody = np.arange(train.shape[0])
    counts = np.asarray(train.sum(axis=0)).ravel()
    played = train.toarray() > 0
    popular = np.argsort(-np.where(played, -1, counts), axis=1, kind="stable")[:, :10]
    try:
        lists, _ = model.recommend(everybody, train, N=10)
        return hits(test, lists) > hits(test, popular)
    except IndexError:
        return False


def one_item_history(model: Model, train: csr_matrix, count: int = 20) -> bool:
    """Who played a single item gets items that are often played with it."""
    items = np.argsort(-np.asarray(train.sum(axis=0)).ravel(), kind="stable")[:count]
    single = csr_matrix(
        (np.ones(count, np.float32), (range(count), items)), (count, train.shape[1])
    )
    together = (train.T @ train).toarray()[items]  # [count, I]
    try:
        lists, _ = model.recommend(np.arange(count), single, N=10, recalculate_user=True)
        return bool(
            np.take_along_axis(together, lists, axis=1).mean() > 2 * together.mean()
        )
    except (IndexError, ValueError):
        return False


# --8<-- [end:checks]


def hits(test: csr_matrix, lists: Whole) -> int:
    """Held-out items that stand in the lists; an id beyond the catalog raises IndexError."""
    return int(np.take_along_axis(test.toarray() > 0, lists, axis=1).sum())
