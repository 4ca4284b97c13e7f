"""GRPO: what a group's gradient will do, and the calculator. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from math import comb, exp, lgamma
from typing import Annotated

FATES = ("right", "wrong", "noise", "nothing")


# --8<-- [start:pool]
def binomial(n: int, p: float) -> list[float]:
    """Probability of 0, 1, …, n successes in n tries."""
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def right_replies(group: int, mean: float, spread: float) -> list[float]:
    """Probability that 0, 1, …, `group` replies are right, if pass rates follow a beta."""
    if spread == 0:
        return binomial(group, mean)
    total = mean * (1 - mean) / spread**2 - 1
    a, b = mean * total, (1 - mean) * total
    whole = lgamma(a) + lgamma(b) - lgamma(total)
    logs = [
        lgamma(a + k) + lgamma(b + group - k) - lgamma(total + group) - whole
        for k in range(group + 1)
    ]
    return [comb(group, k) * exp(log) for k, log in enumerate(logs)]


# --8<-- [end:pool]


# --8<-- [start:fates]
def fate(group: int, right: int, passed: int, fooled: int) -> str:
    """What the gradient of one group does: `passed` right and `fooled` wrong replies got 1."""
    if passed + fooled in (0, group):
        return "nothing"  # all rewards are equal
    if right in (0, group):
        return "noise"  # all replies are equally good: any preference is an error
    pull = passed * (group - right) - fooled * right  # sign of the advantage gap
    return "right" if pull > 0 else "wrong" if pull < 0 else "noise"


def fates(
    group: int, replies: list[float], missed: float, fooled: float
) -> dict[str, float]:
    """Share of groups by fate, over the right replies and the verifier's errors."""
    shares = dict.fromkeys(FATES, 0.0)
    for right, share in enumerate(replies):
        for a, of_right in enumerate(binomial(right, 1 - missed)):
            for b, of_wrong in enumerate(binomial(group - right, fooled)):
                shares[fate(group, right, a, b)] += share * of_right * of_wrong
    return shares


# --8<-- [end:fates]


def gap(missed: float, fooled: float) -> float:
    """Expected advantage of a right reply over a wrong one of its group, before scaling."""
    return 1 - missed - fooled


def usable(
    mean: Annotated[float, "%", (0.1, 99.9)] = 30.0,
    spread: Annotated[float, "points", (0.0, 49.0)] = 30.0,
    group: Annotated[int, "", (2, 64)] = 8,
    missed: Annotated[float, "%", (0.0, 100.0)] = 10.0,
    fooled: Annotated[float, "%", (0.0, 100.0)] = 3.0,
    refill: bool = False,
    *,
    prompts: Annotated[int, "", (1, 100_000)] = 512,
    tokens: Annotated[float, "tokens", (1.0, 1e6)] = 4000.0,
) -> dict[str, object]:
    """Of the replies that you generate, which share will teach what you meant?

    Args:
        mean: Mean pass rate. Over the prompts of the pool, true and not as verified.
        spread: Spread of pass rates. Their standard deviation; 0 if all prompts are equally hard.
        group: Replies per prompt, $G$.
        missed: Right replies rejected, $f_n$. The verifier's false negatives.
        fooled: Wrong replies accepted, $f_p$. The verifier's false positives.
        refill: Dynamic sampling. Groups of equal rewards are replaced until the step is full.
        prompts: Prompts per step. With dynamic sampling, those that are kept.
        tokens: Tokens per reply. Their mean.
    """
    m, s = mean / 100, spread / 100
    if s**2 >= m * (1 - m):
        limit = 100 * (m * (1 - m)) ** 0.5
        raise ValueError(f"a spread of {spread:g} points needs a mean nearer to 50%: here it is below {limit:.1f}.")  # fmt: skip
    shares = fates(group, right_replies(group, m, s), missed / 100, fooled / 100)
    kept = 1 - shares["nothing"]
    if kept < 1e-6:
        raise ValueError("no group would have two different rewards.")
    made = prompts / kept if refill else float(prompts)
    taught, bill = made * shares["right"], made * group * tokens
    names = {"right": "points right", "wrong": "points wrong", "noise": "noise", "nothing": "no gradient"}  # fmt: skip
    return {
        "groups whose gradient points right": f"{shares['right']:.1%}",
        "of the groups with a gradient": f"{shares['right'] / kept:.1%}",
        "expected advantage gap": f"{gap(missed / 100, fooled / 100):+.2f}",
        "prompts sampled in a step": f"{made:,.0f}",
        "replies per group that points right": f"{group / shares['right']:,.1f}" if taught else "none",
        "tokens per group that points right": f"{bill / taught:,.0f}" if taught else "none",
        "tokens of a step": f"{bill / 1e6:,.1f} million",
        "dynamic sampling's factor": f"{1 / kept:.2f}×",
        "bars": {"unit": "%", "limit": 100.0, "values": {names[k]: 100 * v for k, v in shares.items()}},
    }  # fmt: skip
