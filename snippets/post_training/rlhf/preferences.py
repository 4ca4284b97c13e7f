"""From judgments between two replies to one number for each: the Bradley-Terry model."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.post_training.rlhf.language import REFERENCE, REPLIES, TRUTH, WORDS, expected

COUNTS = torch.tensor([[reply.count(w) for w in WORDS] for reply in REPLIES]).double()


# --8<-- [start:fit]
def wins(gap: Tensor) -> Tensor:
    """Bradley-Terry: chance that the first of two replies is chosen, from the gap of their rewards."""
    return torch.sigmoid(gap)


def judgment_loss(scores: Tensor) -> Tensor:  # [A] -> []
    """Cross-entropy on all pairs of replies, each as frequent as the reference draws it."""
    gap = scores.unsqueeze(1) - scores  # [A, A]: first against second
    chosen = wins(TRUTH.unsqueeze(1) - TRUTH)
    loss = -chosen * F.logsigmoid(gap) - (1 - chosen) * F.logsigmoid(-gap)
    return (REFERENCE.unsqueeze(1) * REFERENCE * loss).sum()


# --8<-- [end:fit]


@cache
def weights() -> Tensor:
    """What the best reward model that only counts words pays for each of them."""
    found = torch.zeros(len(WORDS), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([found], max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-14,
                                  line_search_fn="strong_wolfe")  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = judgment_loss(COUNTS @ found)
        loss.backward()
        return loss

    optimizer.step(closure)
    return found.detach()


@cache
def proxy() -> Tensor:
    """The reward model's score of each reply: [A]."""
    return COUNTS @ weights()


def order(values: Tensor) -> Tensor:  # [A] -> [A, A]
    """Which of two replies has the higher value: 1, -1, or 0 for a tie."""
    return torch.sign((values.unsqueeze(1) - values).round(decimals=9))


def accuracy(scores: Tensor, policy: Tensor = REFERENCE) -> float:
    """Share of pairs of unlike worth that the scores put in the right order; a tie counts half."""
    pairs = policy.unsqueeze(1) * policy * order(TRUTH).abs()
    right = (1 + order(scores) * order(TRUTH)) / 2
    return (right * pairs).sum().item() / pairs.sum().item()


def example_model() -> None:
    """What a word is worth to the reward model, and the replies that it likes best."""
    print("  ".join(f"{w} {x:+.2f}" for w, x in zip(WORDS, weights(), strict=True)))
    print("score  worth  frequency  reply")
    for i in proxy().argsort(descending=True, stable=True)[:6].tolist():
        print(
            f"{proxy()[i]:5.2f}{TRUTH[i]:7.2f}{REFERENCE[i]:11.2%}  {' '.join(REPLIES[i])}"
        )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "accuracy": f"{accuracy(proxy()):.0%}",
        "proxy_before": f"{expected(REFERENCE, proxy()):.2f}",
        "worth_of_best": f"{TRUTH[proxy().argmax()].item():.1f}",
    }


if __name__ == "__main__":
    example_model()
