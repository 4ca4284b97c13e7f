"""Two versions of one model: users of the new, some titles still of the old."""
# /// fieldguide
# timeout_s = 60
# tolerance.skew = {rel = 0.1, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.1, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import functools
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from snippets.recommenders.two_tower.optima import TOP, overlap
from snippets.recommenders.two_tower.training import SEEDS, WORLDS, Towers, train
from snippets.worlds.world import Array

SHARES = (0.0, 0.1, 0.3, 0.5, 1.0)
TRUTH = WORLDS["liked"].utility(0)


# --8<-- [start:aligned]
def aligned(old: Tensor, new: Tensor) -> Tensor:
    """Old vectors [T, F], turned by the best orthogonal map, and moved, onto the new ones."""
    center, target = old.mean(0), new.mean(0)
    left, _, right = torch.linalg.svd((old - center).T @ (new - target))
    return (old - center) @ (left @ right) + target


# --8<-- [end:aligned]
def mixed(
    old: Towers, new: Towers, runs: tuple[int, int], share: float, turn: bool = False
) -> Array:
    """Scores by new users where a share of the titles still has old vectors: [M, T]."""
    a, b = runs
    titles, bias = new.titles[b].clone(), new.bias[b].clone()
    draw = torch.Generator().manual_seed(b)
    stale = torch.randperm(len(titles), generator=draw)[: int(share * len(titles))]
    before = aligned(old.titles[a], new.titles[b]) if turn else old.titles[a]
    titles[stale], bias[stale] = before[stale], old.bias[a][stale]
    scores: Array = (new.users[b] @ titles.T + bias).numpy()
    return scores


def pairs(kind: str) -> tuple[Towers, Towers, list[tuple[int, int]]]:
    """Old and new towers, and the runs to compare: another seed, or the same trained on."""
    old = train("corrected")
    if kind == "warm start":
        return (
            old,
            train("corrected", 100, seed=1, rate=0.01, before=old),
            [(run, run) for run in range(SEEDS)],
        )
    return old, old, [(run, (run + 1) % SEEDS) for run in range(SEEDS)]


@functools.cache
def skew(kind: str, share: float) -> list[float]:
    """Overlap with the true top ten, for each pair of runs."""
    old, new, runs = pairs(kind)
    turn = kind == "turned back"
    return [overlap(mixed(old, new, run, share, turn), TRUTH) for run in runs]


def mean_score(kind: str, share: float) -> float:
    """Mean score of the true top ten: what a dashboard may show."""
    old, new, runs = pairs(kind)
    best = np.argsort(-TRUTH, axis=1)[:, :TOP]
    scores = [mixed(old, new, run, share) for run in runs]
    return fmean(float(np.take_along_axis(s, best, axis=1).mean()) for s in scores)


def popular() -> float:
    """Overlap of the most played titles, the same for all members."""
    q = WORLDS["liked"].next_play(0).mean(axis=0)
    return overlap(np.tile(q, (len(TRUTH), 1)), TRUTH)


def example_skew() -> None:
    """Overlap by the share of titles at the old version: mean and range of five pairs."""
    print(f"most played titles for everybody: {popular():.0%}")
    print(
        f"{'titles at version 1':20s}{'other seed':>18s}{'mean score':>12s}{'trained on':>12s}{'turned back':>13s}"
    )
    for share in SHARES:
        runs = skew("other seed", share)
        print(
            f"{share:19.0%}{fmean(runs):9.0%} ({min(runs):.0%} to {max(runs):.0%})"
            f"{mean_score('other seed', share):9.2f}"
            f"{fmean(skew('warm start', share)):12.0%}{fmean(skew('turned back', share)):13.0%}"
        )


def mean_skew(kind: str, share: float) -> float:
    """Mean of the pairs."""
    return fmean(skew(kind, share))


def facts() -> dict[str, str]:
    """Numbers that the page states about versions."""
    return {
        "one_version": f"{mean_skew('other seed', 0.0):.0%}",
        "half_stale": f"{mean_skew('other seed', 0.5):.0%}",
        "all_stale": f"{mean_skew('other seed', 1.0):.0%}",
        "turned_back": f"{mean_skew('turned back', 1.0):.0%}",
        "most_played": f"{popular():.0%}",
    }


if __name__ == "__main__":
    example_skew()
