"""Three routers that answer otherwise than they should, without an error."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from math import ceil
from statistics import mean

import torch
from torch import Tensor

from snippets.shapes.models import MODELS
from snippets.transformers.mixture_of_experts.routing import fits, mixture, softmax_route


def layer(
    number: int, tokens: int, seed: int = 0, hidden: int = 256, width: int = 16
) -> tuple[Tensor, ...]:
    """Random tokens, router and experts in bf16 precision, held in fp32."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (
        (tokens, hidden),
        (number, hidden),
        (number, 2 * width, hidden),
        (number, hidden, width),
    )
    parts = [torch.randn(shape, generator=generator) for shape in shapes]
    return tuple(
        (part / (1 if i == 0 else part.shape[-1] ** 0.5)).bfloat16().float()
        for i, part in enumerate(parts)
    )


# --8<-- [start:flips]
def flips(number: int, k: int, tokens: int = 2048) -> tuple[float, float, float]:
    """Share of tokens with other experts, and by how much their output and the others' changes."""
    x, gate, gate_up, down = layer(number, tokens)
    logits = x @ gate.T  # products of bf16 numbers, summed and kept in fp32
    right, other = softmax_route(logits, k), softmax_route(logits.bfloat16(), k)
    changed = (right[1].sort(-1).values != other[1].sort(-1).values).any(-1)
    a, b = (mixture(x, *routed, gate_up, down) for routed in (right, other))
    gap = (a - b).norm(dim=-1) / a.norm(dim=-1)
    share, moved, still = (
        float(v.float().mean()) for v in (changed, gap[changed], gap[~changed])
    )
    return share, moved, still


# --8<-- [end:flips]


def example_flips() -> None:
    """Logits kept in fp32 and in bf16; inputs, weights and sums are the same."""
    print("experts   chosen   tokens with other experts   their output   other outputs")
    for number, k in ((8, 2), (64, 6), (128, 8), (256, 8)):
        share, moved, still = flips(number, k)
        print(f"{number:7d}{k:9d}{share:28.1%}{moved:15.0%}{still:16.2%}")


def moved_by_order(factor: float, seed: int, tokens: int = 200) -> tuple[float, float]:
    """Share of choices dropped, and of tokens with another output if the batch is turned around."""
    x, gate, gate_up, down = layer(8, tokens, seed)
    weights, experts = softmax_route(
        (x + 0.5 * x[:1]) @ gate.T, k=2
    )  # tokens share something
    capacity = ceil(factor * experts.numel() / 8)
    outputs = []
    for order in (torch.arange(tokens), torch.arange(tokens).flip(0)):
        kept = fits(experts[order], 8, capacity)[order]  # both orders undo themselves
        outputs.append(mixture(x, weights * kept, experts, gate_up, down))
    moved = (outputs[0] - outputs[1]).abs().amax(-1) > 1e-6
    return 1 - float(kept.float().mean()), float(moved.float().mean())


def example_order() -> None:
    """Ten batches of 200 tokens, each in two orders, under four capacities."""
    print("capacity factor   choices dropped   tokens whose output depends on the order")
    for factor in (1.0, 1.25, 1.5, 4.0):
        lost, moved = zip(
            *(moved_by_order(factor, seed) for seed in range(10)), strict=True
        )
        print(f"{factor:15.2f}{mean(lost):18.1%}{mean(moved):43.1%}")


# --8<-- [start:expert-choice]
def expert_choice(logits: Tensor, capacity: int) -> Tensor:
    """Mixing weights [T, E] if each expert takes the tokens that want it most."""
    p = logits.softmax(-1)
    top = p.topk(capacity, dim=0).indices  # [capacity, E]: chosen along the sequence
    return torch.zeros_like(p).scatter(0, top, p.gather(0, top))


# --8<-- [end:expert-choice]


def token_choice(logits: Tensor, k: int) -> Tensor:
    """Mixing weights [T, E] if each token takes the experts that it wants most."""
    weights, experts = softmax_route(logits, k)
    return torch.zeros_like(logits).scatter(-1, experts, weights)


def leaks(by_expert: bool, tokens: int = 32, number: int = 8, k: int = 2) -> Tensor:
    """For 200 other last tokens: how many of the earlier tokens get another mix."""
    x, gate, *_ = layer(number, tokens + 200)

    def mix(rows: Tensor) -> Tensor:
        logits = rows @ gate.T
        return (
            expert_choice(logits, tokens * k // number)
            if by_expert
            else token_choice(logits, k)
        )

    before = mix(x[:tokens])[:-1]
    others = [torch.cat([x[: tokens - 1], x[tokens + i, None]]) for i in range(200)]
    return torch.tensor([(mix(rows)[:-1] != before).any(-1).sum() for rows in others])


def example_leak() -> None:
    """The last of 32 tokens is replaced 200 times."""
    print("who chooses   replacements that change an earlier token   tokens changed, mean")
    for name, by_expert in (("the token", False), ("the expert", True)):
        counts = leaks(by_expert).float()
        print(f"{name:11s}{(counts > 0).float().mean():44.0%}{counts.mean():23.1f}")


def flipped_somewhere(share: float, layers: int) -> float:
    """Share of tokens that get other experts in at least one of `layers`, if layers are independent."""
    return 1 - (1 - share) ** layers


def facts() -> dict[str, str]:
    """Numbers that the page states about silent changes."""
    qwen = MODELS["Qwen3 235B-A22B"]
    share, moved, still = flips(qwen.experts, qwen.active)
    return {
        "flipped": f"{share:.1%}",
        "flip_moved": f"{moved:.0%}",
        "flip_still": f"{still:.1%}",
        "flipped_somewhere": f"{flipped_somewhere(share, qwen.layers):.0%}",
    }


if __name__ == "__main__":
    example_flips()
    example_order()
    example_leak()
