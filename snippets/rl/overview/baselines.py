"""Baselines, from none to the best that a prefix allows, each with its exact bias and variance."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.overview.moments import Moments, moments, scores
from snippets.rl.overview.tasks import TASKS, exact, policy, to_go, verdict
from snippets.sequences.language import Policy


# --8<-- [start:averages]
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


# --8<-- [end:averages]
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


def of_verdict(name: str, scale: float) -> Moments:
    """Moments of one estimator for the verdict at the end."""
    model = policy(scale)
    return moments(model, baselines(model, verdict(model.tokens))[name])


def example_sharp() -> None:
    """Variance for the verdict, as the policy becomes surer of its tokens."""
    names = [n for n in baselines(policy(), verdict(policy().tokens)) if n != "reward to go"]  # fmt: skip
    print(f"{'spread of logits':22s}" + "".join(f"{s:8.0f}" for s in (0, 1, 2, 3)))
    for name in names:
        print(f"{name:22s}" + "".join(f"{of_verdict(name, s).variance:8.3f}" for s in (0, 1, 2, 3)))  # fmt: skip


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
        "sharp_none": f"{of_verdict('REINFORCE', 2).variance:.3f}",
        "sharp_value": f"{of_verdict('minus value', 2).variance:.3f}",
        "sharp_best": f"{of_verdict('minus best of prefix', 2).variance:.3f}",
    }


if __name__ == "__main__":
    example_table()
    example_sharp()
