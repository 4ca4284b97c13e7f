"""What one step of an optimizer changes through an adapter, by rank, and its bound."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from snippets.post_training.lora.adapter import fresh, scale

WIDTH, ALPHA, RATE, SEEDS = 256, 16, 1e-3, range(5)
RANKS = (4, 16, 64, 256)
OPTIMIZERS: dict[str, Callable[[Tensor], Tensor]] = {  # a first gradient to a direction
    "Adam": lambda gradient: gradient / (gradient.abs() + 1e-8),
    "SGD": lambda gradient: gradient,
}
RULES = {"α/r": False, "α/√r": True}
FULL_RATE, OVER_FULL = (
    2e-5,
    10.0,
)  # an example; what Tinker's code multiplies by, a measurement


def start_rate(full: float) -> float:
    """Learning rate to start an adapter with, from that of full fine-tuning, whatever rank and α."""
    return OVER_FULL * full


def step(x: Tensor, pull: Tensor, a: Tensor, factor: float, optimizer: str) -> Tensor:
    """B after one step from zero, where `pull` is the gradient of the outputs. [out, r]"""
    gradient = factor * pull.T @ (x @ a.T)
    return -RATE * OPTIMIZERS[optimizer](gradient)


# --8<-- [start:bound]
def step_bound(factor: float, rate: float, outputs: int, a: Tensor) -> float:
    """No weight can change by more, in spectral norm, in the first step of Adam from B = 0."""
    largest_b = rate * math.sqrt(outputs * a.shape[0])  # each number moves by the rate
    return factor * largest_b * float(torch.linalg.matrix_norm(a, 2))


def token_change(factor: float, rate: float, x: Tensor, a: Tensor) -> float:
    """How far it moves each output of the one token that it saw."""
    return factor * rate * float((x @ a.T).abs().sum())


# --8<-- [end:bound]


def drawn(rank: int, tokens: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, the gradient of the outputs, and a fresh A."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(tokens, WIDTH, generator=random)
    pull = torch.randn(tokens, WIDTH, generator=random) / WIDTH
    return x, pull, fresh(rank, WIDTH, WIDTH, 1.0, random).a


@cache
def moved(rank: int, rule: str, optimizer: str, seed: int, tokens: int = 1) -> float:
    """Root mean square change of an output on the tokens of the step."""
    x, pull, a = drawn(rank, tokens, seed)
    factor = scale(ALPHA, rank, RULES[rule])
    b = step(x, pull, a, factor, optimizer)
    return float((factor * (x @ a.T) @ b.T).square().mean().sqrt())


def runs(rank: int, rule: str, optimizer: str, tokens: int = 1) -> list[float]:
    """Five seeds."""
    return [moved(rank, rule, optimizer, seed, tokens) for seed in SEEDS]


def growth(rule: str, optimizer: str, tokens: int = 1) -> float:
    """Change at rank 256 over change at rank 16."""
    many, few = (statistics.mean(runs(r, rule, optimizer, tokens)) for r in (256, 16))
    return many / few


def example_ranks() -> None:
    """Mean change of an output after one step on one token, five seeds each."""
    print(f"{'':12s}" + "".join(f"{f'r = {r}':>10s}" for r in RANKS) + f"{'256/16':>9s}")
    for optimizer in OPTIMIZERS:
        for rule in RULES:
            means = [statistics.mean(runs(r, rule, optimizer)) for r in RANKS]
            row = "".join(f"{mean:10.1e}" for mean in means)
            print(f"{optimizer:5s}{rule:7s}{row}{growth(rule, optimizer):9.3f}")


def example_bound() -> None:
    """Adam with α/r, five seeds: spectral norm of the change, over its bound."""
    for tokens in (1, 64):
        row = []
        for rank in RANKS:
            shares = []
            for seed in SEEDS:
                x, pull, a = drawn(rank, tokens, seed)
                factor = scale(ALPHA, rank)
                b = step(x, pull, a, factor, "Adam")
                norm = float(torch.linalg.matrix_norm(factor * b @ a, 2))
                shares.append(norm / step_bound(factor, RATE, WIDTH, a))
            row.append(statistics.mean(shares))
        print(f"T = {tokens:2d}" + "".join(f"{share:8.2f}" for share in row))


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    return {
        "start_rate": f"{start_rate(FULL_RATE):.0e}",
        "sgd_fall": f"{growth('α/r', 'SGD'):.3f}",
        "adam_flat": f"{growth('α/r', 'Adam'):.2f}",
        "adam_stabilized": f"{growth('α/√r', 'Adam'):.1f}",
        "adam_batch": f"{growth('α/r', 'Adam', 64):.2f}",
    }


if __name__ == "__main__":
    example_ranks()
    example_bound()
