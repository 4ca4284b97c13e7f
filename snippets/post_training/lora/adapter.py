"""LoRA and DoRA on one matrix: attached to it, and merged into it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


# --8<-- [start:scale]
def scale(alpha: float, rank: int, stabilized: bool = False) -> float:
    """What the product is multiplied with; `stabilized` is rsLoRA."""
    return alpha / (math.sqrt(rank) if stabilized else rank)


# --8<-- [end:scale]


# --8<-- [start:adapter]
@dataclass(frozen=True)
class Adapter:
    """Two thin matrices and a number."""

    a: Tensor  # [r, in]
    b: Tensor  # [out, r]
    scale: float

    def delta(self) -> Tensor:
        """What the adapter adds to the weight, as a whole matrix. [out, in]"""
        return self.scale * self.b @ self.a


def attached(x: Tensor, weight: Tensor, adapter: Adapter) -> Tensor:
    """The frozen product, and beside it two thin ones. [T, in] -> [T, out]"""
    low = x @ adapter.a.T  # [T, r]
    return x @ weight.T + adapter.scale * (low @ adapter.b.T)


def merged(x: Tensor, weight: Tensor, adapter: Adapter) -> Tensor:
    """The same with one product, of the sum. [T, in] -> [T, out]"""
    return x @ (weight + adapter.delta()).T


# --8<-- [end:adapter]


def fresh(
    rank: int, inputs: int, outputs: int, factor: float, random: torch.Generator
) -> Adapter:
    """An adapter as PEFT begins it: A is random, B is zero."""
    bound = 1 / math.sqrt(inputs)
    a = torch.empty(rank, inputs).uniform_(-bound, bound, generator=random)
    return Adapter(a, torch.zeros(outputs, rank), factor)


# --8<-- [start:dora]
def dora(weight: Tensor, adapter: Adapter, magnitude: Tensor) -> Tensor:
    """The merged weight of DoRA: each row keeps its direction and gets a trained length."""
    turned = weight + adapter.delta()  # [out, in]
    return magnitude[:, None] * turned / turned.norm(dim=1, keepdim=True)


# --8<-- [end:dora]


def sample(
    rank: int, inputs: int, outputs: int, seed: int = 0, started: bool = True
) -> tuple[Tensor, Tensor, Adapter]:
    """Eight inputs, a weight, and an adapter, trained (random B) or fresh."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(8, inputs, generator=random)
    weight = torch.randn(outputs, inputs, generator=random) / math.sqrt(inputs)
    new = fresh(rank, inputs, outputs, scale(2 * rank, rank), random)
    b = torch.randn(outputs, rank, generator=random) / math.sqrt(rank)
    return x, weight, Adapter(new.a, b, new.scale) if started else new


def largest(x: Tensor) -> float:
    """The largest magnitude."""
    return float(x.abs().max())


def example_same() -> None:
    """What an adapter of rank 4 changes, fresh and trained, attached and merged."""
    print(f"{'':9s}{'rank':>5s}{'attached - base':>17s}{'merged - attached':>19s}")
    for name, started in (("fresh", False), ("trained", True)):
        x, weight, adapter = sample(4, 96, 64, started=started)
        rank = int(torch.linalg.matrix_rank(adapter.delta()))
        beside, inside = attached(x, weight, adapter), merged(x, weight, adapter)
        change, gap = largest(beside - x @ weight.T), largest(inside - beside)
        print(f"{name:9s}{rank:5d}{change:17.2f}{gap < 1e-5!s:>19s}")


if __name__ == "__main__":
    example_same()
