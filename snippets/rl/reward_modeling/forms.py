"""Gao, Schulman and Hilton's two forms for the gold over the distance, their peaks, and fits of both."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.rl.reward_modeling.pressure import peak, pressed, won
from snippets.rl.reward_modeling.worlds import model

SEEDS, SEEN = range(8), 1.0  # nats whose gold is known when the forms are fitted


# --8<-- [start:forms]
def square(d: Tensor, alpha: float, beta: float) -> Tensor:  # published for best-of-n
    """Gold over the distance d, the root of KL: d (alpha - beta d)."""
    return d * (alpha - beta * d)


def logarithmic(d: Tensor, alpha: float, beta: float) -> Tensor:  # published for RL
    """Gold over the distance: d (alpha - beta ln d)."""
    return d * (alpha - beta * d.log())


def peaks(alpha: float, beta: float) -> dict[str, tuple[float, float]]:
    """Distance and gold where each slope is 0; a form with beta of at most 0 has no peak."""
    far = torch.tensor(alpha / beta - 1).double().exp().item()
    return {
        "square": (alpha / (2 * beta), alpha**2 / (4 * beta)),
        "logarithmic": (far, beta * far),
    }


# --8<-- [end:forms]


def fitted(name: str, d: Tensor, gold: Tensor) -> tuple[float, float]:
    """Least squares; both forms are linear in alpha and beta."""
    shape = d if name == "square" else d.log()
    columns = torch.stack([d, -d * shape], -1)
    alpha, beta = torch.linalg.lstsq(columns, gold[:, None]).solution[:, 0].tolist()
    return alpha, beta


@cache
def seen(name: str, seed: int) -> tuple[Tensor, Tensor]:
    """Distances up to the last KL that was tried, and the gold won there."""
    budgets = torch.linspace(0.05, SEEN, 20).double()
    found = model(name, seed)
    policies = pressed(found, budgets.tolist())
    return budgets.sqrt(), torch.tensor([won(found, p) for p in policies]).double()


def foreseen(form: str, name: str, seed: int) -> float:
    """KL at which a form sees the peak; infinite if it sees none."""
    alpha, beta = fitted(form, *seen(name, seed))
    return peaks(alpha, beta)[form][0] ** 2 if beta > 0 else torch.inf


def told(kl: float) -> str:
    """A KL in words."""
    return "none" if kl == torch.inf else "> 1,000" if kl > 1000 else f"{kl:.1f}"


def example_peaks() -> None:
    """Peaks that each form foresees from the first nat, and the peaks there are."""
    print("          bend                          few labels")
    print("world   peak   square       log     peak   square       log")
    for seed in SEEDS:
        row = f"{seed:5d}{peak(model('bend', seed))[0]:7.1f}"
        row += "".join(f"{told(foreseen(f, 'bend', seed)):>{w}}" for f, w in FORMS)
        row += "     none"
        row += "".join(f"{told(foreseen(f, 'few labels', seed)):>{w}}" for f, w in FORMS)
        print(row)


FORMS = (("square", 9), ("logarithmic", 10))


if __name__ == "__main__":
    example_peaks()
