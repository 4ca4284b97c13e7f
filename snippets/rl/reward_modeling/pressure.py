"""What happens to the gold as a policy leaves the reference for more score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from snippets.post_training.rlhf.best_of import best_of
from snippets.post_training.rlhf.language import kl
from snippets.rl.reward_modeling.worlds import Model, model

BUDGETS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)


# --8<-- [start:slope]
def slope(policy: Tensor, scores: Tensor, gold: Tensor) -> float:
    """Covariance of score and gold under a policy: what a bit more pressure does to the gold."""
    apart = scores - policy @ scores
    return (policy @ (apart * gold)).item()


def correlation(policy: Tensor, scores: Tensor, gold: Tensor) -> float:
    """The same without units, between -1 and 1."""
    size = slope(policy, scores, scores) * slope(policy, gold, gold)
    return slope(policy, scores, gold) / math.sqrt(size)


# --8<-- [end:slope]


# --8<-- [start:pressed]
def tilted(scores: Tensor, price: Tensor, reference: Tensor) -> Tensor:  # [K, 1] -> [K, N]
    """For each price of a nat of KL, the policy of the highest score less what it pays."""
    return torch.softmax(reference.log() + scores / price, -1)


def pressed(found: Model, budgets: Sequence[float]) -> Tensor:  # [K] -> [K, N]
    """For each budget of KL the policy with the most score: the tilt that spends it, by bisection."""
    reference = found.place.reference
    wanted = torch.tensor(budgets, dtype=reference.dtype)[:, None]
    low, high = torch.full_like(wanted, -8.0), torch.full_like(wanted, 8.0)
    for _ in range(40):
        middle = (low + high) / 2  # of ln price
        spent = kl(tilted(found.scores, middle.exp(), reference), reference)[:, None]
        low = torch.where(spent > wanted, middle, low)
        high = torch.where(spent > wanted, high, middle)
    return tilted(found.scores, high.exp(), reference)


# --8<-- [end:pressed]


def kept(found: Model, n: int) -> Tensor:
    """Best of n."""
    return best_of(n, found.scores, found.place.reference)


def won(found: Model, policy: Tensor) -> float:
    """Gold above that of the reference."""
    return (policy @ found.gold - found.place.mean(found.gold)).item()


@dataclass(frozen=True)
class Run:
    """Gold won along the way, and by the reply with the highest score."""

    along: tuple[float, ...]
    last: float

    @property
    def best(self) -> float:
        """The most gold on the way."""
        return max(*self.along, self.last)

    @property
    def fall(self) -> float:
        """Gold lost again by the end."""
        return self.best - self.last


def run(found: Model) -> Run:
    """Tilted policies at growing budgets, up to the reply that is left without a price."""
    along = tuple(won(found, policy) for policy in pressed(found, BUDGETS))
    last = found.gold[found.scores.argmax()] - found.place.mean(found.gold)
    return Run(along, last.item())


def peak(found: Model, below: float = 5.0, steps: int = 100) -> tuple[float, float]:
    """KL and gold where a fine grid of budgets wins the most."""
    budgets = torch.linspace(below / steps, below, steps).tolist()
    gold = [won(found, policy) for policy in pressed(found, budgets)]
    return max(zip(budgets, gold, strict=True), key=lambda x: x[1])


def example_slope() -> None:
    """A reward model that bends, on its way."""
    found = model("bend", 0)
    print(" KL  score   gold  correlation")
    for policy in pressed(found, BUDGETS):
        spent, scored = kl(policy, found.place.reference), policy @ found.scores
        print(
            f"{spent:4.2f}{scored:6.2f}{won(found, policy):7.2f}"
            f"{correlation(policy, found.scores, found.gold):11.2f}"
        )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    found = model("bend", 0)
    first = correlation(pressed(found, (0.1,))[0], found.scores, found.gold)
    return {"peak_kl_0": f"{peak(found)[0]:.2f}", "first_correlation": f"{first:.2f}"}


if __name__ == "__main__":
    example_slope()
