"""Expected gradients by enumeration: what λ trades, and where a KL penalty stands."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.rl.ppo.advantages import gae, token_rewards
from snippets.rl.ppo.task import LANGUAGE, in_order, prefix_values
from snippets.sequences.language import Policy

SEEDS, LAMBDAS, ERROR = range(5), (0.0, 0.5, 0.95, 1.0), 0.2


def reply_gradients(policy: Policy, gain: Tensor) -> Tensor:
    """What each reply would add to the gradient, given its tokens' advantages: [N, P, V]."""
    chances = policy.logits.detach().softmax(-1)
    found = torch.zeros(len(policy.tokens), *policy.logits.shape, dtype=torch.float64)
    rows = torch.arange(len(policy.tokens))
    for t in range(policy.tokens.shape[1]):
        before, token = policy.before[:, t], policy.tokens[:, t]
        score = torch.eye(chances.shape[1], dtype=torch.float64)[token] - chances[before]
        found[rows, before] += gain[:, t, None] * score * policy.mask[:, t, None]
    return found


def wrong(values: Tensor, policy: Policy, seed: int, error: float) -> Tensor:
    """The same values with an error of its own for each prefix: [N, T]."""
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(policy.logits), dtype=torch.float64, generator=draw)
    return values + error * noise[policy.before]


# --8<-- [start:bias]
def bias_and_spread(seed: int, lam: float, error: float) -> tuple[float, float]:
    """Of one reply's gradient, relative to the length of the true one."""
    policy = Policy(LANGUAGE, seed)
    worth = in_order(policy.tokens)
    true = policy.gradient(policy.mean(worth))
    values = wrong(prefix_values(policy, worth), policy, seed, error)
    rewards = torch.zeros_like(values)
    rewards[:, -1] = worth
    gain, _ = gae(rewards, values, policy.mask.double(), lam=lam)
    each = reply_gradients(policy, gain)
    mean = policy.mean(each)  # a sum over all replies, not an average of samples
    spread = policy.mean((each - mean).square().flatten(1).sum(1)).sqrt()
    return ((mean - true).norm() / true.norm()).item(), (spread / true.norm()).item()


# --8<-- [end:bias]


@cache
def mean_bias(lam: float, error: float) -> tuple[float, float]:
    """Both, in the mean over the seeds."""
    rows = torch.tensor([bias_and_spread(seed, lam, error) for seed in SEEDS])
    return rows[:, 0].mean().item(), rows[:, 1].mean().item()


def example_lambda() -> None:
    """Bias and spread of one reply's gradient by λ, with exact values and with wrong ones."""
    print("λ       exact values        wrong values")
    print("        bias  spread        bias  spread")
    for lam in LAMBDAS:
        exact, off = mean_bias(lam, 0.0), mean_bias(lam, ERROR)
        print(f"{lam:4.2f}{exact[0]:8.2f}{exact[1]:8.1f}{off[0]:12.2f}{off[1]:8.1f}")


PLACES = ("reward, λ = 1", "reward, λ = 0", "loss")


def penalty_gradient(place: str, policy: Policy, reference: Tensor) -> Tensor:
    """Expected pull of a KL penalty of weight 1, by where it is written: [P, V]."""
    if place == "loss":  # the whole KL in each context that was reached
        own = policy.logits.log_softmax(-1)
        each = (own.exp() * (own - reference)).sum(-1)
        reached = policy.probabilities().detach()[:, None] * policy.mask
        return -policy.gradient((reached * each[policy.before]).sum())
    drawn, then = policy.logprobs().detach(), reference[policy.before, policy.tokens]
    nothing = torch.zeros(len(drawn), dtype=torch.float64)
    rewards = token_rewards(nothing, drawn, then, policy.mask.double(), beta=1.0)
    lam = float(place[-1])
    gain, _ = gae(rewards, torch.zeros_like(rewards), policy.mask.double(), lam=lam)
    return policy.mean(reply_gradients(policy, gain))


def penalty(place: str, seed: int) -> tuple[float, float]:
    """Its cosine to the true pull of the replies' KL, and its length relative to that."""
    policy = Policy(LANGUAGE, seed)
    reference = Policy(LANGUAGE, seed + 100).logits.detach().log_softmax(-1)
    gap = policy.logprobs() - reference[policy.before, policy.tokens] * policy.mask
    true = -policy.gradient(policy.mean(gap.sum(-1)))
    found = penalty_gradient(place, policy, reference)
    cosine = torch.cosine_similarity(found.flatten(), true.flatten(), dim=0)
    return cosine.item(), (found.norm() / true.norm()).item()


def example_penalty() -> None:
    """The pull of a KL penalty by its place, mean over the seeds: cosine to the true one, length."""
    print("KL in the          cosine   length")
    for place in PLACES:
        rows = torch.tensor([penalty(place, seed) for seed in SEEDS]).mean(0)
        print(f"{place:16s}{rows[0]:9.3f}{rows[1]:9.2f}")


def facts() -> dict[str, str]:
    """Numbers of the page about expected gradients."""
    return {
        "bias_low": f"{mean_bias(0.0, ERROR)[0]:.0%}",
        "bias_high": f"{mean_bias(0.95, ERROR)[0]:.0%}",
    }


if __name__ == "__main__":
    example_lambda()
    example_penalty()
