"""Baselines, from none to the best that a prefix allows, each with its exact bias and variance."""

from __future__ import annotations

from statistics import fmean

import torch
from torch import Tensor

from snippets.rl.overview.moments import moments, scores
from snippets.rl.overview.tasks import LANGUAGE, TASKS, exact, policy, to_go, verdict
from snippets.sequences.language import Policy


def average(policy: Policy, values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over all sequences, one for each position: [N, T] gives [1, T]."""
    mass = policy.probabilities().detach()[:, None] * weights
    return ((mass * values).sum(0) / mass.sum(0))[None]


def average_after(policy: Policy, values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over the sequences that share the prefix: [N, T] gives [N, T]."""
    mass = policy.probabilities().detach()[:, None] * weights * policy.mask
    total = torch.zeros(2, len(policy.logits), dtype=torch.float64)
    both = torch.stack([mass * values, mass]).flatten(1)
    total.index_add_(1, policy.before.flatten(), both)
    return (total[0] / total[1])[policy.before]


# --8<-- [start:baselines]
def baselines(policy: Policy, rewards: Tensor) -> dict[str, Tensor]:
    """The weight of each token's score, by estimator: [N, T]."""
    rest = to_go(rewards)
    whole = rewards.sum(-1, keepdim=True).expand_as(rewards)
    plain = torch.ones_like(rewards)
    size = (scores(policy) ** 2).sum((2, 3))  # squared length of each score, [N, T]
    return {
        "REINFORCE": whole,
        "reward to go": rest,
        "minus its mean": rest - average(policy, rest, plain),
        "minus best constant": rest - average(policy, rest, size),
        "minus value": rest - average_after(policy, rest, plain),
        "minus best of prefix": rest - average_after(policy, rest, size),
    }


# --8<-- [end:baselines]
def value(policy: Policy, rewards: Tensor) -> Tensor:
    """Mean reward to go after each prefix, exact: [N, T]."""
    return average_after(policy, to_go(rewards), torch.ones_like(rewards))


def example_table() -> None:
    """Each estimator on both tasks."""
    model = policy()
    print(f"{'':22s}{'each new token':>23s}{'verdict at the end':>27s}")
    print(f"{'weight':22s}" + f"{'bias':>7s}{'variance':>10s}{'replies':>9s}" * 2)
    tasks = [task(model.tokens) for task in TASKS.values()]
    for name in baselines(model, tasks[0]):
        line = f"{name:22s}"
        for rewards in tasks:
            truth = exact(model, rewards)
            of = moments(model, baselines(model, rewards)[name])
            line += f"{of.bias(truth):7.2f}{of.variance:10.3f}{of.replies(truth):9.1f}"
        print(line)


SEEDS = 20


def noise(scale: float, seed: int) -> dict[str, float]:
    """Variance of each estimator for the verdict, over that of REINFORCE, under one policy."""
    model = Policy(LANGUAGE, seed, scale)
    found = baselines(model, verdict(model.tokens))
    bare = moments(model, found["REINFORCE"]).variance
    return {
        name: moments(model, weights).variance / bare for name, weights in found.items()
    }


def example_policies() -> None:
    """The verdict under twenty policies for each spread of logits: means, and how many are noisier."""
    print(
        "spread of   variance over REINFORCE's       noisier than REINFORCE   noisier than mean"
    )
    print(
        "logits       mean   value   best of prefix       mean   value              value"
    )
    for scale in (1.0, 2.0, 3.0):
        all_ = [noise(scale, seed) for seed in range(SEEDS)]
        mean, value, best = (
            [one[name] for one in all_]
            for name in ("minus its mean", "minus value", "minus best of prefix")
        )
        counts = noisier(mean, value)
        print(f"{scale:<11.0f}{fmean(mean):6.2f}{fmean(value):8.2f}{fmean(best):17.2f}{counts[0]:11d}{counts[1]:8d}{counts[2]:19d}")  # fmt: skip


def noisier(mean: list[float], value: list[float]) -> tuple[int, int, int]:
    """Policies where the mean, and where the value, is noisier than nothing; value than mean."""
    worse = sum(v > m for v, m in zip(value, mean, strict=True))
    return sum(m > 1 for m in mean), sum(v > 1 for v in value), worse


def replies(task: str, name: str) -> float:
    """Sequences to average until the noise of this estimator is as long as the gradient."""
    model = policy()
    rewards = TASKS[task](model.tokens)
    return moments(model, baselines(model, rewards)[name]).replies(exact(model, rewards))


def facts() -> dict[str, str]:
    """What the page says of the table."""
    return {
        "replies_plain": f"{replies('each new token', 'REINFORCE'):.0f}",
        "replies_to_go": f"{replies('each new token', 'reward to go'):.0f}",
        "replies_mean": f"{replies('each new token', 'minus its mean'):.0f}",
        "replies_verdict": f"{replies('verdict at the end', 'REINFORCE'):.0f}",
        "replies_verdict_best": f"{replies('verdict at the end', 'minus best of prefix'):.0f}",
    }


if __name__ == "__main__":
    example_table()
    example_policies()
