"""The best policy at each price of leaving the reference, and the frontier that these policies form."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from snippets.post_training.rlhf.language import REFERENCE, TRUTH, expected, kl
from snippets.post_training.rlhf.preferences import proxy

BETAS = (4.0, 2.0, 1.0, 0.5, 0.25)


# --8<-- [start:tilted]
def tilted(rewards: Tensor, beta: float, reference: Tensor = REFERENCE) -> Tensor:  # [A]
    """The policy that maximizes reward minus beta times KL."""
    return torch.softmax(reference.log() + rewards / beta, dim=-1)


def price(budget: float, rewards: Tensor, reference: Tensor = REFERENCE) -> float:
    """The beta whose optimum spends a budget of KL, by bisection: KL falls as beta rises."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = (low * high) ** 0.5
        spent = kl(tilted(rewards, middle, reference), reference)
        low, high = (middle, high) if spent > budget else (low, middle)
    return low


# --8<-- [end:tilted]


# --8<-- [start:scipy]
def by_scipy(rewards: Tensor, beta: float) -> Tensor:
    """What SciPy finds, which knows the objective, its slopes, and that probabilities sum to 1."""
    r, p0 = rewards.numpy(), REFERENCE.numpy()
    found = minimize(
        lambda p: -(p @ r - beta * p @ np.log(p / p0)),
        p0,
        jac=lambda p: -(r - beta * (np.log(p / p0) + 1)),
        bounds=[(1e-12, 1)] * len(p0),
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1, "jac": np.ones_like},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-13},
    )
    return torch.from_numpy(found.x)


# --8<-- [end:scipy]


def slope(rewards: Tensor, beta: float, step: float = 1e-3) -> float:
    """Reward per nat along the frontier, between two neighbors of a beta."""
    near, far = (tilted(rewards, beta * (1 + sign * step)) for sign in (1, -1))
    bought = expected(far, rewards) - expected(near, rewards)
    return bought / (kl(far, REFERENCE) - kl(near, REFERENCE)).item()


def example_optimum() -> None:
    """The optimum for five prices: what it costs, what it brings, and what SciPy finds."""
    print("beta    KL  proxy   SciPy  largest difference  reward per nat")
    for beta in BETAS:
        policy, found = tilted(proxy(), beta), by_scipy(proxy(), beta)
        far = (policy - found).abs().max().item()
        print(
            f"{beta:4.2f}{kl(policy, REFERENCE):6.2f}{expected(policy, proxy()):7.3f}{expected(found, proxy()):8.3f}"
            f"{'below 0.0001' if far < 1e-4 else f'{far:.4f}':>20s}{slope(proxy(), beta):16.3f}"
        )


@cache
def peak() -> tuple[float, float]:
    """KL and worth where the worth of tilted policies is highest, on a grid of 400 prices."""
    policies = [tilted(proxy(), beta) for beta in np.geomspace(0.05, 20, 400).tolist()]
    best = max(policies, key=expected)
    return kl(best, REFERENCE).item(), expected(best)


def end() -> Tensor:
    """The limit of a free policy: the reply that the reward model likes best."""
    return tilted(proxy(), 0.01)


def facts() -> dict[str, str]:
    """Numbers of the page."""
    spent, worth = peak()
    return {
        "peak_kl": f"{spent:.2f}",
        "peak_worth": f"{worth:.2f}",
        "end_worth": f"{expected(end(), TRUTH):.2f}",
        "end_proxy": f"{expected(end(), proxy()):.2f}",
        "end_kl": f"{kl(end(), REFERENCE).item():.2f}",
    }


if __name__ == "__main__":
    example_optimum()
