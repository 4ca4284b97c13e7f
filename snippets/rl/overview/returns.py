"""Returns: what a token is worth, from rewards and, where these end, from a critic."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.overview.baselines import value
from snippets.rl.overview.moments import Moments, moments
from snippets.rl.overview.tasks import exact, policy, verdict


# --8<-- [start:returns]
def lambda_returns(
    rewards: Tensor, discounts: Tensor, after: Tensor, share: float
) -> Tensor:
    """Reward, then a mix of the critic's word (1 − λ) and of what really followed (λ).

    Args:
        rewards: Reward of each step, [..., T].
        discounts: What a unit of the next step is worth; 0 where an episode ends, [..., T].
        after: The critic's value of the state after each step, [..., T].
        share: λ.
    """
    returns, follow = torch.empty_like(rewards), after[..., -1]
    for t in reversed(range(rewards.shape[-1])):
        mix = (1 - share) * after[..., t] + share * follow
        follow = returns[..., t] = rewards[..., t] + discounts[..., t] * mix
    return returns


def discounted_returns(rewards: Tensor, discounts: Tensor, last: float) -> Tensor:
    """Nothing but what followed; the critic is asked about the state after the last step."""
    return lambda_returns(rewards, discounts, torch.full_like(rewards, last), 1.0)


def episodic_returns(rewards: Tensor, done: Tensor, discount: float) -> Tensor:
    """Several episodes in a row: nothing flows back over the end of one."""
    return discounted_returns(rewards, discount * (1 - done), 0.0)


# --8<-- [end:returns]
def bootstrapped(share: float, quality: float) -> Moments:
    """The verdict's gradient with λ-returns; the critic says `quality` times the value."""
    model = policy()
    rewards = verdict(model.tokens)
    known = quality * value(model, rewards)
    after = torch.cat([known[:, 1:], 0 * known[:, :1]], 1)  # 0 after the end
    worth = lambda_returns(rewards, torch.ones_like(rewards), after, share)
    return moments(model, worth - known)


CRITICS = {"exact": 1.0, "half of it": 0.5, "always 0": 0.0}


def example_critics() -> None:
    """Bias and variance by λ, for three critics."""
    model = policy()
    truth = exact(model, verdict(model.tokens))
    print(f"{'critic':6s}" + "".join(f"{name:>19s}" for name in CRITICS))
    print(f"{'λ':6s}" + f"{'bias':>9s}{'variance':>10s}" * len(CRITICS))
    for share in (0.0, 0.5, 0.9, 1.0):
        rows = [bootstrapped(share, quality) for quality in CRITICS.values()]
        print(f"{share:<6.1f}" + "".join(f"{of.bias(truth):9.2f}{of.variance:10.3f}" for of in rows))  # fmt: skip


def myopic_bias(share: float) -> float:
    """Bias with a critic that says 0, as a share of the gradient."""
    model = policy()
    return bootstrapped(share, 0.0).bias(exact(model, verdict(model.tokens)))


def facts() -> dict[str, str]:
    """What the page says of critics."""
    return {"myopic": f"{myopic_bias(0.9):.2f}"}


if __name__ == "__main__":
    example_critics()
