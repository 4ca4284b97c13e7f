"""What a split lets a model know: leave-one-out against the order of time.

Members come and go and half of the titles start late: both are planted.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.evaluation.policies import POLICIES, Array, first, past_of
from snippets.worlds.log import Log, record
from snippets.worlds.world import World

K, STAY, CUT, SEEDS = 10, 7, 14, 8  # page, days that a member stays, day of the cut, worlds
NAMES = ("popular", "popular lately", "EASE", "SVD of damped plays")
SPLITS = ("leave-one-out", "one cut", "day by day")


@cache
def visits(seed: int) -> tuple[World, Log]:
    """A world, and the plays of members who stay for a week each."""
    world = World("shown", members=240, titles=100, new=0.5, drift=0.6, seed=seed)
    plays = record(world, 12_000, slice_=0.0, seed=seed).plays
    join = np.random.default_rng([seed, 9]).integers(
        0, world.days - STAY + 1, world.members
    )
    stays = (plays.day >= join[plays.member]) & (plays.day < join[plays.member] + STAY)
    return world, plays.where(stays)


# --8<-- [start:splits]
def last_play(log: Log, members: int) -> NDArray[np.bool_]:
    """The rows that hold a member's last play: what leave-one-out tests on."""
    row = np.full(members, -1)
    row[log.member] = np.arange(len(log.day))  # later rows overwrite earlier ones
    is_last = np.zeros(len(log.day), dtype=bool)
    is_last[row[row >= 0]] = True
    return is_last


def known(log: Log, test: NDArray[np.bool_], split: str, day: int) -> NDArray[np.bool_]:
    """The rows that a model may learn from when it is asked for a page on `day`."""
    if split == "leave-one-out":
        return ~test  # all that is not tested, whenever it happened
    return log.day < (CUT if split == "one cut" else day)


# --8<-- [end:splits]


@cache
def pages(seed: int, split: str, day: int) -> dict[str, NDArray[np.int64]]:
    """The page of each member under each policy, learned from what the split lets it know."""
    world, log = visits(seed)
    rows = log.where(known(log, last_play(log, world.members), split, day))
    until = world.days if split == "leave-one-out" else CUT if split == "one cut" else day
    past = past_of(rows, world, until)
    return {name: first(POLICIES[name](past), K) for name in NAMES}


def asked(seed: int) -> Log:
    """The last plays after the cut: the same questions for all splits."""
    world, log = visits(seed)
    return log.where(last_play(log, world.members) & (log.day >= CUT))


@cache
def next_play(seed: int, day: int) -> Array:
    """Distribution of what each member plays next on a day: [M, T]."""
    return visits(seed)[0].next_play(day)


@cache
def reported(seed: int, split: str, name: str) -> tuple[float, float]:
    """Expected hit rate@10, and the share of the pages that did not exist yet."""
    world, questions = visits(seed)[0], asked(seed)
    hits: list[float] = []
    unborn: list[float] = []
    for day in np.unique(questions.day):
        members = questions.member[questions.day == day]
        page = pages(seed, split, 0 if split != "day by day" else int(day))[name][members]
        chance = next_play(seed, int(day))[members]  # of each title, to be played next
        hits += np.take_along_axis(chance, page, axis=1).sum(1).tolist()
        unborn += (world.launch[page] > day).mean(1).tolist()
    return float(np.mean(hits)), float(np.mean(unborn))


def over_seeds(split: str, name: str) -> Array:
    """Hit rate and share of titles unborn, for each seed: [seeds, 2]."""
    return np.array([reported(seed, split, name) for seed in range(SEEDS)])


def rank_of(split: str, name: str) -> list[int]:
    """Place of a policy among the four, for each seed."""
    values = {n: over_seeds(split, n)[:, 0] for n in NAMES}
    return [
        1 + sum(v[seed] > values[name][seed] for v in values.values())
        for seed in range(SEEDS)
    ]


def example_splits() -> None:
    """Four policies under three splits: hit rate@10, titles not there yet, places by seed."""
    head = "".join(f"{split:>15}" for split in SPLITS)
    print(f"{'':20}{head}{'not there yet':>15}")
    for name in NAMES:
        cells = [over_seeds(split, name)[:, 0].mean() for split in SPLITS]
        unborn = over_seeds("leave-one-out", name)[:, 1].mean()
        print(f"{name:20}" + "".join(f"{c:15.3f}" for c in cells) + f"{unborn:15.1%}")
    print()
    print(f"{'place, world by world':25}{'leave-one-out':<19}day by day")
    for name in NAMES:
        loo, live = (" ".join(map(str, rank_of(s, name))) for s in (SPLITS[0], SPLITS[2]))
        print(f"{name:25}{loo:19}{live}")


def hit_rate(split: str, name: str) -> float:
    """Expected hit rate@10, mean over the seeds."""
    return float(over_seeds(split, name)[:, 0].mean())


def unborn(name: str) -> float:
    """Share of the titles that were not there yet under leave-one-out, mean over the seeds."""
    return float(over_seeds("leave-one-out", name)[:, 1].mean())


def flips() -> int:
    """Worlds in which leave-one-out and the order of time disagree about recent popularity."""
    pairs = [
        [over_seeds(split, name)[:, 0] for name in ("popular", "popular lately")]
        for split in ("leave-one-out", "day by day")
    ]
    return int(sum((pairs[0][0] > pairs[0][1]) & (pairs[1][0] < pairs[1][1])))


def facts() -> dict[str, str]:
    """Numbers that the page states about splits."""
    return {
        "loo_popular": f"{hit_rate('leave-one-out', 'popular'):.3f}",
        "loo_lately": f"{hit_rate('leave-one-out', 'popular lately'):.3f}",
        "live_popular": f"{hit_rate('day by day', 'popular'):.3f}",
        "live_lately": f"{hit_rate('day by day', 'popular lately'):.3f}",
        "loo_ease": f"{hit_rate('leave-one-out', 'EASE'):.3f}",
        "live_ease": f"{hit_rate('day by day', 'EASE'):.3f}",
        "unborn": f"{unborn('popular lately'):.1%}",
        "flips": f"{flips()}",
    }
