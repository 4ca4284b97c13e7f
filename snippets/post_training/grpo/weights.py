"""What one token weighs, and what one prompt weighs: two divisions that no name tells."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.post_training.grpo.losses import RECIPES, Recipe, advantages, policy_loss

REWARDS, LENGTHS, LIMIT = (1.0, 0.0, 0.0, 1.0), (10, 40, 200, 20), 256
CHOICES = {"each reply": "GRPO", "each token": "DAPO", "a constant": "Dr. GRPO"}


def masks(lengths: tuple[int, ...]) -> Tensor:
    """1 where a reply has a token: [B, S]."""
    return (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).float()


def token_weights(recipe: Recipe) -> tuple[float, list[float]]:
    """Loss of four fresh replies, and what pulls at one token of each."""
    mask, gain = masks(LENGTHS), advantages(torch.tensor(REWARDS), 4)
    new = torch.zeros_like(mask, requires_grad=True)
    loss = policy_loss(recipe, new, new.detach(), gain, mask, LIMIT)
    loss.backward()
    assert new.grad is not None
    return round(loss.item(), 6) + 0.0, (-new.grad[:, 0]).tolist()


def in_parts(recipe: Recipe, parts: int, whole_count: bool) -> float:
    """The loss of the same replies in micro-batches, averaged over the parts."""
    mask, gain = masks(LENGTHS), advantages(torch.tensor(REWARDS), 4)
    total = mask.sum() / parts if whole_count else None
    fresh = torch.zeros_like(mask)  # log-probabilities as they were drawn
    losses = [
        policy_loss(recipe, new, new, a, m, LIMIT, total)
        for new, a, m in zip(*(t.chunk(parts) for t in (fresh, gain, mask)), strict=True)
    ]
    return round(torch.stack(losses).mean().item(), 6) + 0.0


def example_tokens() -> None:
    """The weight of a token by reply, and the loss of a batch in which nothing was learned."""
    print("divides by    loss   " + "".join(f"{f'{n} tokens':>12s}" for n in LENGTHS))
    for name, recipe in CHOICES.items():
        loss, weights = token_weights(RECIPES[recipe])
        print(f"{name:12s}{loss:6.3f}   " + "".join(f"{w:12.4f}" for w in weights))


def example_parts() -> None:
    """The loss whole, and in two micro-batches."""
    print("divides by                  whole   in two")
    rows = {
        "each reply": ("GRPO", False),
        "each token of its part": ("DAPO", False),
        "each token of the step": ("DAPO", True),
        "a constant": ("Dr. GRPO", False),
    }
    for name, (recipe, whole) in rows.items():
        one, two = (in_parts(RECIPES[recipe], n, whole) for n in (1, 2))
        print(f"{name:25s}{one:8.3f}{two:9.3f}")


def prompt_weight(right: int, group: int, scale: bool) -> float:
    """Sum of the advantages that push a reply up, in a group with `right` right ones."""
    rewards = (torch.arange(group) < right).float()
    return advantages(rewards, group, scale).clamp(min=0).sum().item()


def share_of_even(right: int, group: int, scale: bool) -> float:
    """The same, as a share of a group that is half right."""
    return prompt_weight(right, group, scale) / prompt_weight(group // 2, group, scale)


def example_prompts() -> None:
    """Push of a group of 16 by its right replies, as a share of a group that is half right."""
    print("right of 16   scaled   not scaled")
    for right in (1, 2, 4, 8, 12, 15):
        scaled, bare = (share_of_even(right, 16, s) for s in (True, False))
        print(f"{right:11d}{scaled:9.0%}{bare:13.0%}")


def facts() -> dict[str, str]:
    """Numbers of the page about weights."""
    return {
        "loss_token": f"{token_weights(RECIPES['DAPO'])[0]:.3f}",
        "loss_parts": f"{in_parts(RECIPES['DAPO'], 2, False):.3f}",
        "hard_scaled": f"{share_of_even(1, 16, True):.0%}",
        "hard_bare": f"{share_of_even(1, 16, False):.0%}",
    }


if __name__ == "__main__":
    example_tokens()
    example_parts()
    example_prompts()
