"""Reward models as teachers: the same order of replies, another spread, and the exact gradient."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.rl.reward_modeling.measures import accuracy
from snippets.sequences.language import Language, Policy

LANGUAGE, RATE, SEEDS = Language(), 1.0, range(5)  # 27 replies


def rank(seed: int) -> Tensor:
    """A worth for each reply, drawn as an order: [27], evenly from 0 to 1."""
    draw = torch.Generator().manual_seed(100 + seed)
    return torch.randperm(27, generator=draw).double() / 26


# --8<-- [start:teachers]
def teachers(worth: Tensor, seed: int) -> dict[str, Tensor]:  # each [N]
    """Three scores that order all replies rightly, and one that is often wrong."""
    draw = torch.Generator().manual_seed(seed)
    noise = torch.rand(len(worth), generator=draw, dtype=torch.float64) - 0.5
    return {
        "even": worth,
        "hard to please": 0.99 * worth**16 + 0.01 * worth,
        "easily pleased": 0.99 * (1 - (1 - worth) ** 16) + 0.01 * worth,
        "even, noisy": worth + 0.6 * noise,
    }


# --8<-- [end:teachers]


# --8<-- [start:climb]
def spread(policy: Policy, scores: Tensor) -> Tensor:
    """Variance of the score under the policy."""
    return policy.mean(scores**2) - policy.mean(scores) ** 2


def climb(policy: Policy, scores: Tensor, steps: int) -> None:
    """Ascent along the exact gradient of the expected score."""
    for _ in range(steps):
        policy.logits.data += RATE * policy.gradient(policy.mean(scores))


# --8<-- [end:climb]


def reach(policy: Policy) -> Tensor:
    """Mean squared length of a reply's score function: 1 - 2 pi + sum of pi squared for each token."""
    chances = policy.logits.softmax(-1)[policy.before]  # [N, T, V]
    taken = chances.gather(-1, policy.tokens[..., None])[..., 0]
    return policy.mean(((1 - 2 * taken + chances.square().sum(-1)) * policy.mask).sum(-1))


def ceiling(policy: Policy, scores: Tensor) -> float:
    """What the gradient's length cannot exceed: deviation of the score times root of `reach`."""
    return (spread(policy, scores) * reach(policy)).sqrt().item()


@cache
def lessons(name: str) -> Tensor:
    """Accuracy, variance at the start, worth after 20 and 100 steps, variance then: [seeds, 5]."""
    rows = []
    for seed in SEEDS:
        worth, policy = rank(seed), Policy(LANGUAGE, seed)
        scores, start = teachers(worth, seed)[name], policy.probabilities().detach()
        row = [accuracy(scores, worth, start), spread(policy, scores).item()]
        for steps in (20, 80):
            climb(policy, scores, steps)
            row.append(policy.mean(worth).item())
        rows.append([*row, spread(policy, scores).item()])
    return torch.tensor(rows)


def right(name: str) -> float:
    """Mean accuracy over the worlds."""
    return lessons(name)[:, 0].mean().item()


def learned(name: str) -> float:
    """Mean worth at the end."""
    return lessons(name)[:, 3].mean().item()


def example_teachers() -> None:
    """Four teachers, from the same start: means and deviations of five worlds."""
    print("teacher         accuracy  variance   20 steps      100 steps     variance")
    for name in teachers(rank(0), 0):
        (sure, first, early, late, last), each = (
            lessons(name).mean(0),
            lessons(name).std(0),
        )
        print(
            f"{name:16s}{sure:8.0%}{first:10.3f}{early:7.2f} ± {each[2]:.2f}"
            f"{late:8.2f} ± {each[3]:.2f}{last:11.4f}"
        )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "worth_pleased": f"{learned('easily pleased'):.2f}",
        "worth_noisy": f"{learned('even, noisy'):.2f}",
        "noisy_accuracy": f"{right('even, noisy'):.0%}",
    }


if __name__ == "__main__":
    example_teachers()
