"""A judge who errs: what a trained policy averages away, and best-of-n picks out."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.post_training.rlhf.best_of import RIGHT
from snippets.post_training.rlhf.language import REFERENCE, expected
from snippets.post_training.rlhf.optimum import tilted

MISSED, FOOLED = 0.1, 0.1  # right replies failed, wrong replies passed: both planted
NS, BETAS = (1, 4, 16, 64), (0.5, 0.25, 0.1, 0.05)


# --8<-- [start:judge]
def right_of_best(n: int, rate: float, missed: float, fooled: float) -> float:
    """Chance that best-of-n is right if each draw gets a verdict of its own; a lot decides among equals."""
    good, bad = rate * (1 - missed), (1 - rate) * fooled  # passed rightly, passed wrongly
    none = (1 - good - bad) ** n
    failed = rate * missed / (1 - good - bad)  # right, though failed
    return (1 - none) * good / (good + bad) + none * failed


def average_verdict(right: Tensor, missed: float, fooled: float) -> Tensor:
    """What the judge gives a reply on average: the truth, shrunk and shifted."""
    return fooled + (1 - missed - fooled) * right


# --8<-- [end:judge]


@cache
def fixed_verdicts(judges: int = 200) -> Tensor:
    """Judges with the same rates, each of whom says the same of a reply every time: [J, A]."""
    luck = torch.rand(judges, len(RIGHT), generator=torch.Generator().manual_seed(0))
    return torch.where(RIGHT.bool(), luck >= MISSED, luck < FOOLED).double()


def right_of_tilt(rewards: Tensor, beta: float) -> float:
    """Share of right replies of the optimum."""
    return expected(tilted(rewards, beta), RIGHT)


def fixed(beta: float) -> float:
    """The same for judges of fixed opinions, in their mean."""
    return torch.tensor([right_of_tilt(v, beta) for v in fixed_verdicts()]).mean().item()


def drawn(beta: float) -> float:
    """The same for a judge who decides anew each time; training sees the average."""
    return right_of_tilt(average_verdict(RIGHT, MISSED, FOOLED), beta)


def example_judge() -> None:
    """Share of right replies: best-of-n, then the optimum of the trained policy."""
    rate = expected(REFERENCE, RIGHT)
    print("   n  sure judge  verdict drawn anew")
    for n in NS:
        sure, unsure = (right_of_best(n, rate, *e) for e in ((0.0, 0.0), (MISSED, FOOLED)))
        print(f"{n:4d}{sure:12.0%}{unsure:20.0%}")
    print("beta  sure judge  verdict drawn anew  fixed verdicts")
    for beta in BETAS:
        sure = right_of_tilt(RIGHT, beta)
        print(f"{beta:4.2f}{sure:12.0%}{drawn(beta):20.0%}{fixed(beta):16.0%}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    rate = expected(REFERENCE, RIGHT)
    return {
        "best_64": f"{right_of_best(64, rate, MISSED, FOOLED):.0%}",
        "tilt_drawn": f"{drawn(0.05):.0%}",
        "tilt_fixed": f"{fixed(0.05):.0%}",
    }


if __name__ == "__main__":
    example_judge()
