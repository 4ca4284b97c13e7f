"""What each token of one fresh group gets, in each recipe."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.grpo.estimators import RECIPES, Recipe, advantages, loss, pulls

REWARDS = (1.0, 0.0, 0.0, 1.0)
LENGTHS = (3, 9, 24, 12)
LIMIT = 24


def fresh(lengths: tuple[int, ...] = LENGTHS) -> tuple[Tensor, Tensor]:
    """Log-probabilities of 0 for replies of these lengths, and which tokens count: [G, T]."""
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).double()
    return torch.zeros_like(mask), mask


def of_tokens(recipe: Recipe) -> list[float]:
    """The pull on the first token of each reply, before any update."""
    zero, mask = fresh()
    return pulls(recipe, torch.tensor(REWARDS).double(), zero, zero, mask, LIMIT)[
        :, 0
    ].tolist()


def relative(pulls: list[float]) -> list[float]:
    """Pulls on the tokens of each reply, as multiples of the mean size over all tokens."""
    mean = sum(abs(p) * n for p, n in zip(pulls, LENGTHS, strict=True)) / sum(LENGTHS)
    return [pull / mean for pull in pulls]


def value(recipe: Recipe) -> float:
    """The loss that a dashboard shows for the group."""
    zero, mask = fresh()
    return loss(recipe, torch.tensor(REWARDS).double(), zero, zero, mask, LIMIT).item()


def example_tokens() -> None:
    """Pull on a token of each reply, and the loss."""
    print("reply     " + "".join(f"{i:>9}" for i in range(1, 5)) + "     loss")
    print("reward    " + "".join(f"{r:9.0f}" for r in REWARDS))
    print("tokens    " + "".join(f"{n:9}" for n in LENGTHS))
    for name, recipe in RECIPES.items():
        row = "".join(f"{pull:9.4f}" for pull in of_tokens(recipe))
        print(f"{name:10}{row}{round(value(recipe), 6) + 0.0:9.3f}")


def example_penalty() -> None:
    """Advantage of the one penalized reply."""
    print("penalty      scaled  not scaled")
    for penalty in (1.0, 0.1, 0.01, 0.0001):
        print(
            f"{penalty:7}  {penalized(penalty, True):10.3f} {penalized(penalty, False):11.5f}"
        )


# --8<-- [start:penalty]
def penalized(penalty: float, scale: bool, size: int = 8) -> float:
    """The advantage of the one overlong reply in a group that is otherwise solved."""
    rewards = torch.ones(size, dtype=torch.float64)
    rewards[0] -= penalty
    return advantages(rewards, Recipe(scale=scale))[0].item()


# --8<-- [end:penalty]


def ratio(recipe: Recipe) -> float:
    """How much harder the shortest right reply's token is pulled than the longest wrong one's."""
    pull = of_tokens(recipe)
    return abs(pull[0] / pull[2])


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "token_ratio": f"{ratio(RECIPES['GRPO']):.0f}",
        "loss_dapo": f"{value(RECIPES['DAPO']):.3f}",
        "penalty_scaled": f"{penalized(0.01, True):.2f}",
        "penalty_bare": f"{penalized(0.01, False):.4f}",
    }


if __name__ == "__main__":
    example_tokens()
    example_penalty()
