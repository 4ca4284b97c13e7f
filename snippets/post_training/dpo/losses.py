"""The family of DPO: each loss is a curve over a margin."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


# --8<-- [start:margin]
def margin(policy: Tensor, reference: Tensor) -> Tensor:  # [B, 2], [B, 2] -> [B]
    """How many nats more than its reference the policy prefers each chosen answer, $h$."""
    ratios = policy - reference  # column 0 chosen, column 1 rejected
    return ratios[:, 0] - ratios[:, 1]


def dpo(h: Tensor, beta: float) -> Tensor:
    """Negative log-probability that the chosen answer wins."""
    return -F.logsigmoid(beta * h)


# --8<-- [end:margin]


# --8<-- [start:curves]
def cdpo(h: Tensor, beta: float, noise: float | Tensor) -> Tensor:
    """Cross-entropy against a label that is wrong with probability `noise`."""
    return (1 - noise) * dpo(h, beta) + noise * dpo(-h, beta)


def rso(h: Tensor, beta: float) -> Tensor:
    """Hinge: nothing more to gain beyond a margin of 1 / beta."""
    return F.relu(1 - beta * h)


def ipo(h: Tensor, beta: float) -> Tensor:
    """Squared distance to the target margin."""
    return (h - 1 / (2 * beta)) ** 2


# --8<-- [end:curves]


# --8<-- [start:margins]
def simpo(gap: Tensor, beta: float, gamma: float) -> Tensor:
    """DPO's curve on the gap between two means over tokens, without a reference."""
    return -F.logsigmoid(beta * gap - gamma)


def log_odds(mean: Tensor) -> Tensor:
    """Logarithm of p / (1 - p), from the mean log-probability of a token."""
    return mean - torch.log(-torch.expm1(mean))


def orpo(means: Tensor, weight: float) -> Tensor:  # [B, 2] -> [B]
    """Cross-entropy on the chosen answer, plus DPO's curve on the difference of log-odds."""
    odds = log_odds(means)
    return -means[:, 0] - weight * F.logsigmoid(odds[:, 0] - odds[:, 1])


def kto(ratio: Tensor, anchor: Tensor, beta: float, good: Tensor) -> Tensor:
    """One answer at a time: how far its log-ratio lies on the wanted side of the anchor."""
    wanted = torch.where(good, 1.0, -1.0)
    return 1 - torch.sigmoid(beta * wanted * (ratio - anchor))


# --8<-- [end:margins]


def first_loss(beta: float = 0.1) -> float:
    """DPO's loss where policy and reference are equal."""
    same = torch.tensor([[-37.0, -52.0]])
    return dpo(margin(same, same), beta).item()


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {"first_loss": f"{first_loss():.4f}"}
