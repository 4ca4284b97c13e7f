"""What a token of probability p contributes: its loss, and the pull on its own logit."""

from __future__ import annotations

import math

import torch
from matplotlib.figure import Figure
from torch import Tensor


# --8<-- [start:dft]
def dft(logprobs: Tensor, trains: Tensor) -> Tensor:
    """Dynamic fine-tuning: each loss times its own probability, held constant."""
    weight = logprobs.detach().exp()
    return -(weight * logprobs * trains).sum() / trains.sum()


# --8<-- [end:dft]


def nll(logprobs: Tensor, trains: Tensor) -> Tensor:
    """The usual loss a token."""
    return -(logprobs * trains).sum() / trains.sum()


def token_loss(p: float) -> float:
    """DFT's loss of one token of probability `p`."""
    one = torch.tensor([math.log(p)], dtype=torch.float64)
    return dft(one, torch.ones(1)).item()


def pull(p: float, *, weighted: bool) -> float:
    """Size of the gradient on the right token's logit, where it has probability `p`."""
    logits = torch.tensor(
        [math.log(p), math.log(1 - p)], dtype=torch.float64, requires_grad=True
    )
    logp = logits.log_softmax(-1)[:1]
    loss = (dft if weighted else nll)(logp, torch.ones(1))
    (gradient,) = torch.autograd.grad(loss, logits)
    return -gradient[0].item()


def figure_pull() -> Figure:
    """Gradient on the right token's logit against its probability."""
    figure = Figure(figsize=(5.2, 2.9), layout="constrained")
    axes = figure.add_subplot()
    grid = [i / 200 for i in range(1, 200)]
    axes.plot(grid, [pull(p, weighted=False) for p in grid], color="C0")
    axes.plot(grid, [pull(p, weighted=True) for p in grid], color="C1")
    axes.annotate(
        "NLL: the less likely,\nthe stronger",
        (0.2, pull(0.2, weighted=False)),
        (0.3, 0.82),
        color="C0",
    )
    axes.plot([0.5], [pull(0.5, weighted=True)], "o", color="C1")
    axes.annotate(
        "DFT: strongest at one half",
        (0.5, pull(0.5, weighted=True)),
        (0.5, 0.13),
        color="C1",
        ha="center",
    )
    axes.set_xlabel("probability of the token")
    axes.set_ylabel("pull on its logit")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.05)
    return figure


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "nll_rare": f"{pull(0.01, weighted=False):.2f}",
        "dft_rare": f"{pull(0.01, weighted=True):.3f}",
        "dft_half": f"{pull(0.5, weighted=True):.2f}",
    }
