"""Bias, noise and length preference of each estimator, summed over all groups of three replies."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from torch import Tensor

from snippets.rl.grpo.estimators import RECIPES, Recipe
from snippets.rl.grpo.groups import Moments, Prompt, groups, moments
from snippets.sequences.language import Language, Policy

LANGUAGE = Language(size=3, length=4, end=0)
GROUP = 3
ROWS = {"no baseline": Recipe("none", scale=False, divide="limit")} | {
    name: RECIPES[name] for name in ("RLOO", "Dr. GRPO", "DAPO", "GRPO")
}


# --8<-- [start:opening]
def opening(seed: int) -> Prompt:
    """Right is what opens with token 1; how long a reply becomes is worth nothing."""
    policy = Policy(LANGUAGE, seed)
    return Prompt(policy, (policy.tokens[:, 0] == 1).double())


# --8<-- [end:opening]


# --8<-- [start:verdict]
@dataclass(frozen=True)
class Verdict:
    """What an estimator is worth: cosine to the exact gradient, and variance by squared mean."""

    cosine: float
    noise: float

    def gain(self, count: float) -> float:
        """Rise of the reward for a step from `count` groups, as a share of the best of its size."""
        return self.cosine / sqrt(1 + self.noise / count)


def verdict(found: Moments, exact: Tensor) -> Verdict:
    """Bias and noise of an estimator from its moments."""
    square = found.mean @ found.mean
    cosine = found.mean @ exact / (square.sqrt() * exact.norm())
    return Verdict(cosine.item(), ((found.square - square) / square).item())


# --8<-- [end:verdict]


# --8<-- [start:drift]
def drift(found: Moments, prompt: Prompt, first: int) -> float:
    """Tokens by which replies that open with `first` grow, per unit of the expected step."""
    policy = prompt.policy
    opened = (policy.tokens[:, 0] == first).double()
    lengths = policy.mask.sum(1).double()
    mean = policy.mean(opened * lengths) / policy.mean(opened)
    return (policy.gradient(mean).flatten() @ found.mean / found.mean.norm()).item()


# --8<-- [end:drift]


def judged(name: str, prompt: Prompt, size: int = GROUP) -> Verdict:
    """The verdict on a row of the table."""
    return verdict(moments(ROWS[name], prompt, size), prompt.exact())


def example_table() -> None:
    """Bias, noise and drift of five estimators."""
    prompt = opening(0)
    print(
        f"{len(prompt.rewards)} replies, {len(groups(len(prompt.rewards), GROUP)[0]):,} groups"
    )
    print("             cosine  noise  right  wrong")
    for name, recipe in ROWS.items():
        found = moments(recipe, prompt, GROUP)
        v = verdict(found, prompt.exact())
        right, wrong = (round(drift(found, prompt, first), 6) + 0.0 for first in (1, 2))
        print(f"{name:12} {v.cosine:6.3f} {v.noise:6.2f} {right:6.2f} {wrong:6.2f}")


def example_sizes() -> None:
    """Cosines by the size of a group."""
    print("group   GRPO   DAPO")
    for size in (2, 3, 4):
        grpo, dapo = (judged(name, opening(0), size) for name in ("GRPO", "DAPO"))
        print(f"{size:5} {grpo.cosine:6.4f} {dapo.cosine:6.4f}")


def facts() -> dict[str, str]:
    """How far division by each reply turns the gradient."""
    return {"cosine_grpo": f"{judged('GRPO', opening(0)).cosine:.3f}"}


if __name__ == "__main__":
    example_table()
    example_sizes()
