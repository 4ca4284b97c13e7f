# /// fieldguide
# timeout_s = 60
# ///
"""Does an offline number predict what a policy is worth? Two worlds whose plays look alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import spearmanr

from snippets.recommenders.evaluation.policies import POLICIES, Array, Pages, first, past_of
from snippets.worlds.log import Log, examined, record
from snippets.worlds.world import World

K, CUT, SEEDS = 10, 21, 8  # titles on a page, first day of the test, worlds of each kind
SESSIONS = {"liked": 60_000, "shown": 9_000}  # as many plays in both
JUNK = ("unpopular", "random")
PARTS = ("recall", "slice_", "worth")


@dataclass(frozen=True)
class Judged:
    """A policy's two offline numbers, and what it is worth."""

    recall: float  # recall@10 on the plays after the cut
    slice_: float  # share of the plays in random slots that its page would have held
    worth: float  # plays that its page gets per session, known


# --8<-- [start:offline]
def recall(pages: Pages, plays: Array) -> float:
    """Mean over members of the share of their plays [M, T] that their page [M, k] holds."""
    found = np.take_along_axis(plays, pages, axis=1).sum(1)
    there = plays.sum(1)
    return float((found[there > 0] / there[there > 0]).mean())


def caught(pages: Pages, log: Log) -> float:
    """Share of the plays in slots filled at random whose title the member's page holds."""
    plays = log.where(log.random).plays
    return float((pages[plays.member] == plays.title[:, None]).any(1).mean())


# --8<-- [end:offline]
# --8<-- [start:worth]
def worth(pages: Pages, world: World) -> float:
    """Plays per session if a member's page [M, k] were shown, from the world's own utilities."""
    days = range(CUT, world.days)
    utility = np.mean([world.utility(day) for day in days], axis=0)
    return float((np.take_along_axis(utility, pages, axis=1) @ examined(K)).mean())


# --8<-- [end:worth]
@cache
def judged(fame: str, seed: int) -> dict[str, Judged]:
    """All policies in one world."""
    world = World(fame, members=150, titles=100, seed=seed)
    log = record(world, SESSIONS[fame], slice_=0.1, seed=seed)
    usual, later = log.where(~log.random), log.where(log.day >= CUT)
    past = past_of(usual, world, CUT)
    plays = past_of(later.where(~later.random), world, world.days).plays
    found = {}
    for name, policy in POLICIES.items():
        pages = first(policy(past), K)
        found[name] = Judged(
            recall(pages, plays), caught(pages, later), worth(pages, world)
        )
    return found


def average(fame: str, name: str, part: str) -> float:
    """Mean over the seeds of one number of one policy."""
    return float(
        np.mean([getattr(judged(fame, seed)[name], part) for seed in range(SEEDS)])
    )


def agreement(fame: str, part: str, serious: bool = True) -> Array:
    """Rank correlation of an offline number with the worth, for each seed: [seeds]."""
    names = [name for name in POLICIES if not (serious and name in JUNK)]
    rows = [[judged(fame, seed)[name] for name in names] for seed in range(SEEDS)]
    pairs = [([getattr(j, part) for j in row], [j.worth for j in row]) for row in rows]
    return np.array([spearmanr(*pair).statistic for pair in pairs])


def kept(fame: str, part: str) -> Array:
    """Worth of the best policy by an offline number, over the best worth: [seeds]."""
    shares = []
    for seed in range(SEEDS):
        found = judged(fame, seed).values()
        top = max(getattr(j, part) for j in found)
        chosen = [j.worth for j in found if getattr(j, part) == top]  # ties: their mean
        shares.append(np.mean(chosen) / max(j.worth for j in found))
    return np.array(shares)


def mean_agreement(fame: str, part: str, serious: bool = True) -> float:
    """The rank correlation, mean over the seeds."""
    return float(agreement(fame, part, serious).mean())


def mean_kept(fame: str, part: str) -> float:
    """The share of the best worth that a choice keeps, mean over the seeds."""
    return float(kept(fame, part).mean())


def example_policies() -> None:
    """Twelve policies in both worlds, mean over the seeds, ordered by recall in the first."""
    print(f"{'':22}{'popularity is taste':^25}{'popularity is exposure':^25}")
    print(f"{'':22}" + f"{'recall':>8}{'slice':>8}{'worth':>8} " * 2)
    for name in sorted(POLICIES, key=lambda n: -average("liked", n, "recall")):
        cells = [average(fame, name, part) for fame in SESSIONS for part in PARTS]
        print(
            f"{name:22}{cells[0]:8.3f}{cells[1]:8.3f}{cells[2]:8.2f} {cells[3]:8.3f}{cells[4]:8.3f}{cells[5]:8.2f}"
        )


def example_agreement() -> None:
    """Rank correlation with the worth over the seeds, and what a choice by it keeps."""
    print(f"{'':31}{'rank correlation':>17}{'range':>16}{'with junk':>12}{'kept':>7}")
    for fame, words in (("liked", "taste"), ("shown", "exposure")):
        for part, source in (("recall", "plays"), ("slice_", "random slots")):
            r, all_ = agreement(fame, part), mean_agreement(fame, part, False)
            print(
                f"popularity is {words:9}{source:>12}{r.mean():13.2f}"
                f"{r.min():10.2f} to {r.max():.2f}{all_:10.2f}{mean_kept(fame, part):7.2f}"
            )


def facts() -> dict[str, str]:
    """Numbers that the page states about prediction."""
    return {
        "liked_popular": f"{average('liked', 'popular', 'recall'):.2f}",
        "shown_popular": f"{average('shown', 'popular', 'recall'):.2f}",
        "popular_worth": f"{average('shown', 'popular', 'worth'):.2f}",
        "random_worth": f"{average('shown', 'random', 'worth'):.2f}",
        "best_worth": f"{average('shown', 'SVD / times shown', 'worth'):.2f}",
        "best_recall": f"{average('shown', 'SVD / times shown', 'recall'):.2f}",
        "liked_r": f"{mean_agreement('liked', 'recall'):.2f}",
        "shown_r": f"{mean_agreement('shown', 'recall'):.2f}",
        "junk_r": f"{mean_agreement('shown', 'recall', serious=False):.2f}",
        "slice_r": f"{mean_agreement('shown', 'slice_'):.2f}",
        "shown_kept": f"{mean_kept('shown', 'recall'):.0%}",
        "slice_kept": f"{mean_kept('shown', 'slice_'):.0%}",
    }
