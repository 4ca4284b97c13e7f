"""What a test of a reward model reports: pairs ordered rightly, one of four, and the curve behind both."""

from __future__ import annotations

import torch
from torch import Tensor


def order(values: Tensor) -> Tensor:  # [N] -> [N, N]
    """Which of two replies has more: 1, -1, or 0."""
    return torch.sign((values[:, None] - values).round(decimals=9))


# --8<-- [start:accuracy]
def accuracy(scores: Tensor, gold: Tensor, chances: Tensor) -> float:
    """Share of pairs of unlike gold that the scores order rightly; equal scores count half."""
    unlike = chances[:, None] * chances * order(gold).abs()
    right = (1 + order(scores) * order(gold)) / 2
    return ((unlike * right).sum() / unlike.sum()).item()


def of_four(scores: Tensor, gold: Tensor, chances: Tensor) -> float:
    """Chance that the best score of four draws is the best gold; a draw of equals is a miss."""
    behind = (order(scores) > 0) & (order(gold) > 0)  # [N, N]: worse in both
    return 4 * (chances @ (behind.double() @ chances) ** 3).item()


# --8<-- [end:accuracy]


# --8<-- [start:curve]
def curve(scores: Tensor, gold: Tensor, chances: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each score that occurs, its share, and the mean gold of the replies that have it."""
    levels, level = torch.unique(scores.round(decimals=9), return_inverse=True)
    share = torch.zeros_like(levels).index_add(0, level, chances)
    total = torch.zeros_like(levels).index_add(0, level, chances * gold)
    return levels, share, total / share


# --8<-- [end:curve]


def by_rarity(scores: Tensor, gold: Tensor, chances: Tensor, halvings: int) -> Tensor:
    """Mean gold of replies that 1/2 to 1 of draws outscore, 1/4 to 1/2, and so on: [halvings]."""
    above = (scores > scores[:, None]).double() @ chances
    same = (scores == scores[:, None]).double() @ chances
    place = (-torch.log2(above + same / 2)).floor().long()
    found = [
        (chances * gold)[place == k].sum() / chances[place == k].sum()
        for k in range(halvings)
    ]
    return torch.stack(found)
