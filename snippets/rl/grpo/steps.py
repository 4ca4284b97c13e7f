"""One step in parts: micro-batches that divide by their own tokens, and passes that never see an update."""

from __future__ import annotations

import torch

from snippets.rl.grpo.estimators import RECIPES, advantages, aggregate, token_losses
from snippets.rl.grpo.weights import LIMIT, REWARDS, fresh


# --8<-- [start:accumulated]
def accumulated(parts: int, whole: bool) -> tuple[float, list[float]]:
    """Loss and pulls of DAPO over micro-batches; `whole` divides by the tokens of the step."""
    recipe = RECIPES["DAPO"]
    old, mask = fresh()
    new = old.clone().requires_grad_()
    gain = advantages(torch.tensor(REWARDS).double(), recipe)
    losses = token_losses(new, old, gain, mask, recipe)
    total = torch.zeros((), dtype=torch.float64)
    for rows in torch.arange(len(mask)).chunk(parts):
        if whole:
            part = aggregate(
                losses[rows], mask[rows], recipe, LIMIT, total=mask.sum().item()
            )
        else:
            part = aggregate(losses[rows], mask[rows], recipe, LIMIT) / parts
        total = total + part
    pull = -torch.autograd.grad(total, new)[0]
    return total.item(), pull[:, 0].tolist()


# --8<-- [end:accumulated]


def example_parts() -> None:
    """Loss and pulls of one step in parts."""
    print("divided by        parts   loss   pull 1   pull 2   pull 3   pull 4")
    for name, whole in (("own tokens", False), ("tokens of the step", True)):
        for parts in (1, 2, 4):
            value, pull = accumulated(parts, whole)
            print(
                f"{name:18} {parts:4} {round(value, 6) + 0.0:6.3f}"
                + "".join(f"{p:9.4f}" for p in pull)
            )


# --8<-- [start:ages]
def ages(passes: int, accumulate: int, rollouts: int = 12) -> list[int]:
    """For each loss that is computed, the updates since its rollout was drawn."""
    seen, updates, waiting = [], 0, 0
    for _ in range(rollouts):
        drawn = updates
        for _ in range(passes):
            seen.append(updates - drawn)
            waiting += 1
            if waiting == accumulate:
                updates, waiting = updates + 1, 0
    return seen


# --8<-- [end:ages]


def stale(passes: int, accumulate: int) -> float:
    """Share of the losses whose ratio can differ from 1."""
    seen = ages(passes, accumulate)
    return sum(age > 0 for age in seen) / len(seen)


def updates_per_rollout(prompts: int, group: int, mini_batch: int) -> int:
    """Updates from one rollout, if each reply is used once and a mini-batch counts replies."""
    return prompts * group // mini_batch


def example_ages() -> None:
    """How many losses come after an update."""
    print("passes  accumulate  losses after an update  oldest")
    for passes, accumulate in ((1, 1), (2, 4), (4, 4), (4, 2), (4, 1), (3, 2)):
        oldest = max(ages(passes, accumulate))
        print(f"{passes:6} {accumulate:11} {stale(passes, accumulate):23.0%} {oldest:7}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "loss_halves": f"{accumulated(2, False)[0]:.3f}",
        "updates_dapo": f"{updates_per_rollout(512, 16, 512)}",
    }


if __name__ == "__main__":
    example_parts()
    example_ages()
