"""How it breaks: a penalty in the loss whose gradient is a score, and nothing else."""

from __future__ import annotations

from torch import Tensor

from snippets.rl.overview.moments import Moments, moments
from snippets.rl.overview.tasks import exact, policy, to_go, verdict
from snippets.sequences.language import Policy

REFERENCE = Policy(policy().language, seed=1)


# --8<-- [start:penalty]
def in_loss(policy: Policy, rewards: Tensor, beta: float) -> Moments:
    """β (log π − log π_ref) added to the loss: its gradient is β times the score."""
    return moments(policy, to_go(rewards) - beta)


def in_reward(policy: Policy, rewards: Tensor, beta: float, other: Policy) -> Moments:
    """The same term subtracted from each token's reward."""
    log_ratio = (policy.logprobs() - other.logprobs()).detach()
    return moments(policy, to_go(rewards - beta * log_ratio))


# --8<-- [end:penalty]
def penalized(beta: float) -> Tensor:
    """Gradient of the expected verdict minus β times the KL divergence, by autograd."""
    model = policy()
    log_ratio = model.logprobs() - REFERENCE.logprobs().detach()
    goal = model.mean(verdict(model.tokens).sum(-1) - beta * log_ratio.sum(-1))
    return model.gradient(goal)


def example_penalty() -> None:
    """Distance of the mean from two gradients, and the variance, by β."""
    model = policy()
    rewards = verdict(model.tokens)
    truth = exact(model, rewards)
    print("           in the loss: bias against            in the reward: bias against")
    print("   β    reward   reward − β KL   variance    reward   reward − β KL   variance")
    for beta in (0.0, 0.1, 0.5, 2.0):
        line = f"{beta:4.1f}"
        for of in (in_loss(model, rewards, beta), in_reward(model, rewards, beta, REFERENCE)):  # fmt: skip
            line += f"{of.bias(truth):10.2f}{of.bias(penalized(beta)):16.2f}{of.variance:11.3f}"  # fmt: skip
        print(line)


def loss_variance(beta: float) -> float:
    """Variance with the penalty in the loss."""
    model = policy()
    return in_loss(model, verdict(model.tokens), beta).variance


def facts() -> dict[str, str]:
    """What the page says of the penalty."""
    return {
        "penalty_none": f"{loss_variance(0.0):.2f}",
        "penalty_two": f"{loss_variance(2.0):.2f}",
    }


if __name__ == "__main__":
    example_penalty()
