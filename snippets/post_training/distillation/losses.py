"""Losses of distillation on the log-probabilities of student and teacher, for each position: [..., V] becomes [...]."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


# --8<-- [start:divergences]
def kl(a: Tensor, b: Tensor) -> Tensor:
    """KL of `a` from `b`, log-distributions over the last axis."""
    return (a.exp() * (a - b)).sum(-1)


def forward(student: Tensor, teacher: Tensor) -> Tensor:
    """Punishes a student that gives too little to what the teacher would say."""
    return kl(teacher, student)


def reverse(student: Tensor, teacher: Tensor) -> Tensor:
    """Punishes a student that gives too much to what the teacher would not say."""
    return kl(student, teacher)


# --8<-- [end:divergences]


# --8<-- [start:generalized]
def generalized(student: Tensor, teacher: Tensor, beta: float) -> Tensor:
    """Divergence of GKD from a mixture of both; its ends are replaced by the plain KLs."""
    if beta in (0.0, 1.0):
        return reverse(student, teacher) if beta else forward(student, teacher)
    b = torch.tensor(beta, dtype=student.dtype)
    mixture = torch.logaddexp(b.log() + teacher, torch.log1p(-b) + student)
    return b * kl(teacher, mixture) + (1 - b) * kl(student, mixture)


# --8<-- [end:generalized]


def swapped(student: Tensor, teacher: Tensor, beta: float) -> Tensor:
    """The same with the weights on the other terms: not the paper's, but continuous at both ends."""
    b = torch.tensor(beta, dtype=student.dtype)
    mixture = torch.logaddexp(b.log() + teacher, torch.log1p(-b) + student)
    return (1 - b) * kl(teacher, mixture) + b * kl(student, mixture)


# --8<-- [start:tokens]
def chosen(logprobs: Tensor, ids: Tensor) -> Tensor:
    """Log-probability of the tokens that were written: [..., V] becomes [...]."""
    return logprobs.gather(-1, ids.unsqueeze(-1)).squeeze(-1)


def hard(student: Tensor, ids: Tensor) -> Tensor:
    """Sequence-level distillation: cross-entropy on text that the teacher wrote."""
    return -chosen(student, ids)


def policy(student: Tensor, teacher: Tensor, ids: Tensor) -> Tensor:
    """Reverse KL from the sampled token alone: what the teacher thinks of it is its advantage."""
    gain = chosen(teacher, ids) - chosen(student, ids)
    return -gain.detach() * chosen(student, ids)


# --8<-- [end:tokens]


def mean(losses: Tensor, mask: Tensor) -> Tensor:
    """Over the tokens that count."""
    return (losses * mask).sum() / mask.sum()


def soft(student: Tensor, teacher: Tensor) -> Tensor:
    """Cross-entropy on the teacher's probabilities: forward KL plus the teacher's entropy, which no weight of the student changes."""
    return -(teacher.exp() * student).sum(-1)


def example_order() -> None:
    """One position with three tokens: both KLs, and PyTorch's function with its arguments in both orders."""
    student = torch.tensor([0.7, 0.2, 0.1]).log()
    teacher = torch.tensor([0.4, 0.3, 0.3]).log()
    ours = {"forward": forward(student, teacher), "reverse": reverse(student, teacher)}
    for name, value in ours.items():
        print(f"{name:34s}{value.item():.4f}")
    for name, pair in {
        "F.kl_div(student, teacher)": (student, teacher),
        "F.kl_div(teacher, student)": (teacher, student),
    }.items():
        print(f"{name:34s}{F.kl_div(*pair, log_target=True, reduction='sum').item():.4f}")


if __name__ == "__main__":
    example_order()
