"""The task of the page: three tokens that differ. Two ways to reward it, and the reward to go."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.sequences.language import Language, Policy

LANGUAGE = Language(size=3, length=3)  # 27 sequences
LETTERS = "abc"


def policy(scale: float = 1.0) -> Policy:
    """The policy of the page's tables; `scale` spreads its logits, 0 makes it uniform."""
    return Policy(LANGUAGE, seed=0, scale=scale)


# --8<-- [start:rewards]
def fresh(tokens: Tensor) -> Tensor:
    """1 for each token that its sequence did not have before: [N, T]."""
    same = tokens[:, :, None] == tokens[:, None, :]  # [N, T, T]
    return (~same.tril(-1).any(-1)).double()


def verdict(tokens: Tensor) -> Tensor:
    """1 with the last token if all tokens differ, else 0 throughout: [N, T]."""
    rewards = torch.zeros(tokens.shape, dtype=torch.float64)
    rewards[:, -1] = fresh(tokens).all(-1).double()
    return rewards


def to_go(rewards: Tensor) -> Tensor:
    """Sum of each reward and those after it: [N, T]."""
    return rewards.flip(-1).cumsum(-1).flip(-1)


# --8<-- [end:rewards]

TASKS = {"each new token": fresh, "verdict at the end": verdict}


def exact(policy: Policy, rewards: Tensor) -> Tensor:
    """Gradient of the expected reward, from all sequences: [prefixes, size]."""
    return policy.gradient(policy.mean(rewards.sum(-1)))


def example_language() -> None:
    """Some of the 27 sequences with their probabilities and rewards."""
    model = policy()
    chance = model.probabilities().tolist()
    rows = zip(
        model.tokens.tolist(),
        chance,
        fresh(model.tokens),
        verdict(model.tokens),
        strict=True,
    )
    print("sequence  probability  each new token  verdict at the end")
    for tokens, p, each, end in list(rows)[3:9]:
        name = "".join(LETTERS[t] for t in tokens)
        print(f"{name:>8s}{p:13.4f}{each.int().tolist()!s:>16s}{end.int().tolist()!s:>20s}")  # fmt: skip
    means = [model.mean(task(model.tokens).sum(-1)).item() for task in TASKS.values()]
    print(f"{'all 27':>8s}{sum(chance):13.4f}{means[0]:16.4f}{means[1]:20.4f}")


if __name__ == "__main__":
    example_language()
