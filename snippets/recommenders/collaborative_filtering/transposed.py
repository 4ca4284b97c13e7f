"""The matrix the wrong way round: silent, half silent or loud, as the shape has it."""

import functools

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from snippets.recommenders.collaborative_filtering.checks import (
    Model,
    beats_popularity,
    one_item_history,
    round_trip,
)
from snippets.worlds.world import World

Whole = NDArray[np.int64]
SHAPES = ((600, 600), (800, 600), (600, 800))


@functools.cache
def watched(users: int, items: int) -> tuple[csr_matrix, csr_matrix]:
    """Twenty titles of each user to train on, five to find: both [U, I]."""
    world = World(members=users, titles=items, tastes=3, new=0.0)
    noise = np.random.default_rng(0).gumbel(size=(users, items))
    drawn = np.argsort(-(np.log(world.next_play(0)) + noise), axis=1)[:, :25]
    train, test = (
        csr_matrix((np.ones(some.size, "f4"), some.ravel(), range(0, some.size + 1, some.shape[1])), (users, items))
        for some in (drawn[:, :20], drawn[:, 20:])
    )  # fmt: skip
    return train, test


def fitted(matrix: csr_matrix) -> Model:
    """An iALS model of the library, whatever the rows of the matrix are."""
    model = AlternatingLeastSquares(
        16, regularization=10.0, alpha=2.0, random_state=0, num_threads=1
    )
    model.fit(matrix, show_progress=False)
    return model


def recall(
    model: Model, train: csr_matrix, test: csr_matrix, users: Whole
) -> tuple[float, float]:
    """Share of the five found in ten, and the share of the ten that are no items at all."""
    lists, _ = model.recommend(users, train[users], N=10)
    inside = lists < train.shape[1]
    hits = test[users[:, None], np.where(inside, lists, 0)].toarray() * inside
    return float(hits.sum(axis=1).mean() / 5), float(1 - inside.mean())


def outcome(users: int, items: int, turned: bool) -> str:
    """What a caller sees: recall@10 and ids that are no items, or the error."""
    train, test = watched(users, items)
    model = fitted(train.T.tocsr() if turned else train)
    seen = []
    for group in (np.arange(min(users, 600)), np.arange(600, users)):
        if len(group):
            try:
                found, strange = recall(model, train, test, group)
                seen.append(
                    f"{found:.3f}" + (f", {strange:.0%} no items" if strange else "")
                )
            except IndexError:
                seen.append("IndexError")
    return "; then ".join(seen)


def example_shapes() -> None:
    """Recall@10 of users 0 to 599, then of those from 600 on, with the matrix either way."""
    print("users x items  right way           transposed")
    for users, items in SHAPES:
        print(
            f"{users:5d} x {items:<7d}{outcome(users, items, False):20s}{outcome(users, items, True)}"
        )


def square(turned: bool) -> float:
    """Recall@10 where there are as many users as titles."""
    train, test = watched(600, 600)
    return recall(
        fitted(train.T.tocsr() if turned else train), train, test, np.arange(600)
    )[0]


def chance(items: int) -> float:
    """Recall@10 of ten titles at random among those that a user has not played."""
    return 10 / (items - 20)


def facts() -> dict[str, str]:
    """Numbers that the page states about the transposed matrix."""
    return {
        "recall_right": f"{square(False):.3f}",
        "recall_turned": f"{square(True):.3f}",
        "recall_chance": f"{chance(600):.3f}",
    }


def passed(users: int, items: int, turned: bool) -> list[bool]:
    """The row count, and three checks that ask no shape."""
    train, test = watched(users, items)
    matrix = train.T.tocsr() if turned else train
    model = fitted(matrix)
    log = np.stack(train.nonzero(), axis=1)
    return [
        len(model.item_factors) == items,
        round_trip(matrix, log),
        beats_popularity(model, train, test),
        one_item_history(model, train),
    ]


def example_checks() -> None:
    """Which check notices: the matrix right way and transposed, by shape."""
    print(
        f"{'users x items':15s}{'matrix':12s}{'rows':>6s}{'round trip':>12s}{'popularity':>12s}{'one item':>10s}"
    )
    for users, items in SHAPES:
        for turned in (False, True):
            words = ["ok" if good else "fails" for good in passed(users, items, turned)]
            name = "transposed" if turned else "right"
            print(
                f"{users:5d} x {items:<7d}{name:12s}{words[0]:>6s}{words[1]:>12s}{words[2]:>12s}{words[3]:>10s}"
            )


def example_zeros() -> None:
    """The library's own metric on the rows that it trained on, and on those held out."""
    train, test = watched(600, 600)
    model = fitted(train)
    for name, held in (("train", train), ("test", test)):
        found = ranking_metrics_at_k(
            model, train, held, K=10, show_progress=False, num_threads=1
        )
        print(
            f"{name:6s}"
            + "".join(
                f"  {key} {found[key]:.3f}" for key in ("precision", "map", "ndcg", "auc")
            )
        )


if __name__ == "__main__":
    example_shapes()
    example_checks()
    example_zeros()
