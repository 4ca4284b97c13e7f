"""Sum or mean over tokens: inside a loss that is not linear, it is another method."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch

from snippets.post_training.dpo.losses import ipo
from snippets.post_training.dpo.weights import ipo_weight


def summed(per_token: float, tokens: int, beta: float = 0.1) -> float:
    """Push on each token's margin if IPO is given sums."""
    return tokens * ipo_weight(torch.tensor(per_token * tokens), beta).item()


def averaged(per_token: float, tokens: int, beta: float = 0.1) -> float:
    """The same if IPO is given means: the number of tokens is gone."""
    return ipo_weight(torch.tensor(per_token), beta).item()


def masked(tokens: int) -> float:
    """Loss of a pair whose rejected answer was cut to this many tokens, counted as in TRL: at least one."""
    means = torch.tensor(2.0) / 4 - torch.tensor(0.0) / max(tokens, 1)
    return ipo(means, 0.1).item()


def example_lengths() -> None:
    """The policy prefers the chosen answer by 0.05 nats a token; only the length differs."""
    print("tokens  margin, sum  push, sum  margin, mean  push, mean")
    for tokens in (10, 50, 100, 200):
        print(
            f"{tokens:6}{0.05 * tokens:13.1f}{summed(0.05, tokens):11.1f}{0.05:14.2f}{averaged(0.05, tokens):12.1f}"
        )


def report(steps: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    """Margins a token of four held-out lengths, after training on IPO of sums, and their sums."""
    tokens = torch.tensor([20.0, 50.0, 100.0, 200.0])
    each = torch.full_like(tokens, 0.05).requires_grad_()
    optimizer = torch.optim.SGD([each], lr=1e-5)
    for _ in range(steps):
        optimizer.zero_grad()
        ipo(each * tokens, 0.1).sum().backward()
        optimizer.step()
    return each.detach(), (each * tokens).detach()


def example_report() -> None:
    """What a nightly report shows."""
    print("tokens  margin a token, start  margin a token, now  margin, now")
    for n, each, total in zip((20, 50, 100, 200), *report(), strict=True):
        print(f"{n:6}{0.05:23.3f}{each.item():21.3f}{total.item():13.2f}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "sum_10": f"{summed(0.05, 10):.0f}",
        "sum_200": f"{summed(0.05, 200):,.0f}".replace("-", "−"),
        "mean_any": f"{averaged(0.05, 200):.1f}",
    }
