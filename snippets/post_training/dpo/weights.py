"""How hard each loss pushes: its slope over the margin, and the margin at which it stops."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import math

import torch
from torch import Tensor


# --8<-- [start:weights]
def dpo_weight(h: Tensor, beta: float) -> Tensor:
    """Minus the slope of DPO's loss: the push on the margin."""
    return beta * torch.sigmoid(-beta * h)


def cdpo_weight(h: Tensor, beta: float, noise: float) -> Tensor:
    """The same push, less `noise`: negative beyond the target."""
    return beta * (torch.sigmoid(-beta * h) - noise)


def rso_weight(h: Tensor, beta: float) -> Tensor:
    """Constant up to the target, then nothing."""
    return beta * (beta * h < 1)


def ipo_weight(h: Tensor, beta: float) -> Tensor:
    """Linear in the distance to the target, on both sides."""
    return 2 * (1 / (2 * beta) - h)


def simpo_weight(gap: Tensor, beta: float, gamma: float) -> Tensor:
    """DPO's push, half of its largest at a gap of gamma / beta."""
    return beta * torch.sigmoid(gamma - beta * gap)


def kto_weight(ratio: Tensor, anchor: Tensor, beta: float) -> Tensor:
    """The push on one answer's log-ratio: largest at the anchor, small on either side."""
    inside = torch.sigmoid(beta * (ratio - anchor))
    return beta * inside * (1 - inside)


# --8<-- [end:weights]


def cdpo_target(beta: float, noise: float) -> float:
    """Margin at which the policy believes the label as often as it is right."""
    return math.log((1 - noise) / noise) / beta


def rso_target(beta: float) -> float:
    """Where the hinge ends."""
    return 1 / beta


def ipo_target(beta: float) -> float:
    """Where the square is zero."""
    return 1 / (2 * beta)


def orpo_weight(means: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """Push on the chosen mean, and push down on the rejected one."""
    odds = means - torch.log(-torch.expm1(means))
    outside = torch.sigmoid(odds[:, 1] - odds[:, 0])
    slopes = 1 / -torch.expm1(means)  # of the log-odds
    return 1 + weight * outside * slopes[:, 0], weight * outside * slopes[:, 1]


ROWS = (-20.0, 0.0, 5.0, 10.0, 20.0, 40.0)


def example_weights() -> None:
    """The push of four losses at beta 0.1, by margin."""
    print("margin      DPO     cDPO    hinge      IPO")
    for nats in ROWS:
        h = torch.tensor(nats)
        pushes = (
            dpo_weight(h, 0.1),
            cdpo_weight(h, 0.1, 0.1),
            rso_weight(h, 0.1),
            ipo_weight(h, 0.1),
        )
        print(f"{nats:6.0f}" + "".join(f"{push.item():9.4f}" for push in pushes))


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "cdpo_target": f"{cdpo_target(0.1, 0.1):.1f}",
        "rso_target": f"{rso_target(0.1):.0f}",
        "ipo_target": f"{ipo_target(0.1):.0f}",
        "first_push": f"{dpo_weight(torch.tensor(0.0), 0.1).item():.2f}",
        "late_push": f"{dpo_weight(torch.tensor(40.0), 0.1).item():.4f}",
        "ipo_first": f"{ipo_weight(torch.tensor(0.0), 0.1).item():.0f}",
    }
