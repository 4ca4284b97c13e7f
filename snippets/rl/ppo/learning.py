"""PPO from the parts of the page, with a critic and sampled replies, on the task of sixty-four replies."""

# /// fieldguide
# tolerance.curve = {rel = 0.05, abs = 0.02, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from snippets.rl.ppo.advantages import gae, token_rewards
from snippets.rl.ppo.surrogate import policy_loss, value_loss
from snippets.rl.ppo.task import LANGUAGE, in_order
from snippets.sequences.language import Policy

SEEDS, ROUNDS, REPLIES, PASSES, BETA, RATE = range(5), 20, 32, 4, 0.1, 0.1


# --8<-- [start:round]
def ppo_round(
    policy: Policy, critic: nn.Parameter, reference: Tensor,
    optimizer: torch.optim.Optimizer, draw: torch.Generator,
) -> None:  # fmt: skip
    """Draws replies, looks back once, and updates policy and critic several times."""
    drawn = policy.sample(REPLIES, draw)
    mask, before = policy.mask[drawn].double(), policy.before[drawn]
    old, guessed = policy.logprobs()[drawn].detach(), critic[before].detach()
    score = in_order(policy.tokens[drawn])
    rewards = token_rewards(score, old, reference[drawn], mask, BETA)
    gain, targets = gae(rewards, guessed, mask, lam=0.95)
    for _ in range(PASSES):
        loss = policy_loss(policy.logprobs()[drawn], old, gain, mask)
        loss = loss + value_loss(critic[before], guessed, targets, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# --8<-- [end:round]


def right_and_goal(policy: Policy, reference: Tensor) -> tuple[float, float]:
    """Share of right replies, and that share less the penalized KL: exact."""
    with torch.no_grad():
        right = policy.mean(in_order(policy.tokens)).item()
        kl = policy.mean((policy.logprobs() - reference).sum(-1)).item()
    return right, right - BETA * kl


def best_goal(seed: int) -> float:
    """The largest goal that any policy reaches: β log E exp(score / β) under the reference."""
    start = Policy(LANGUAGE, seed)
    with torch.no_grad():
        return BETA * start.mean((in_order(start.tokens) / BETA).exp()).log().item()


@cache
def curve(seed: int) -> list[tuple[float, float]]:
    """Share right and goal, before training and after each round."""
    policy = Policy(LANGUAGE, seed)
    reference, critic = (
        policy.logprobs().detach(),
        nn.Parameter(torch.zeros(len(policy.logits)).double()),
    )
    optimizer = torch.optim.Adam([policy.logits, critic], lr=RATE)
    draw, found = torch.Generator().manual_seed(seed), [right_and_goal(policy, reference)]
    for _ in range(ROUNDS):
        ppo_round(policy, critic, reference, optimizer, draw)
        found.append(right_and_goal(policy, reference))
    return found


def over_seeds(rounds: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of both."""
    rows = torch.tensor([curve(seed)[rounds] for seed in SEEDS], dtype=torch.float64)
    return rows.mean(0), rows.std(0)


def example_curve() -> None:
    """Share of right replies and goal by rounds, mean ± deviation over five seeds."""
    print("rounds      right replies   with the penalty")
    for rounds in (0, 5, 10, 20):
        mean, width = over_seeds(rounds)
        print(
            f"{rounds:6d}{mean[0]:13.2f} ± {width[0]:.2f}{mean[1]:12.2f} ± {width[1]:.2f}"
        )
    best = torch.tensor([best_goal(seed) for seed in SEEDS])
    print(f"exact optimum {best.mean():26.2f} ± {best.std():.2f}")


def facts() -> dict[str, str]:
    """Numbers of the page about learning."""
    return {
        "right_before": f"{over_seeds(0)[0][0]:.0%}",
        "right_after": f"{over_seeds(ROUNDS)[0][0]:.0%}",
    }


if __name__ == "__main__":
    example_curve()
