"""What best-of-n would bring, for each n at once, from replies of the reference that people have judged."""

from __future__ import annotations

from functools import cache
from math import comb

import torch
from torch import Tensor

from snippets.rl.reward_modeling.comparisons import drawn
from snippets.rl.reward_modeling.pressure import kept, won
from snippets.rl.reward_modeling.worlds import Model, model

JUDGED, DRAWS, SIZES = 200, range(20), (2, 4, 8, 16, 32, 64, 128)


# --8<-- [start:estimate]
def estimate(scores: Tensor, gold: Tensor, n: int) -> float:  # [M], [M]
    """Mean gold of the best-scored of n, over all ways to choose n of M judged replies."""
    rising = gold[scores.argsort()]
    ways = [comb(below, n - 1) for below in range(len(gold))]  # the others score less
    weight = torch.tensor([way / comb(len(gold), n) for way in ways], dtype=gold.dtype)
    return (weight * rising).sum().item()


# --8<-- [end:estimate]


def guess(found: Model, n: int, seed: int) -> float:
    """Gold won, from one set of judged replies."""
    draw = torch.Generator().manual_seed(seed)
    some = drawn(found.place.reference, JUDGED, draw)
    scores, gold = found.scores[some], found.gold[some]
    return estimate(scores, gold, n) - gold.mean().item()


@cache
def guesses(name: str, n: int, seed: int = 0) -> Tensor:
    """The same for each set of draws."""
    return torch.tensor([guess(model(name, seed), n, draw) for draw in DRAWS])


def said(name: str, n: int) -> tuple[float, float]:
    """Their mean and deviation."""
    found = guesses(name, n)
    return found.mean().item(), found.std().item()


def example_judged() -> None:
    """Two reward models, judged before they are optimized: exact gold, and what the judged replies say."""
    print("        few labels              bend in the hole")
    print("  n   exact    judged            exact    judged")
    for n in SIZES:
        row = f"{n:3d}"
        for name in ("few labels", "bend in the hole"):
            found, (mean, spread) = model(name, 0), said(name, n)
            row += f"{won(found, kept(found, n)):8.2f}{mean:7.2f} ± {spread:4.2f}     "
        print(row.rstrip())


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "judged_128": f"{said('bend in the hole', 128)[0]:.2f}",
        "judged_128_spread": f"{said('bend in the hole', 128)[1]:.2f}",
        "judged_16_spread": f"{said('bend in the hole', 16)[1]:.2f}",
    }


if __name__ == "__main__":
    example_judged()
