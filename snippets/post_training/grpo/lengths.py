"""Do wrong replies grow longer? A policy that can only decide when to stop."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.post_training.grpo.losses import RECIPES, advantages, policy_loss

LIMIT, GROUP, PROMPTS, SEEDS = 40, 8, 16, range(5)
START = -1.4  # logit of stopping after a token: five tokens in the mean


def replies(stops: Tensor, right: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Log-probabilities and mask of replies that stop by their own logit: [B, LIMIT]."""
    stop = stops[right.long()].unsqueeze(
        1
    )  # wrong replies have one logit, right ones another
    ends = torch.rand(len(right), LIMIT, generator=draw) < stop.sigmoid()
    ends[:, -1] = True
    last = ends.int().argmax(1, keepdim=True)
    place = torch.arange(LIMIT)
    new = torch.where(place == last, stop, -stop).sigmoid().log()
    new = torch.where(place == LIMIT - 1, torch.zeros(()), new)  # there the end is forced
    return new, (place <= last).float()


# A constant divides by 40 where replies have 5 tokens, and does not divide by a deviation of a half.
RATES = {"GRPO": 1.0, "DAPO": 1.0, "Dr. GRPO": 16.0}


# --8<-- [start:train]
@cache
def trained(name: str, seed: int, steps: int = 60) -> tuple[float, float]:
    """Mean length of wrong and of right replies after training; a coin decides which is which."""
    draw, recipe = torch.Generator().manual_seed(seed), RECIPES[name]
    stops = torch.full((2,), START, requires_grad=True)
    optimizer = torch.optim.SGD([stops], lr=RATES[name])
    for _ in range(steps):
        right = torch.rand(PROMPTS * GROUP, generator=draw) < 0.5
        new, mask = replies(stops, right, draw)
        gain = advantages(right.float(), GROUP, recipe.scale)
        loss = policy_loss(recipe, new, new.detach(), gain, mask, LIMIT)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    wrong, good = expected_length(stops.detach()).tolist()
    return wrong, good


# --8<-- [end:train]


def expected_length(stops: Tensor) -> Tensor:
    """Mean length of a reply that stops with a fixed probability, at the limit at last."""
    going = 1 - stops.sigmoid()
    return (1 - going**LIMIT) / (1 - going)


def over_seeds(name: str, which: int) -> tuple[float, float]:
    """Mean and standard deviation of a length over the seeds; 0 is wrong, 1 is right."""
    ends = torch.tensor([trained(name, seed)[which] for seed in SEEDS])
    return ends.mean().item(), ends.std().item()


def started_at() -> float:
    """Mean length before training."""
    return expected_length(torch.tensor(START)).item()


def example_lengths() -> None:
    """Mean length of wrong and right replies after 60 steps, over five seeds."""
    print(f"{'':18s}{'wrong':>9s}{'':6s}{'right':>9s}")
    print(f"{'before':18s}{started_at():9.1f}{'':6s}{started_at():9.1f}")
    for name, words in {
        "GRPO": "each reply",
        "DAPO": "each token",
        "Dr. GRPO": "a constant",
    }.items():
        pairs = (over_seeds(name, which) for which in (0, 1))
        print(f"{words:18s}" + "".join(f"{mean:9.1f} ± {sd:.1f}" for mean, sd in pairs))


def facts() -> dict[str, str]:
    """Numbers of the page about lengths."""
    return {
        "length_before": f"{started_at():.1f}",
        "length_wrong": f"{over_seeds('GRPO', 0)[0]:.0f}",
        "length_right": f"{over_seeds('GRPO', 1)[0]:.1f}",
    }


if __name__ == "__main__":
    example_lengths()
