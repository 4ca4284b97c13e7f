"""Bias and spread of the three estimators, between two normals, by quadrature."""

from __future__ import annotations

import numpy as np
import torch

from snippets.rl.on_and_off_policy.divergences import ESTIMATORS


def moments(name: str, mu: float) -> tuple[float, float]:
    """Mean and standard deviation of an estimator under N(0, 1), for the divergence to N(mu, 1)."""
    points, chances = np.polynomial.hermite_e.hermegauss(60)
    x, p = torch.from_numpy(points), torch.from_numpy(chances / chances.sum())
    k = ESTIMATORS[name](-(x**2) / 2, -((x - mu) ** 2) / 2)
    mean = float(p @ k)
    return mean, float(p @ (k - mean) ** 2) ** 0.5


def value_bias(mu: float, name: str = "k2") -> float:
    """Bias of an estimator over the true divergence."""
    true = mu**2 / 2
    return (moments(name, mu)[0] - true) / true


def value_spread(mu: float, name: str) -> float:
    """Standard deviation of an estimator over the true divergence."""
    return moments(name, mu)[1] / (mu**2 / 2)


def example_values() -> None:
    """Bias of k2 and spread of all three, over the true divergence, at two distances."""
    print("mean   truth  bias k2      k1      k2      k3")
    for mu in (0.1, 1.0):
        spreads = "".join(f"{value_spread(mu, name):8.2f}" for name in ESTIMATORS)
        print(f"{mu:4.1f}{mu**2 / 2:8.3f}{value_bias(mu):9.4f}{spreads}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the values."""
    return {
        "k1_spread": f"{value_spread(0.1, 'k1'):.0f}",
        "k3_spread": f"{value_spread(0.1, 'k3'):.2f}",
    }


if __name__ == "__main__":
    example_values()
