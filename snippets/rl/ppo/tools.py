"""Time steps that are not actions: a tool's output between two turns, and a reward one position late."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.ppo.advantages import gae

TURN, LAM, LENGTHS = 5, 0.95, (0, 10, 40, 200)


def two_turns(output: int) -> tuple[Tensor, Tensor]:
    """Rewards and mask of five own tokens, a tool's output, five own tokens, and a reward of 1."""
    mask = torch.cat([torch.ones(TURN), torch.zeros(output), torch.ones(TURN)])[
        None
    ].double()
    rewards = torch.zeros_like(mask)
    rewards[0, -1] = 1.0
    return rewards, mask


# --8<-- [start:clock]
def first_turn(output: int, own_time: bool) -> float:
    """Advantage of the last token of the first turn, with values of 0."""
    rewards, mask = two_turns(output)
    clock = mask if own_time else torch.ones_like(mask)  # the loss is masked either way
    advantages, _ = gae(rewards, torch.zeros_like(mask), clock, lam=LAM)
    return advantages[0, TURN - 1].item()


# --8<-- [end:clock]


def example_clock() -> None:
    """Credit of the first turn by length of the tool's output: each token ticks, or own ones do."""
    print("output   each token ticks   own tokens tick")
    for output in LENGTHS:
        each, own = first_turn(output, False), first_turn(output, True)
        print(f"{output:6d}{each:19.3f}{own:18.3f}")


VALUES = (0.2, 0.3, 0.4)


def end_token(lam: float, late: bool) -> float:
    """Advantage of the end token, the third of three, whose reward stands there or one further."""
    own = torch.tensor([[*VALUES, 0.0]], dtype=torch.float64)
    rewards = torch.zeros_like(own)
    rewards[0, 3 if late else 2] = 1.0
    clock = torch.ones_like(own)
    advantages, _ = gae(rewards, own, clock, lam=lam)
    return advantages[0, 2].item()


def example_late() -> None:
    """Advantage of the end token by λ, with the reward on it and one position later."""
    print("λ       on the end token   one later")
    for lam in (1.0, 0.95, 0.5, 0.0):
        print(f"{lam:4.2f}{end_token(lam, False):20.2f}{end_token(lam, True):12.2f}")


def discounted(
    penalties: list[float], mask: list[int], gamma: float, leak: bool, own: bool
) -> float:
    """Return of the first token from penalties alone: with or without foreign ones, and their time."""
    kept = torch.tensor([penalties], dtype=torch.float64)
    trains = torch.tensor([mask], dtype=torch.float64)
    rewards = -kept if leak else -kept * trains
    clock = trains if own else torch.ones_like(trains)
    return gae(rewards, torch.zeros_like(kept), clock, gamma=gamma)[0][0, 0].item()


def example_penalties() -> None:
    """Three conventions for four penalties of 1, of which the middle two are a tool's."""
    for words, leak, own in (
        ("all penalties, each token ticks", True, False),
        ("own penalties, each token ticks", False, False),
        ("own penalties, own tokens tick", False, True),
    ):
        print(f"{words:34s}{discounted([1, 1, 1, 1], [1, 0, 0, 1], 0.9, leak, own):8.3f}")


def facts() -> dict[str, str]:
    """Numbers of the page about time."""
    return {
        "credit_own": f"{first_turn(40, True):.2f}",
        "credit_forty": f"{first_turn(40, False):.2f}",
    }


if __name__ == "__main__":
    example_clock()
    example_late()
    example_penalties()
