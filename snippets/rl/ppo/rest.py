"""How far siblings carry a token that the clip has silenced: one prefix, all its tokens."""

from __future__ import annotations

import torch

from snippets.rl.ppo.calculator import resting_ratio
from snippets.rl.ppo.surrogate import silent, surrogate

CHANCES, STEPS, RATE = (0.5, 0.2, 0.1, 0.01), 1000, 0.02


def resting_chance(chance: float) -> float:
    """Probability of the good token at rest."""
    return chance * resting_ratio(chance)


def ascent(chance: float, good: bool = True, clip: float = 0.2) -> tuple[float, float]:
    """The same by small steps up the surrogate, beside three siblings: when silent, and at rest."""
    others = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64) * (1 - chance)
    old = torch.cat([others.new_tensor([chance]), others])
    gain = (1.0 if good else -1.0) * others.new_tensor([1, -1, -1, -1])
    logits, first = old.log(), 1.0
    for step in range(STEPS):
        logits.requires_grad_()
        new = logits.log_softmax(-1)
        goal = (old * surrogate(new, old.log(), gain, clip)).sum()
        (slope,) = torch.autograd.grad(goal, logits)
        ratio = (new - old.log()).exp().detach()
        if first == 1 and silent(ratio, gain, clip)[0]:
            first = ratio[0].item()
        rate = RATE / (1 + step / 100)
        logits = (
            logits.detach() + rate * slope / new.exp().detach()
        )  # a scale moves no point of rest
    return first, ratio[0].item()


def example_rest() -> None:
    """A good token alone among bad ones: ratio when silenced, at rest, and by the closed form."""
    print("chance before   silent at   at rest   closed form   chance then")
    for chance in CHANCES:
        first, rest = ascent(chance)
        form = resting_ratio(chance)
        print(
            f"{chance:13.2f}{first:12.2f}{rest:10.2f}{form:14.2f}{resting_chance(chance):14.3f}"
        )


def facts() -> dict[str, str]:
    """Numbers of the page about tokens at rest."""
    return {
        "rest_rare": f"{resting_ratio(0.01):.1f}",
        "rest_rare_chance": f"{resting_chance(0.01):.1%}",
        "rest_tenth": f"{resting_ratio(0.1):.1f}",
    }


if __name__ == "__main__":
    example_rest()
