"""Team-draft interleaving, with all of its coin flips written down."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.evaluation.policies import POLICIES, Array, first, past_of
from snippets.worlds.log import examined, record
from snippets.worlds.world import World

SLOTS, CUT, MEMBERS = 6, 21, 60


# --8<-- [start:draft]
def draft(
    a: Sequence[int], b: Sequence[int], coins: Sequence[bool]
) -> tuple[list[int], list[int]]:
    """One mixed page: titles, and for each slot +1 if A picked it, -1 if B did."""
    page: list[int] = []
    team: list[int] = []
    for a_first in coins:  # in each round both pick once, the winner of the coin first
        for picks, side in ((a, 1), (b, -1)) if a_first else ((b, -1), (a, 1)):
            page.append(next(title for title in picks if title not in page))
            team.append(side)
    return page, team


def all_drafts(
    a: Sequence[int], b: Sequence[int], slots: int
) -> Iterator[tuple[list[int], list[int]]]:
    """The pages of all sequences of coins, equally likely."""
    for coins in itertools.product((True, False), repeat=slots // 2):
        yield draft(a, b, coins)


# --8<-- [end:draft]


# --8<-- [start:credit]
def credit(
    a: Sequence[int], b: Sequence[int], utility: Array, slots: int
) -> tuple[float, float]:
    """Mean and variance of a session's credit: plays of A's picks minus plays of B's."""
    looks = examined(slots)
    means, variances = [], []
    for page, team in all_drafts(a, b, slots):
        play = utility[page] * looks  # chance that the title in each slot is played
        means.append(float(play @ team))
        variances.append(float((play * (1 - play)).sum()))
    return float(np.mean(means)), float(np.mean(variances) + np.var(means))


# --8<-- [end:credit]


def split_test(
    a: Sequence[int], b: Sequence[int], utility: Array, slots: int
) -> tuple[float, float]:
    """Difference in plays per session of two whole pages, and the sum of their variances."""
    plays = [utility[list(page[:slots])] * examined(slots) for page in (a, b)]
    spread = sum(float((p * (1 - p)).sum()) for p in plays)
    return float(plays[0].sum() - plays[1].sum()), spread


@cache
def service() -> tuple[Array, dict[str, NDArray[np.int64]]]:
    """Utilities of some members on the day of the test, and their lists under each policy."""
    world = World("shown", members=200, titles=120)
    past = past_of(record(world, 13_000, slice_=0.0), world, CUT)
    lists = {
        name: first(policy(past), 2 * SLOTS)[:MEMBERS] for name, policy in POLICIES.items()
    }
    return world.utility(CUT)[:MEMBERS], lists


def needed(a: str, b: str, mixed: bool) -> tuple[float, float]:
    """Mean effect over members, and sessions that find it in 80% of tests at 5%."""
    utility, lists = service()
    judge = credit if mixed else split_test
    both = zip(lists[a].tolist(), lists[b].tolist(), utility, strict=True)
    rows = np.array([judge(one, other, likes, SLOTS) for one, other, likes in both])
    effect = rows[:, 0].mean()
    spread = (
        rows[:, 1].mean() + rows[:, 0].var() if mixed else rows[:, 1].mean() + between(a, b)
    )
    arms = 1 if mixed else 2  # a split test needs as many sessions for each of two pages
    return float(effect), float(arms * (1.96 + 0.84) ** 2 * spread / effect**2)


def between(a: str, b: str) -> float:
    """Variance between members of the plays of a session, summed over the two pages."""
    utility, lists = service()
    looks = examined(SLOTS)
    plays = [
        np.take_along_axis(utility, lists[name][:, :SLOTS], 1) @ looks for name in (a, b)
    ]
    return float(sum(p.var() for p in plays))


PAIRS = (
    ("SVD / times shown", "SVD of damped plays"),
    ("SVD of damped plays", "EASE"),
    ("EASE", "SVD"),
    ("SVD", "cosine"),
)


def example_needed() -> None:
    """Four pairs of neighbors: effect and sessions of a split test and of interleaving."""
    print(f"{'':44}{'A/B test':^20}{'interleaving':^20}")
    print(f"{'A':22}{'B':22}" + f"{'effect':>10}{'sessions':>10}" * 2 + f"{'ratio':>8}")
    for a, b in PAIRS:
        whole, mixed = needed(a, b, mixed=False), needed(a, b, mixed=True)
        print(
            f"{a:22}{b:22}{whole[0]:10.3f}{whole[1]:10,.0f}{mixed[0]:10.3f}{mixed[1]:10,.0f}"
            f"{whole[1] / mixed[1]:8.1f}"
        )


def ratios() -> list[float]:
    """Sessions of a split test over those of interleaving, for each pair."""
    return [needed(a, b, False)[1] / needed(a, b, True)[1] for a, b in PAIRS]


def ratio_at(place: int) -> float:
    """The ratio at a place of their rising order."""
    return sorted(ratios())[place]


def facts() -> dict[str, str]:
    """Numbers that the page states about interleaving."""
    return {"least_ratio": f"{ratio_at(0):.1f}", "greatest_ratio": f"{ratio_at(-1):.1f}"}
