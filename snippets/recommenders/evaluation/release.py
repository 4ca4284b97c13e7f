"""What the nightly report of an unchanged model said before and after a filter upstream changed."""

from __future__ import annotations

from statistics import fmean

import numpy as np

from snippets.recommenders.evaluation.metrics import Convention, ndcg, ranked

USERS, ITEMS, LIKED, K = 1000, 50, 3, 10


def nightly(day: int, emptied: float, empty: float | None = 0.0) -> list[float | None]:
    """NDCG@10 of each user on one day, when a share of them has lost all labels."""
    draw = np.random.default_rng(day)
    values: list[float | None] = []
    for _ in range(USERS):
        label = np.zeros(ITEMS)
        label[draw.choice(ITEMS, LIKED, replace=False)] = 1.0
        score = 2.0 * label + draw.normal(size=ITEMS)  # the model: the same on each day
        label *= draw.random() >= emptied
        gains = ranked(score.tolist(), label.tolist())
        values.append(ndcg(gains, gains, K, Convention(empty=empty)))
    return values


def found(values: list[float | None]) -> list[float]:
    """The values above 0."""
    return [value for value in values if value]


def example_release() -> None:
    """Five nights: users, mean, users at exactly 0, and the mean of the others."""
    print(
        f"{'night':>5} {'users':>6} {'NDCG@10':>8} {'users at 0':>11} {'mean of the others':>19}"
    )
    for day, emptied in ((1, 0.0), (2, 0.0), (3, 0.3), (4, 0.3), (5, 0.3)):
        values = nightly(day, emptied)
        zeros = len(values) - len(found(values))
        mean = fmean(value or 0.0 for value in values)
        print(
            f"{day:5} {len(values):6} {mean:8.3f} {zeros:11} {fmean(found(values)):19.3f}"
        )


def skipped() -> float:
    """Mean of the third night over the users that have a label."""
    return fmean(value for value in nightly(3, 0.3, None) if value is not None)


def facts() -> dict[str, str]:
    """Numbers that the exercise asks for."""
    return {"night_skipped": f"{skipped():.3f}"}
