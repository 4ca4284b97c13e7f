"""Bias, noise and length preference of each estimator, summed over all groups of three replies."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import median

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


def rules(policy: Policy) -> dict[str, Tensor]:
    """Four ways to be right: by the first token, by a count, by a short or by the longest reply."""
    lengths = policy.mask.sum(1)
    ones = ((policy.tokens == 1) & policy.mask).sum(1)
    right = {"opening": policy.tokens[:, 0] == 1, "one 1": ones == 1}
    right |= {"short": lengths <= 2, "longest": lengths == LANGUAGE.length}
    return {name: rule.double() for name, rule in right.items()}


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


def crossing(few: Verdict, many: Verdict) -> float:
    """Groups per step at which `many` overtakes `few`; at most 0 if it is ahead from the start."""
    a, b = few.cosine**2, many.cosine**2
    return (b * few.noise - a * many.noise) / (a - b)


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
    print("group   GRPO   DAPO")
    for size in (2, 3, 4):
        grpo, dapo = (judged(name, opening(0), size) for name in ("GRPO", "DAPO"))
        print(f"{size:5} {grpo.cosine:6.4f} {dapo.cosine:6.4f}")


def example_gains() -> None:
    print("policy  groups   GRPO   DAPO  Dr. GRPO")
    for seed in (0, 6):
        grpo, dapo, constant = (
            judged(name, opening(seed)) for name in ("GRPO", "DAPO", "Dr. GRPO")
        )
        for count in (1, 8, 64, 512):
            gains = grpo.gain(count), dapo.gain(count), constant.gain(count)
            print(f"{seed:6} {count:7} {gains[0]:6.3f} {gains[1]:6.3f} {gains[2]:9.3f}")


def survey(seeds: int = 8) -> dict[str, list[float]]:
    """For each rule, over policies, the groups at which the constant overtakes division by reply."""
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        policy = Policy(LANGUAGE, seed)
        for name, rewards in rules(policy).items():
            prompt = Prompt(policy, rewards)
            ahead = crossing(judged("GRPO", prompt), judged("Dr. GRPO", prompt))
            found.setdefault(name, []).append(ahead)
    return found


def example_survey() -> None:
    print("right if   GRPO leads at 1 group   overtaken at, median and largest")
    for name, crossings in survey().items():
        ahead = [x for x in crossings if x > 1]
        print(
            f"{name:8} {len(ahead):11} of {len(crossings)} {median(ahead):18.0f} {max(ahead):10.0f}"
        )


def stopped_at_once(seed: int) -> float:
    """Share of the wrong replies that are a lone end token."""
    prompt = opening(seed)
    wrong = 1 - prompt.rewards
    alone = (prompt.policy.mask.sum(1) == 1).double()
    mean = prompt.policy.mean
    return (mean(wrong * alone) / mean(wrong)).item()


def ahead_of_the_constant() -> tuple[int, int]:
    """Cases of the survey in which one group favors division by reply, and all cases."""
    crossings = [x for found in survey().values() for x in found]
    return sum(x > 1 for x in crossings), len(crossings)


def facts() -> dict[str, str]:
    even, uneven = opening(0), opening(6)
    return {
        "cosine_even": f"{judged('GRPO', even).cosine:.3f}",
        "cosine_uneven": f"{judged('GRPO', uneven).cosine:.3f}",
        "crossing": f"{crossing(judged('GRPO', uneven), judged('Dr. GRPO', uneven)):.0f}",
        "noise_even": f"{judged('GRPO', even).noise:.2f}",
        "noise_uneven": f"{judged('GRPO', uneven).noise:.2f}",
        "short_even": f"{stopped_at_once(0):.0%}",
        "short_uneven": f"{stopped_at_once(6):.0%}",
        "ahead": f"{ahead_of_the_constant()[0]}",
        "cases": f"{ahead_of_the_constant()[1]}",
        "noise_uneven_constant": f"{judged('Dr. GRPO', uneven).noise:.2f}",
    }


if __name__ == "__main__":
    example_table()
    example_sizes()
    example_gains()
    example_survey()
