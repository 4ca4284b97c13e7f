"""Gao, Schulman and Hilton's two forms for the gold over the distance, their peaks, and fits of both."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.rl.reward_modeling.pressure import peak, pressed, run, won
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


# --8<-- [start:parabola]
def of_parabola(rise: float, bend: float) -> tuple[float, float]:
    """Alpha and beta if scores are Gaussian and the curve is rise * s - bend * s**2 / 2."""
    root = 2**0.5  # of KL = t**2 / 2 follows t = root * d
    return rise * root, bend


# --8<-- [end:parabola]


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


def real(name: str, seed: int) -> float:
    """KL of the measured peak; infinite if the gold does not fall by a twentieth."""
    found = model(name, seed)
    way = run(found)
    return peak(found)[0] if way.fall > 0.05 * way.best else torch.inf


def told(kl: float) -> str:
    """A KL in words."""
    return "none" if kl == torch.inf else "> 1,000" if kl > 1000 else f"{kl:.1f}"


def row(name: str, seed: int) -> list[str]:
    """Measured peak, and the two that are foreseen."""
    return [told(real(name, seed)), *(told(foreseen(f, name, seed)) for f in FORMS)]


FORMS = ("square", "logarithmic")


def example_peaks() -> None:
    """Peaks that each form foresees from the first nat, and the peaks there are."""
    print("         bend                         few labels")
    print("world  peak  square  logarithmic    peak  square  logarithmic")
    for seed in SEEDS:
        bend, few = row("bend", seed), row("few labels", seed)
        print(
            f"{seed:5d}{bend[0]:>6s}{bend[1]:>8s}{bend[2]:>13s}{few[0]:>8s}{few[1]:>8s}{few[2]:>13s}"
        )


def invented(form: str) -> int:
    """Worlds in which a form foresees a peak that does not come."""
    return sum(
        foreseen(form, "few labels", seed) < torch.inf == real("few labels", seed)
        for seed in SEEDS
    )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "peak_square": f"{peaks(2.0, 0.5)['square'][0]:.0f}",
        "peak_log": f"{peaks(2.0, 0.5)['logarithmic'][0]:.0f}",
        "real_3": told(real("bend", 3)),
        "square_3": told(foreseen("square", "bend", 3)),
        "log_3": told(foreseen("logarithmic", "bend", 3)),
        "invented": f"{invented('square')}",
    }


if __name__ == "__main__":
    example_peaks()
