"""Loads of four layers in production: training data replayed, and live traffic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from snippets.transformers.mixture_of_experts.balance import nudge
from snippets.transformers.mixture_of_experts.routing import sigmoid_route

LAYERS, DOMAINS, EXPERTS, K, WIDTH = 4, 8, 8, 2, 16
TOKENS = 2048
STEPS, SPEED = 100, 0.02
LOST = 2  # the layer whose bias the converter left at zero
LIVE = 5  # the domain from which live traffic comes


@dataclass
class Layer:
    """A router and its bias."""

    gate: Tensor  # [WIDTH, E]
    bias: Tensor  # [E]


def tokens(domains: Tensor, generator: torch.Generator) -> Tensor:
    """Hidden states around the centers of their domains, [T, WIDTH]."""
    centers = torch.randn(DOMAINS, WIDTH, generator=torch.Generator().manual_seed(7))
    return centers[domains] + torch.randn(len(domains), WIDTH, generator=generator)


def loads(layer: Layer, x: Tensor) -> Tensor:
    """Load of each expert over the mean, [E]."""
    _, experts = sigmoid_route(x @ layer.gate, K, layer.bias)
    counts = experts.flatten().bincount(minlength=EXPERTS).float()
    return counts / counts.mean()


@cache
def trained() -> tuple[Layer, ...]:
    """Random routers, each with the bias that balances it over all domains."""
    generator = torch.Generator().manual_seed(0)
    x = tokens(torch.arange(TOKENS) % DOMAINS, generator)
    layers = []
    for _ in range(LAYERS):
        gate = torch.randn(WIDTH, EXPERTS, generator=generator) / WIDTH**0.5
        layer = Layer(gate, torch.zeros(EXPERTS))
        for step in range(STEPS):
            speed = SPEED * (1 - step / STEPS)
            layer.bias = nudge(layer.bias, loads(layer, x), speed)
        layers.append(layer)
    return tuple(layers)


def served() -> list[Layer]:
    """The same layers as the server has them."""
    return [
        Layer(layer.gate, torch.zeros(EXPERTS) if number == LOST else layer.bias)
        for number, layer in enumerate(trained())
    ]


def traffic() -> dict[str, Tensor]:
    """New tokens from all domains as in training, and from one."""
    generator = torch.Generator().manual_seed(1)
    mixed, alone = torch.arange(TOKENS) % DOMAINS, torch.full((TOKENS,), LIVE)
    return {"replayed": tokens(mixed, generator), "live": tokens(alone, generator)}


def example_loads() -> None:
    """Load over the mean of eight experts in each of four layers."""
    print("traffic   layer" + "".join(f"{f'E{e}':>7s}" for e in range(EXPERTS)))
    for name, x in traffic().items():
        for number, layer in enumerate(served()):
            row = "".join(f"{load:7.2f}" for load in loads(layer, x).tolist())
            print(f"{name:10s}{number:5d}{row}")


if __name__ == "__main__":
    example_loads()
