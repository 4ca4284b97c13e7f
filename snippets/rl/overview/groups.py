"""Leave-one-out: the other replies to the same prompt as baseline, with its exact variance."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.overview.baselines import baselines
from snippets.rl.overview.moments import moments, scores
from snippets.rl.overview.tasks import exact, policy, verdict
from snippets.sequences.language import Policy


# --8<-- [start:leave]
def leave_one_out(rewards: Tensor) -> Tensor:
    """Each reward minus the mean of the others in its group: [..., G]."""
    others = (rewards.sum(-1, keepdim=True) - rewards) / (rewards.shape[-1] - 1)
    return rewards - others


# --8<-- [end:leave]
# --8<-- [start:variance]
def group_variance(policy: Policy, rewards: Tensor, group: int) -> float:
    """Variance of the leave-one-out gradient of one group: rewards [N].

    The gradient is a mean over pairs, half of (difference of rewards) × (difference of scores);
    Hoeffding's formula for such means needs one reply's share and a pair's variance.
    """
    chance = policy.probabilities().detach()
    push = scores(policy).sum(1).flatten(1)  # score of a whole sequence, [N, logits]
    gradient = (chance * rewards) @ push
    away = (rewards - chance @ rewards)[:, None] * push
    single = chance @ (away**2).sum(-1) - (gradient**2).sum()
    gap = (rewards[:, None] - rewards) ** 2 * torch.cdist(push, push) ** 2
    pair = chance @ gap @ chance / 4 - (gradient**2).sum()
    scale = group * (group - 1)
    return ((group - 2) * single / scale + 2 * pair / scale).item()


# --8<-- [end:variance]
def example_groups() -> None:
    """Variance of the average over one group, by its size, for the verdict."""
    model = policy()
    rewards = verdict(model.tokens)
    alone = {n: moments(model, w).variance for n, w in baselines(model, rewards).items()}
    print("replies   no baseline   true mean   leave-one-out   over true mean")
    for group in (2, 4, 8, 16, 64):
        out = group_variance(model, rewards.sum(-1), group)
        plain, mean = alone["REINFORCE"] / group, alone["minus its mean"] / group
        print(f"{group:7d}{plain:14.4f}{mean:12.4f}{out:16.4f}{out / mean:17.3f}")


def overhead(group: int) -> float:
    """What leave-one-out adds to the variance of the true mean, as a share."""
    model = policy()
    rewards = verdict(model.tokens)
    mean = moments(model, baselines(model, rewards)["minus its mean"]).variance
    return group_variance(model, rewards.sum(-1), group) * group / mean - 1


def own_mean_bias(group: int) -> float:
    """Bias if the group's mean includes the reply itself, from all groups of this size."""
    model = policy()
    rewards = verdict(model.tokens).sum(-1)
    members = torch.cartesian_prod(*[torch.arange(len(rewards))] * group)  # [N**G, G]
    chance = model.probabilities().detach()[members].prod(-1)
    own = rewards[members] - rewards[members].mean(-1, keepdim=True)
    push = torch.einsum(
        "g,gi,gik->k", chance, own, scores(model).sum(1).flatten(1)[members]
    )
    truth = exact(model, verdict(model.tokens))
    return ((push / group - truth.flatten()).norm() / truth.norm()).item()


def facts() -> dict[str, str]:
    """What the page says of groups."""
    return {
        "overhead_2": f"{overhead(2):.0%}",
        "overhead_8": f"{overhead(8):.0%}",
        "own_mean_2": f"{own_mean_bias(2):.2f}",
    }


if __name__ == "__main__":
    example_groups()
