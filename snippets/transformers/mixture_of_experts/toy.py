"""A layer small enough to train for five seeds side by side: eight domains, eight experts, two chosen."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil

import torch
from torch import Tensor

from snippets.transformers.mixture_of_experts.balance import balancing_loss, nudge
from snippets.transformers.mixture_of_experts.routing import fits

SEEDS, DOMAINS, EXPERTS, K, WIDTH = 5, 8, 8, 2, 16
SEQUENCES, LENGTH = 1, 16  # of each domain in a batch; tokens of a sequence
STEPS, RATE = 250, 0.01


@dataclass
class Toy:
    """Five layers, one for each seed: router, experts that are one matrix each, and a bias."""

    gate: Tensor  # [seeds, WIDTH + 1, E]
    experts: Tensor  # [seeds, E, WIDTH + 1, WIDTH]
    bias: Tensor  # [seeds, E]


@cache
def world() -> tuple[Tensor, Tensor]:
    """Where the domains lie [seeds, D, WIDTH], and what is to be computed there [seeds, D, WIDTH, WIDTH]."""
    generator = torch.Generator().manual_seed(0)
    common = 3 * torch.randn(SEEDS, 1, WIDTH, generator=generator)  # what all tokens share
    centers = common + torch.randn(SEEDS, DOMAINS, WIDTH, generator=generator)
    maps = torch.randn(SEEDS, DOMAINS, WIDTH, WIDTH, generator=generator) / WIDTH**0.5
    return centers, maps


# --8<-- [start:sample]
def sample(domains: list[int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences of one domain each: tokens [seeds, T, WIDTH + 1] and targets."""
    centers, maps = world()
    inner = torch.randn(SEEDS, len(domains), LENGTH, WIDTH, generator=generator)
    x = (centers[:, domains].unsqueeze(2) + inner).flatten(1, 2)
    y = (inner @ maps[:, domains]).flatten(1, 2)  # each domain asks for another map
    return torch.cat([x, torch.ones_like(x[..., :1])], -1), y


# --8<-- [end:sample]


def route(model: Toy, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits and mixing weights, both [seeds, T, E], and choices [seeds, T, k]."""
    logits = x @ model.gate
    p = logits.softmax(-1)
    chosen = (p.detach() + model.bias.unsqueeze(1)).topk(K).indices
    mix = torch.zeros_like(p).scatter(-1, chosen, p.gather(-1, chosen))
    return logits, mix / mix.sum(-1, keepdim=True), chosen


def output(model: Toy, x: Tensor, mix: Tensor) -> Tensor:
    """Weighted sum of the experts, [seeds, T, WIDTH]."""
    return torch.einsum("rte,retw->rtw", mix, x.unsqueeze(1) @ model.experts)


def loads_of(chosen: Tensor) -> Tensor:
    """Tokens that chose each expert, [seeds, E]."""
    return torch.stack(
        [row.flatten().bincount(minlength=EXPERTS).float() for row in chosen]
    )


@cache
def train(method: str = "nothing", strength: float = 0.0) -> Toy:
    """Five layers trained with one way to balance; the seeds meet in no operation."""
    generator = torch.Generator().manual_seed(1)
    gate = torch.randn(SEEDS, WIDTH + 1, EXPERTS, generator=generator) / WIDTH**0.5
    experts = torch.randn(SEEDS, EXPERTS, WIDTH + 1, WIDTH, generator=generator) / WIDTH
    model = Toy(
        gate.requires_grad_(), experts.requires_grad_(), torch.zeros(SEEDS, EXPERTS)
    )
    optimizer = torch.optim.Adam([model.gate, model.experts], lr=RATE)
    for _ in range(STEPS):
        x, y = sample(list(range(DOMAINS)) * SEQUENCES, generator)
        logits, mix, chosen = route(model, x)
        loss = (output(model, x, mix) - y).square().mean((1, 2)).sum()
        # --8<-- [start:scope]
        if method == "loss over the batch":
            loss = loss + strength * balancing_loss(logits, K).sum()
        if method == "loss in each sequence":
            sequences = logits.unflatten(1, (-1, LENGTH))  # [seeds, sequences, LENGTH, E]
            loss = loss + strength * balancing_loss(sequences, K).mean(1).sum()
        if method == "bias":
            model.bias = nudge(model.bias, loads_of(chosen), strength)
        # --8<-- [end:scope]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@torch.no_grad()
def evaluate(
    model: Toy, domains: list[int], factor: float | None = None
) -> tuple[Tensor, Tensor]:
    """Loads [seeds, E] and loss [seeds] on new tokens, of which full experts drop some."""
    x, y = sample(domains, torch.Generator().manual_seed(2))
    _, mix, chosen = route(model, x)
    if factor is not None:
        capacity = ceil(factor * x.shape[1] * K / EXPERTS)
        kept = fits(chosen, EXPERTS, capacity).float()
        mix = mix * torch.zeros_like(mix).scatter(-1, chosen, kept)
    return loads_of(chosen), (output(model, x, mix) - y).square().mean((1, 2))
