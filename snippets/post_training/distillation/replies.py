"""All replies of a tiny language model, so that each expectation is a sum: which gradient does each recipe follow?"""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from snippets.post_training.distillation.losses import chosen, kl

WORDS, LENGTH = 3, 3
REPLIES = torch.cartesian_prod(*[torch.arange(WORDS)] * LENGTH)  # [27, 3]


def prefixes() -> Tensor:
    """A number for what was written before each token: [27, 3]."""
    place = torch.zeros_like(REPLIES)
    for t in range(1, LENGTH):
        place[:, t] = place[:, t - 1] * WORDS + REPLIES[:, t - 1] + 1
    return place


def model(seed: int) -> Tensor:
    """Random logits after each prefix: [13, 3]."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(
        int(prefixes().max()) + 1, WORDS, generator=draw, dtype=torch.float64
    )


def tokens(logits: Tensor) -> Tensor:
    """Log-probabilities of every token at each place of each reply: [27, 3, 3]."""
    return logits.log_softmax(-1)[prefixes()]


# --8<-- [start:expected]
def whole(student: Tensor, teacher: Tensor) -> Tensor:
    """KL of the student's replies from the teacher's, from the probability of each reply."""
    q, p = (chosen(tokens(m), REPLIES).sum(1) for m in (student, teacher))
    return (q.exp() * (q - p)).sum()


def by_token(student: Tensor, teacher: Tensor) -> Tensor:
    """KL at each place of the student's own text; as in practice, sampling has no gradient."""
    weight = chosen(tokens(student), REPLIES).sum(1).exp().detach()
    return (weight * kl(tokens(student), tokens(teacher)).sum(1)).sum()


def sampled(student: Tensor, teacher: Tensor, discount: float) -> Tensor:
    """Policy gradient; a token's advantage is the teacher's gap, there and discounted later."""
    q, p = (chosen(tokens(m), REPLIES) for m in (student, teacher))
    gain = (p - q).detach()
    for t in range(LENGTH - 2, -1, -1):
        gain[:, t] += discount * gain[:, t + 1]
    return -(q.sum(1).exp().detach() * (gain * q).sum(1)).sum()


# --8<-- [end:expected]


def forward_whole(student: Tensor, teacher: Tensor) -> Tensor:
    """KL of the teacher's replies from the student's."""
    return whole(teacher, student)


def forward_by_token(student: Tensor, teacher: Tensor) -> Tensor:
    """KL at each place of the teacher's text."""
    weight = chosen(tokens(teacher), REPLIES).sum(1).exp()
    return (weight * kl(tokens(teacher), tokens(student)).sum(1)).sum()


def gradient(loss: Callable[..., Tensor], student: Tensor, *others: Tensor | float) -> Tensor:  # fmt: skip
    """Gradient on the student's logits, as one row."""
    x = student.clone().requires_grad_()
    (grad,) = torch.autograd.grad(loss(x, *others), x)
    return grad.flatten()


def cosine(a: Tensor, b: Tensor) -> float:
    """Of the angle between two gradients."""
    return torch.cosine_similarity(a, b, dim=0).item()


Loss = Callable[..., Tensor]
RECIPES: dict[str, tuple[Loss, Loss, tuple[float, ...]]] = {  # loss, what it stands for
    "forward, whole replies": (forward_whole, forward_whole, ()),
    "forward, each token": (forward_by_token, forward_whole, ()),
    "reverse, whole replies": (whole, whole, ()),
    "reverse, each token": (by_token, whole, ()),
    "reverse, sampled, own gap": (sampled, whole, (0.0,)),
    "reverse, sampled, all gaps": (sampled, whole, (1.0,)),
}


def compared(seed: int) -> list[tuple[str, float, float]]:
    """Each recipe: its value, and the cosine of its gradient with that of whole replies."""
    student, teacher = model(2 * seed), model(2 * seed + 1)
    rows = []
    for name, (loss, aim, more) in RECIPES.items():
        grad = gradient(loss, student, teacher, *more)
        value = loss(student, teacher, *more).item()
        rows.append((name, value, cosine(grad, gradient(aim, student, teacher))))
    return rows


def example_gradients() -> None:
    """Value and direction of each recipe."""
    print(f"{'loss':28s}{'value':>7s}{'cosine':>8s}")
    for name, value, angle in compared(0):
        shown = f"{value:7.3f}" if "sampled" not in name else f"{'-':>7s}"
        print(f"{name:28s}{shown}{angle:8.3f}")


def token_cosine(seed: int) -> float:
    """Of the token-wise reverse KL's gradient with the gradient of the KL of whole replies."""
    student, teacher = model(2 * seed), model(2 * seed + 1)
    return cosine(gradient(by_token, student, teacher), gradient(whole, student, teacher))


def lowest_cosine() -> float:
    """The lowest of twenty pairs of random models."""
    return min(token_cosine(seed) for seed in range(20))


def facts() -> dict[str, str]:
    """Numbers of the page about gradients."""
    return {
        "token_cosine": f"{token_cosine(0):.2f}",
        "token_lowest": f"{lowest_cosine():.2f}",
    }


if __name__ == "__main__":
    example_gradients()
