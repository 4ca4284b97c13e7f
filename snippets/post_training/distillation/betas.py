"""What GKD's beta does to the loss and to the gradient, between the two ends and at them."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from functools import cache

import torch
from matplotlib.figure import Figure
from torch import Tensor

from snippets.post_training.distillation.losses import generalized, swapped
from snippets.post_training.distillation.replies import cosine

BETAS = (0.0, 0.001, 0.1, 0.5, 0.9, 0.999, 1.0)
PLACES, VOCABULARY = 64, 300


@cache
def pair(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits of a student and a teacher that have nothing to do with each other: [64, 300]."""
    draw = torch.Generator().manual_seed(seed)
    shape = (2, PLACES, VOCABULARY)
    student, teacher = torch.randn(shape, generator=draw, dtype=torch.float64)
    return student, teacher


@cache
def measured(beta: float, seed: int = 0) -> tuple[float, Tensor]:
    """Mean loss over the places, and its gradient on the student's logits."""
    student, teacher = pair(seed)
    x = student.clone().requires_grad_()
    loss = generalized(x.log_softmax(-1), teacher.log_softmax(-1), beta).mean()
    (grad,) = torch.autograd.grad(loss, x)
    return loss.item(), grad.flatten()


def norm_share(beta: float) -> float:
    """Length of the gradient, as a share of reverse KL's."""
    return (measured(beta)[1].norm() / measured(1.0)[1].norm()).item()


def direction(beta: float) -> float:
    """Cosine between the gradient and reverse KL's."""
    return cosine(measured(beta)[1], measured(1.0)[1])


def strength(beta: float) -> float:
    """What the mixture costs: divided by it, the loss has both KLs as its limits."""
    return 1.0 if beta in (0.0, 1.0) else beta * (1 - beta)


def scaled_norm(beta: float) -> float:
    """The gradient's share once the loss is divided by its strength."""
    return norm_share(beta) / strength(beta)


def scaled_loss(beta: float) -> float:
    """The loss divided by its strength."""
    return measured(beta)[0] / strength(beta)


def example_betas() -> None:
    """Loss, gradient and direction by beta, then loss and gradient divided by beta (1 - beta)."""
    print("  beta    loss  gradient  direction  scaled loss  scaled gradient")
    for beta in BETAS:
        row = measured(beta)[0], norm_share(beta), direction(beta)
        print(f"{beta:6.3f}{row[0]:8.4f}{row[1]:10.4f}{row[2]:11.3f}{scaled_loss(beta):13.3f}{scaled_norm(beta):17.3f}")  # fmt: skip


def figure_betas() -> Figure:
    """Gradient's length over beta: the paper's form, its ends, and the same divided by its strength."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = figure.subplots()
    inside = [0.002 + i * 0.996 / 120 for i in range(121)]
    axes.plot(inside, [norm_share(b) for b in inside], color="C0", linewidth=2)
    axes.plot([0, 1], [norm_share(0.0), 1.0], "o", color="C0")
    axes.plot(inside, [scaled_norm(b) for b in inside], color="C2", linewidth=1.5)
    axes.annotate("at both ends: plain KL", (1, 1), (-8, 8), textcoords="offset points", ha="right", color="C0")  # fmt: skip
    axes.annotate("divided by β (1 − β)", (0.5, scaled_norm(0.5)), (0, -14), textcoords="offset points", ha="center", color="C2")  # fmt: skip
    axes.annotate("GKD's divergence", (0.3, norm_share(0.3)), (0, 7), textcoords="offset points", ha="center", color="C0")  # fmt: skip
    axes.plot([0.9], [norm_share(0.9)], "o", color="C1")
    axes.annotate(f"β = 0.9: {norm_share(0.9):.0%}", (0.9, norm_share(0.9)), (0, 12), textcoords="offset points", ha="center", color="C1")  # fmt: skip
    axes.set(xlabel="β", ylabel="gradient, as a share of reverse KL's", ylim=(0, 1.2))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def jump(beta: float) -> float:
    """Largest loss that the swapped weights leave between themselves and the plain KL, near an end."""
    student, teacher = (m.log_softmax(-1) for m in pair())
    end = generalized(student, teacher, float(round(beta)))
    return (swapped(student, teacher, beta) - end).abs().max().item()


def rate_factor(beta: float) -> float:
    """By how much plain gradient descent needs a larger rate to step as far as reverse KL."""
    return 1 / norm_share(beta)


def facts() -> dict[str, str]:
    """Numbers of the page about beta."""
    return {
        "loss_one": f"{measured(1.0)[0]:.2f}",
        "loss_near": f"{measured(0.999)[0]:.4f}",
        "grad_09": f"{norm_share(0.9):.0%}",
        "rate_09": f"{rate_factor(0.9):.0f}",
        "cosine_09": f"{direction(0.9):.2f}",
        "cosine_05": f"{direction(0.5):.2f}",
    }


if __name__ == "__main__":
    example_betas()
