"""One pair, every loss: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

import math
from typing import Annotated


def softplus(x: float) -> float:
    """Logarithm of 1 + exp(x), without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    return math.exp(-softplus(-x))


def row(loss: float, push: float, target: str) -> str:
    """How the form shows one loss."""
    return f"loss {loss:.4f}, push {push:+.4f}, target {target}"


def preference_losses(
    chosen: Annotated[float, "nats", (-1000.0, 1000.0)] = -5.0,
    rejected: Annotated[float, "nats", (-1000.0, 1000.0)] = -15.0,
    beta: Annotated[float, "", (0.001, 10.0)] = 0.1,
    chosen_tokens: Annotated[int, "tokens", (1, 100_000)] = 20,
    rejected_tokens: Annotated[int, "tokens", (1, 100_000)] = 100,
    *,
    noise: Annotated[float, "", (0.0, 0.49)] = 0.1,
    simpo_beta: Annotated[float, "", (0.01, 100.0)] = 2.0,
    gamma: Annotated[float, "", (0.0, 20.0)] = 1.0,
    simpo_chosen: Annotated[float, "nats/token", (-20.0, -0.001)] = -0.8,
    simpo_rejected: Annotated[float, "nats/token", (-20.0, -0.001)] = -1.3,
    anchor: Annotated[float, "nats", (0.0, 1000.0)] = 0.0,
) -> dict[str, object]:
    """What does each loss say of this pair, and how hard does it still push?

    Args:
        chosen: Log-ratio of the chosen answer. Policy minus reference, summed over tokens.
        rejected: Log-ratio of the rejected answer. Policy minus reference, summed over tokens.
        beta: $\\beta$ of all losses but SimPO.
        chosen_tokens: Tokens of the chosen answer. Used by IPO on means.
        rejected_tokens: Tokens of the rejected answer. Used by IPO on means.
        noise: Labels assumed wrong, cDPO. A share.
        simpo_beta: $\\beta$ of SimPO.
        gamma: $\\gamma$ of SimPO.
        simpo_chosen: Mean log-probability of the chosen answer. For SimPO and ORPO, without a reference.
        simpo_rejected: Mean log-probability of the rejected answer. For SimPO and ORPO.
        anchor: Anchor of KTO, an estimate of the KL.
    """
    h = chosen - rejected
    mean = chosen / chosen_tokens - rejected / rejected_tokens
    gap = simpo_chosen - simpo_rejected
    half = 1 / (2 * beta)
    outside = sigmoid(-beta * h)
    cdpo = (1 - noise) * softplus(-beta * h) + noise * softplus(beta * h)
    cdpo_target = "none" if noise == 0 else f"{math.log((1 - noise) / noise) / beta:.1f}"
    good, bad = sigmoid(beta * (chosen - anchor)), sigmoid(beta * (rejected - anchor))
    odds = gap - math.log(-math.expm1(simpo_chosen)) + math.log(-math.expm1(simpo_rejected))
    grid = [h_max * i / 40 for h_max in (max(60.0, 1.5 * abs(h)),) for i in range(-20, 41)]
    return {
        "margin of sums": f"{h:.2f} nats",
        "DPO": row(softplus(-beta * h), beta * outside, "none"),
        "cDPO": row(cdpo, beta * (outside - noise), cdpo_target),
        "RSO hinge": row(max(0.0, 1 - beta * h), beta if beta * h < 1 else 0.0, f"{1 / beta:.1f}"),
        "IPO on sums": row((h - half) ** 2, 2 * (half - h), f"{half:.1f}"),
        "IPO on means": row((mean - half) ** 2, 2 * (half - mean), f"{half:.1f} a token"),
        "KTO, chosen": row(1 - good, beta * good * (1 - good), "none"),
        "KTO, rejected": row(bad, -beta * bad * (1 - bad), "none"),
        "SimPO": row(softplus(gamma - simpo_beta * gap), simpo_beta * sigmoid(gamma - simpo_beta * gap),
                     f"none, half push at {gamma / simpo_beta:.2f} a token"),
        "ORPO": f"odds term {softplus(-odds):.4f}, log-odds ratio {odds:+.4f}",
        "lines": {
            "x": "margin in nats", "y": "push",
            "series": {
                "DPO": [(x, beta * sigmoid(-beta * x)) for x in grid],
                "cDPO": [(x, beta * (sigmoid(-beta * x) - noise)) for x in grid],
                "RSO hinge": [(x, beta if beta * x < 1 else 0.0) for x in grid],
            },
            "points": {"yours": (h, beta * outside)},
        },
    }  # fmt: skip
