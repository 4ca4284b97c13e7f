"""Best of n: its exact distribution, its exact KL, and the formula that is quoted for it."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import math

import torch
from torch import Tensor

from snippets.post_training.rlhf.language import REFERENCE, TRUTH, expected, kl
from snippets.post_training.rlhf.optimum import tilted
from snippets.post_training.rlhf.preferences import proxy

NS = (1, 2, 4, 8, 16, 64, 256)


# --8<-- [start:best]
def best_of(n: int, scores: Tensor, reference: Tensor = REFERENCE) -> Tensor:  # [A] -> [A]
    """Chance that each reply is kept: the highest score of n draws, ties by lot."""
    levels, level = torch.unique(scores.round(decimals=9), return_inverse=True)
    mass = torch.zeros_like(levels).index_add(0, level, reference)  # rising scores
    below = mass.cumsum(0) - mass
    kept = (below + mass) ** n - below**n  # all n at most here, less all n below
    return reference * (kept / mass)[level]


def quoted_kl(n: int) -> float:
    """The formula for a score that no two replies share, and no reply has by more than a speck of chance."""
    return math.log(n) - (n - 1) / n


# --8<-- [end:best]

RIGHT = (TRUTH > 2.1).double()  # passes: one fact, checked, and at most one "um"


def spent(n: int, scores: Tensor) -> float:
    """KL of best-of-n, in nats."""
    return kl(best_of(n, scores), REFERENCE).item()


def ceiling(scores: Tensor) -> float:
    """Where the KL of best-of-n ends: only replies of the highest score are left."""
    return -REFERENCE[scores >= scores.max() - 1e-9].sum().log().item()


def example_kl() -> None:
    """The formula, and what it stands for: with the reward model's scores, and with pass or fail."""
    print("  n  formula  scores  pass or fail")
    for n in NS:
        print(f"{n:3d}{quoted_kl(n):9.3f}{spent(n, proxy()):8.3f}{spent(n, RIGHT):14.3f}")


# --8<-- [start:twin]
def twin(n: int, rate: float) -> float:
    """The beta at which a tilt by pass or fail equals best-of-n, where a share passes."""
    passed = 1 - (1 - rate) ** n
    odds = passed / (1 - passed) / (rate / (1 - rate))
    return 1 / math.log(odds)


# --8<-- [end:twin]


def twin_gap(n: int) -> float:
    """Largest difference in probability between best-of-n on pass or fail, and its tilted twin."""
    rate = expected(REFERENCE, RIGHT)
    return (best_of(n, RIGHT) - tilted(RIGHT, twin(n, rate))).abs().max().item()


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "quoted_16": f"{quoted_kl(16):.2f}",
        "spent_16": f"{spent(16, proxy()):.2f}",
        "spent_16_pass": f"{spent(16, RIGHT):.2f}",
        "quoted_256": f"{quoted_kl(256):.2f}",
        "spent_256": f"{spent(256, proxy()):.2f}",
        "pass_rate": f"{expected(REFERENCE, RIGHT):.0%}",
        "pass_ceiling": f"{ceiling(RIGHT):.2f}",
        "twin_4": f"{twin(4, expected(REFERENCE, RIGHT)):.2f}",
    }


if __name__ == "__main__":
    example_kl()
