"""Bradley-Terry: a score for each reply, fitted to which of two replies people chose."""

from __future__ import annotations

import torch
from torch import Tensor


# --8<-- [start:fit]
def fit(gaps: Tensor, chosen: Tensor, ridge: float = 1.0) -> Tensor:  # [n, d], [n] -> [d]
    """Weights of a linear reward model, by Newton's method; `gaps` is features of first less second."""
    weights = torch.zeros(gaps.shape[1], dtype=gaps.dtype)
    for _ in range(100):
        chance = torch.sigmoid(gaps @ weights)  # that the first is chosen
        slope = gaps.T @ (chance - chosen) + ridge * weights
        bend = gaps.T @ (gaps * (chance * (1 - chance))[:, None])
        step = torch.linalg.solve(bend + ridge * torch.eye(len(weights)).to(bend), slope)
        weights = weights - step
        if step.abs().max() < 1e-10:
            break
    return weights


# --8<-- [end:fit]


def drawn(chances: Tensor, n: int, draw: torch.Generator) -> Tensor:  # [N] -> [n]
    """Numbers of `n` replies."""
    return torch.multinomial(chances, n, replacement=True, generator=draw)


def outcomes(chances: Tensor, draw: torch.Generator) -> Tensor:  # [n, k] -> [n]
    """One outcome for each row of chances."""
    return torch.multinomial(chances, 1, generator=draw)[:, 0]
