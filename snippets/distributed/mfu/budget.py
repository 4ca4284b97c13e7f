"""FLOPs and MFU: how a budget of FLOPs is split between parameters and tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

E, A, B, ALPHA, BETA = 1.69, 406.4, 410.7, 0.34, 0.28  # fitted by Hoffmann et al. 2022


# --8<-- [start:loss]
def loss(
    params: float, tokens: float, e: float = E, a: float = A, b: float = B,
    alpha: float = ALPHA, beta: float = BETA,
) -> float:  # fmt: skip
    """Loss in nats per token after training: what cannot be learned, too few parameters, too few tokens."""
    return e + a / params**alpha + b / tokens**beta


def optimum(
    flops: float, a: float = A, b: float = B, alpha: float = ALPHA, beta: float = BETA
) -> tuple[float, float]:
    """Parameters and tokens with the least loss for 6ND FLOPs.

    Source: Hoffmann et al. 2022, equation 4.
    """
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    params = g * (flops / 6) ** (beta / (alpha + beta))
    return params, flops / (6 * params)


# --8<-- [end:loss]


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and intercept of a least-squares line through decimal logarithms."""
    x, y = ([math.log10(point[i]) for point in points] for i in (0, 1))
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((u - mean_x) * (v - mean_y) for u, v in zip(x, y, strict=True))
    slope = covariance / sum((u - mean_x) ** 2 for u in x)
    return slope, mean_y - slope * mean_x


def facts() -> dict[str, str]:
    """Numbers that the page states about budgets."""
    params, tokens = optimum(6 * 405e9 * 15.6e12)
    return {
        "opt_params": f"{params / 1e9:.0f} billion",
        "opt_ratio": f"{tokens / params:.0f}",
        "llama_ratio": f"{15.6e12 / 405e9:.1f}",
    }
