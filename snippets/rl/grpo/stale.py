"""Ratio and clip: the same sums for groups that were drawn before the policy moved."""

from __future__ import annotations

from math import inf

import torch

from snippets.rl.grpo.estimators import Recipe
from snippets.rl.grpo.groups import Prompt, moments
from snippets.rl.grpo.regimes import rules
from snippets.rl.grpo.worlds import GROUP, LANGUAGE, verdict
from snippets.sequences.language import Policy

PLAIN = Recipe(scale=False, low=inf, high=inf, divide="limit")


LIMITS = {
    "token, none": PLAIN,
    "token, 0.2": Recipe(scale=False, divide="limit"),
    "token, 0.2 and 0.28": Recipe(scale=False, high=0.28, divide="limit"),
    "token, cap at 1.28": Recipe(scale=False, low=inf, high=0.28, cap=True, divide="limit"),
    "reply, none": Recipe(scale=False, level="reply", low=inf, high=inf, divide="limit"),
    "reply, 0.2": Recipe(scale=False, level="reply", divide="limit"),
    "reply, GSPO's": Recipe(
        scale=False, level="reply", low=3e-4, high=4e-4, divide="limit"
    ),
}


# --8<-- [start:moved]
def moved(old: Policy, size: float, seed: int = 1) -> Policy:
    """The policy after other prompts have pushed its logits `size` far, in a random direction."""
    new = Policy(old.language)
    draw = torch.Generator().manual_seed(seed)
    push = torch.randn(old.logits.shape, generator=draw, dtype=torch.float64)
    with torch.no_grad():
        new.logits.copy_(old.logits + size * push / push.norm())
    return new


# --8<-- [end:moved]


def outside(old: Policy, new: Policy, width: float = 0.2) -> float:
    """Share of drawn tokens whose ratio has left the range."""
    ratio = (new.logprobs() - old.logprobs()).exp()
    far = ((ratio - 1).abs() > width) & new.mask
    drawn = old.mean(new.mask.double().sum(1))
    return (old.mean(far.double().sum(1)) / drawn).item()


def compare(size: float) -> dict[str, tuple[float, float]]:
    """Cosine and noise of each limit, once the policy has moved."""
    old = Policy(LANGUAGE)
    new = moved(old, size)
    prompt = Prompt(new, rules(new)["one 1"])
    exact = prompt.exact()
    found = {
        name: verdict(moments(r, prompt, GROUP, old), exact) for name, r in LIMITS.items()
    }
    return {name: (v.cosine, v.noise) for name, v in found.items()}


MOVES = (1.5, 6.0)


def example_limits() -> None:
    """Cosine and noise of each limit, near and far."""
    old = Policy(LANGUAGE)
    shares = [f"{outside(old, moved(old, size)):.0%} outside" for size in MOVES]
    print(f"{'':20}" + "".join(f"{share:>18}" for share in shares))
    print(f"{'':20}" + "    cosine   noise" * len(MOVES))
    tables = [compare(size) for size in MOVES]
    for name in LIMITS:
        print(
            f"{name:20}" + "".join(f"{t[name][0]:10.3f} {t[name][1]:7.2f}" for t in tables)
        )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    old = Policy(LANGUAGE)
    return {"outside_far": f"{outside(old, moved(old, MOVES[1])):.0%}"}


if __name__ == "__main__":
    example_limits()
