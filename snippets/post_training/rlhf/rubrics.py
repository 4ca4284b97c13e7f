"""Rubrics as rewards: items that are added up, and one grade for the whole reply."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from snippets.post_training.rlhf.language import (
    REPLIES,
    TRUTH,
    USUAL,
    expected,
    reply_logps,
    tree,
)
from snippets.post_training.rlhf.optimum import price, tilted

Reply = tuple[str, ...]

# A hard prompt: the model rarely knows the fact.
HARD = USUAL | {
    "": (0.06, 0.10, 0.44, 0.40),
    "checked": (0.04, 0.08, 0.18, 0.70),
    "um": (0.06, 0.08, 0.40, 0.46),
}
HARD_REFERENCE = reply_logps(tree(HARD)).exp()


# --8<-- [start:items]
def backed(reply: Reply) -> bool:
    """Somewhere a check stands right behind a fact."""
    return ("fact", "checked") in pairwise(reply)


def empty(reply: Reply) -> bool:
    """Somewhere a check stands behind anything else: a claim."""
    steps = pairwise(("", *reply))
    return any(word == "checked" and before != "fact" for before, word in steps)


STATED: dict[str, tuple[float, Callable[[Reply], bool]]] = {
    "gives a fact": (2.0, lambda reply: "fact" in reply),
    "says that it was checked": (1.0, lambda reply: "checked" in reply),
    "does not dither": (1.0, lambda reply: "um" not in reply),
}
BACKED = STATED | {"says that it was checked": (1.0, backed)}


def explicit(
    rubric: dict[str, tuple[float, Callable[[Reply], bool]]], reply: Reply
) -> float:
    """The weighted share of items that a judge ticks, one by one."""
    ticked = sum(weight * holds(reply) for weight, holds in rubric.values())
    return ticked / sum(weight for weight, _ in rubric.values())


def implicit(worth: float, low: float, high: float) -> float:
    """One grade from 1 to 10 for the whole reply, as a share of the way from 1 to 10."""
    return round(9 * (worth - low) / (high - low)) / 9


# --8<-- [end:items]


def rewards(how: str) -> Tensor:
    """Reward of each reply: [A]."""
    if how == "one grade":
        low, high = TRUTH.min().item(), TRUTH.max().item()
        return torch.tensor([implicit(w, low, high) for w in TRUTH.tolist()]).double()
    rubric = STATED if how == "item stated" else BACKED
    return torch.tensor([explicit(rubric, reply) for reply in REPLIES]).double()


HOWS = ("item stated", "item backed", "one grade")
EMPTY = torch.tensor([float(empty(reply)) for reply in REPLIES], dtype=torch.float64)


def trained(how: str, budget: float = 1.0) -> Tensor:
    """The best policy on the hard prompt for a budget of KL."""
    score = rewards(how)
    return tilted(score, price(budget, score, HARD_REFERENCE), HARD_REFERENCE)


def claims(how: str, budget: float = 1.0) -> float:
    """Share of replies with an empty claim."""
    return expected(trained(how, budget), EMPTY)


def example_rubrics() -> None:
    """Three rewards on a hard prompt, each with one nat to spend."""
    print("reward       its value before  after  empty claims  worth")
    print(
        f"{'none':>12s}{expected(HARD_REFERENCE, EMPTY):38.0%}{expected(HARD_REFERENCE):7.2f}"
    )
    for how in HOWS:
        before, policy = expected(HARD_REFERENCE, rewards(how)), trained(how)
        print(
            f"{how:>12s}{before:17.2f}{expected(policy, rewards(how)):7.2f}{claims(how):14.0%}{expected(policy):7.2f}"
        )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "claims_before": f"{expected(HARD_REFERENCE, EMPTY):.0%}",
        "claims_stated": f"{claims('item stated'):.0%}",
        "claims_backed": f"{claims('item backed'):.0%}",
        "claims_grade": f"{claims('one grade'):.0%}",
    }


if __name__ == "__main__":
    example_rubrics()
