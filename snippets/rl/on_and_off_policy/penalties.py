"""Where a KL penalty leads: what each form optimizes, and what sampled gradients reach."""

from __future__ import annotations

import math

import torch
from matplotlib.figure import Figure
from torch import Tensor

from snippets.rl.on_and_off_policy.divergences import ESTIMATORS
from snippets.rl.on_and_off_policy.drawing import plain

ACTIONS, RIGHT = 50, 5
BETAS = (0.3, 1.0, 3.0)


def reference() -> Tensor:
    """Log-probabilities of the reference: [A]."""
    draw = torch.Generator().manual_seed(0)
    return torch.randn(ACTIONS, generator=draw, dtype=torch.float64).log_softmax(-1)


def rewards() -> Tensor:
    """1 for the first few actions: [A]."""
    return (torch.arange(ACTIONS) < RIGHT).double()


# --8<-- [start:optima]
def reverse_optimum(beta: float) -> Tensor:
    """Policy that maximizes reward minus beta times the reverse divergence: [A]."""
    return (reference() + rewards() / beta).softmax(-1)


def forward_optimum(beta: float) -> Tensor:
    """The same with the forward divergence: beta · reference / (level − reward), summing to 1."""
    low, high = 1.0, 1.0 + beta  # the level lies between, since it exceeds each reward
    for _ in range(200):
        level = (low + high) / 2
        total = (beta * reference().exp() / (level - rewards())).sum()
        low, high = (level, high) if total > 1 else (low, level)
    return beta * reference().exp() / (level - rewards())


# --8<-- [end:optima]
def divergence(policy: Tensor) -> float:
    """Reverse divergence of a policy from the reference, in nats."""
    return (policy * (policy.log() - reference())).sum().item()


def unbounded() -> float:
    """The least divergence of a policy that chooses right actions alone."""
    return -math.log(reference().exp()[:RIGHT].sum().item())


def learned(name: str, betas: Tensor, steps: int = 1500, batch: int = 16) -> Tensor:
    """Divergence after sampled gradient steps with an estimator as loss: one run for each beta."""
    draw = torch.Generator().manual_seed(1)
    ref = reference()
    logits = ref.repeat(len(betas), 1).requires_grad_()
    for _ in range(steps):
        logprobs = logits.log_softmax(-1)
        actions = torch.multinomial(logprobs.exp(), batch, replacement=True, generator=draw)
        now = logprobs.gather(-1, actions)
        reward = rewards()[actions]
        advantage = (reward - reward.mean(-1, keepdim=True)) * batch / (batch - 1)
        penalty = ESTIMATORS[name](now, ref[actions])
        loss = (betas[:, None] * penalty - advantage * now).mean(-1).sum()
        step = torch.autograd.grad(loss, logits)[0]
        logits = (logits - 0.2 * step).detach().requires_grad_()
    p = logits.softmax(-1).detach()
    return (p * (p.log() - ref)).sum(-1)


def example_optima() -> None:
    """Divergence at each optimum, and after sampled steps of each loss, mean of five runs."""
    runs = torch.tensor([beta for beta in BETAS for _ in range(5)], dtype=torch.float64)
    reached = {name: learned(name, runs).view(-1, 5) for name in ESTIMATORS}
    print(f"{'beta':>5s}{'reverse':>9s}{'forward':>9s}{'k1':>14s}{'k2':>14s}{'k3':>14s}")
    for i, beta in enumerate(BETAS):
        row = f"{beta:5.1f}{divergence(reverse_optimum(beta)):9.2f}{divergence(forward_optimum(beta)):9.2f}"
        for runs_of in reached.values():
            row += f"{runs_of[i].mean():8.2f} ± {runs_of[i].std():.2f}"
        print(row)


def figure_optima() -> Figure:
    """Divergence from the reference at the optimum of each penalty."""
    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes = plain(figure)
    betas = [10 ** (i / 10 - 2) for i in range(26)]
    reverse = [divergence(reverse_optimum(beta)) for beta in betas]
    forward = [divergence(forward_optimum(beta)) for beta in betas]
    axes.plot(betas, [unbounded()] * len(betas), color="C1", linewidth=2)
    axes.plot(betas, reverse, color="C0", linewidth=2)
    axes.plot(betas, forward, color="C2", linewidth=2)
    axes.set_xscale("log")
    axes.set_xticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    top = unbounded()
    axes.annotate(
        "k1 as loss", (1.0, top), (0, -14), textcoords="offset points", color="C1"
    )
    axes.annotate("k1 as reward", (0.25, 0.72 * top), color="C0")
    axes.annotate("k3 as loss", (0.52, 0.36 * top), color="C2")
    axes.set(
        xlabel="coefficient of the penalty, β",
        ylabel="KL from the reference, nats",
        ylim=(0, 1.15 * top),
    )
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about penalties."""
    return {
        "unbounded": f"{unbounded():.2f}",
        "reverse_03": f"{divergence(reverse_optimum(0.3)):.2f}",
        "forward_03": f"{divergence(forward_optimum(0.3)):.2f}",
    }


if __name__ == "__main__":
    example_optima()
