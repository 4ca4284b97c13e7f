"""When the ranking turns: gain by groups in a step, over policies and ways to be right."""

from __future__ import annotations

from statistics import median

from torch import Tensor

from snippets.rl.grpo.groups import Prompt
from snippets.rl.grpo.worlds import LANGUAGE, Verdict, judged, opening
from snippets.sequences.language import Policy

PAIR = 2  # replies in a group of the survey, to be quick


# --8<-- [start:crossing]
def crossing(few: Verdict, many: Verdict) -> float:
    """Groups per step at which `many` overtakes `few`; at most 0 if it is ahead from the start."""
    a, b = few.cosine**2, many.cosine**2
    return (b * few.noise - a * many.noise) / (a - b)


# --8<-- [end:crossing]


def rules(policy: Policy) -> dict[str, Tensor]:
    """Four ways to be right: by the first token, by a count, by a short or by the longest reply."""
    lengths = policy.mask.sum(1)
    ones = ((policy.tokens == 1) & policy.mask).sum(1)
    right = {"opening": policy.tokens[:, 0] == 1, "one 1": ones == 1}
    right |= {"short": lengths <= 2, "longest": lengths == LANGUAGE.length}
    return {name: rule.double() for name, rule in right.items()}


def stopped_at_once(seed: int) -> float:
    """Share of the wrong replies that are a lone end token."""
    prompt = opening(seed)
    wrong = 1 - prompt.rewards
    alone = (prompt.policy.mask.sum(1) == 1).double()
    mean = prompt.policy.mean
    return (mean(wrong * alone) / mean(wrong)).item()


def example_gains() -> None:
    """Gain of a step under two policies."""
    print("policy  groups   GRPO   DAPO  Dr. GRPO")
    for seed in (0, 6):
        grpo, dapo, constant = (
            judged(name, opening(seed)) for name in ("GRPO", "DAPO", "Dr. GRPO")
        )
        for count in (1, 8, 64, 512):
            gains = grpo.gain(count), dapo.gain(count), constant.gain(count)
            print(f"{seed:6} {count:7} {gains[0]:6.3f} {gains[1]:6.3f} {gains[2]:9.3f}")


def survey(seeds: int = 16) -> dict[str, list[float]]:
    """For each rule, over policies, the pairs at which the constant overtakes division by reply."""
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        policy = Policy(LANGUAGE, seed)
        for name, rewards in rules(policy).items():
            prompt = Prompt(policy, rewards)
            ahead = crossing(judged("GRPO", prompt, PAIR), judged("Dr. GRPO", prompt, PAIR))
            found.setdefault(name, []).append(ahead)
    return found


def example_survey() -> None:
    """Where the constant overtakes, over policies and rules."""
    print("right if   GRPO leads at 1 group   overtaken at, median and largest")
    for name, crossings in survey().items():
        ahead = [x for x in crossings if x > 1]
        print(
            f"{name:8} {len(ahead):11} of {len(crossings)} {median(ahead):18.0f} {max(ahead):10.0f}"
        )


def ahead_of_the_constant() -> tuple[int, int]:
    """Cases of the survey in which one group favors division by reply, and all cases."""
    crossings = [x for found in survey().values() for x in found]
    return sum(x > 1 for x in crossings), len(crossings)


def facts() -> dict[str, str]:
    """Where two policies differ, and how often the ranking turns."""
    few, many = judged("GRPO", opening(6)), judged("Dr. GRPO", opening(6))
    ahead, cases = ahead_of_the_constant()
    return {
        "cosine_uneven": f"{few.cosine:.3f}",
        "crossing": f"{crossing(few, many):.0f}",
        "noise_uneven": f"{few.noise:.2f}",
        "noise_constant": f"{many.noise:.2f}",
        "short_even": f"{stopped_at_once(0):.0%}",
        "short_uneven": f"{stopped_at_once(6):.0%}",
        "ahead": f"{ahead}",
        "cases": f"{cases}",
    }


if __name__ == "__main__":
    example_gains()
    example_survey()
