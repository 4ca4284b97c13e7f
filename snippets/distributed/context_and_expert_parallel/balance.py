"""Expert parallelism: how uneven routers are, what a capacity drops, and two ways to balance."""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor
from torch.nn import functional as F

EXPERTS, TOP_K, WIDTH, TOKENS, RANKS = 8, 2, 16, 1024, 4


def router() -> Tensor:
    """A router [E, D] as it is at the start of a training."""
    torch.manual_seed(0)
    return torch.randn(EXPERTS, WIDTH) / WIDTH**0.5


def batch(step: int) -> Tensor:
    """Tokens [T, D] that have something in common, as tokens have."""
    generator = torch.Generator().manual_seed(step)
    return torch.randn(TOKENS, WIDTH, generator=generator) + 0.5


def fits(experts: Tensor, number: int, factor: float) -> Tensor:
    """Which of the [T, K] choices find a place when each expert takes only so many.

    First choices go before second ones, early tokens before late ones.
    Source: Fedus et al. 2021, equation 3 (one choice); Lepikhin et al. 2020, section 2.2 (two).
    """
    tokens, top_k = experts.shape
    capacity = ceil(factor * tokens * top_k / number)
    hot = F.one_hot(experts.T.flatten(), number)  # [K*T, E]
    place = (hot.cumsum(0) * hot).sum(1)  # 1 for the first of each expert
    return (place <= capacity).view(top_k, tokens).T


# --8<-- [start:balance]
def auxiliary(probabilities: Tensor, experts: Tensor) -> Tensor:
    """E times the sum of f P: share of tokens that chose an expert, and mean probability of it.

    Source: Fedus et al. 2021, equation 4; with K choices the shares add up to K.
    """
    number = probabilities.shape[1]
    share = F.one_hot(experts, number).sum(1).float().mean(0)  # no gradient
    return number * (share * probabilities.mean(0)).sum()


def nudge(bias: Tensor, loads: Tensor, speed: float) -> Tensor:
    """After a step: experts above the mean load get a lower bias, those below a higher one.

    Source: DeepSeek-AI 2024, section 2.1.2. The bias chooses; it does not weigh the outputs.
    """
    return bias + speed * (loads.mean() - loads).sign()


# --8<-- [end:balance]


def loads_of(experts: Tensor) -> Tensor:
    """Tokens of each expert."""
    return experts.flatten().bincount(minlength=EXPERTS).float()


def train(method: str, steps: int) -> list[Tensor]:
    """Loads [E] before each step under one of the ways to balance, and after the last."""
    gate, bias, history = router(), torch.zeros(EXPERTS), []
    for step in range(steps + 1):
        weight = gate.requires_grad_(method == "auxiliary loss")
        logits = batch(step) @ weight.T
        probabilities = logits.softmax(-1)
        scores = logits.sigmoid() if method == "bias" else probabilities
        experts = (scores.detach() + bias).topk(TOP_K).indices
        history.append(loads_of(experts))
        if method == "auxiliary loss":
            loss = auxiliary(probabilities, experts)
            gate = (gate - 0.5 * torch.autograd.grad(loss, weight)[0]).detach()
        if method == "bias":
            bias = nudge(bias, history[-1], 0.01)
    return history


def excess(loads: Tensor, parts: int = EXPERTS) -> float:
    """The largest load of an expert, or of a rank with several of them, over the mean."""
    sums = loads.view(parts, -1).sum(1)
    return (sums.max() / sums.mean()).item()


def example_capacity() -> None:
    """One batch of an unbalanced router."""
    experts = (batch(0) @ router().T).topk(TOP_K).indices
    print("capacity factor   dropped   empty places")
    for factor in (1.0, 1.25, 1.5, 2.0, 3.0):
        kept = fits(experts, EXPERTS, factor)
        places = ceil(factor * TOKENS * TOP_K / EXPERTS) * EXPERTS
        print(
            f"{factor:15.2f}{1 - kept.float().mean():10.1%}{1 - kept.sum() / places:15.1%}"
        )


def example_balance() -> None:
    """Largest load over the mean, of experts and of ranks with two experts each."""
    print("largest over mean      at step 0      20     100     after 200, of ranks")
    for method in ("nothing", "auxiliary loss", "bias"):
        history = train(method, 200)
        cells = "".join(f"{excess(history[step]):8.2f}" for step in (0, 20, 100, 200))
        print(f"{method:24s}{cells}{excess(history[200], RANKS):17.2f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about balance."""
    first = train("nothing", 0)[0]
    return {
        "busiest_expert": f"{excess(first):.1f}",
        "busiest_rank": f"{excess(first, RANKS):.2f}",
        "lost_time": f"{1 - 1 / excess(first, RANKS):.0%}",
    }


if __name__ == "__main__":
    example_capacity()
    example_balance()
