"""Reward token by token: the score at the end, a price for leaving the reference at each step."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from torch import Tensor

GAMMA = 0.9


# --8<-- [start:rewards]
def token_rewards(
    score: Tensor, logps: Tensor, reference: Tensor, beta: Tensor | float, mask: Tensor
) -> Tensor:  # [B], [B, T], [B, T], [B, T] -> [B, T]
    """Minus beta times the log-ratio of each token of the reply; the last one gets the score, too."""
    rewards = -beta * (logps - reference) * mask
    last = (mask * torch.arange(1, mask.shape[-1] + 1)).argmax(-1, keepdim=True)
    return rewards.scatter_add(-1, last, score.unsqueeze(-1))


def returns(rewards: Tensor) -> Tensor:  # [..., T] -> [..., T]
    """What is still to come from each token on, this one included."""
    return rewards.flip(-1).cumsum(-1).flip(-1)


# --8<-- [end:rewards]


# --8<-- [start:foreign]
def first_return(penalty: Tensor, own: Tensor, gamma: float, how: str) -> float:
    """Discounted return of the first token of a conversation in which `own` marks what the policy wrote."""
    if how == "all tokens":
        gained = -penalty
    elif how == "own penalties":
        gained = -penalty * own
    else:  # own tokens alone: neither penalties nor time pass elsewhere
        gained = -penalty[own.bool()]
    return (gained * gamma ** torch.arange(len(gained))).sum().item()


# --8<-- [end:foreign]

HOWS = ("all tokens", "own penalties", "own tokens")


def conversation(tool: int, turn: int = 5) -> tuple[Tensor, Tensor]:
    """Two turns around a tool's output: a penalty of 0.02 for each token, and who wrote it."""
    own = torch.tensor([1.0] * turn + [0.0] * tool + [1.0] * turn, dtype=torch.float64)
    return torch.full_like(own, 0.02), own


def undiscounted(tool: int, how: str) -> float:
    """Return of the first token, without a discount."""
    return first_return(*conversation(tool), 1.0, how)


def example_foreign() -> None:
    """Penalties that the first token of a conversation answers for, by the length of a tool's output."""
    print("tool tokens" + "".join(f"{how:>15s}" for how in HOWS))
    for tool in (0, 10, 40, 200):
        row = "".join(f"{undiscounted(tool, how):15.2f}" for how in HOWS)
        print(f"{tool:11d}" + row)


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "charged": f"{undiscounted(200, 'all tokens'):.1f}".replace("-", "−"),
        "charged_own": f"{undiscounted(200, 'own tokens'):.1f}".replace("-", "−"),
    }


if __name__ == "__main__":
    example_foreign()
