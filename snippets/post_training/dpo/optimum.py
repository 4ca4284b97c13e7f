"""From a reward to a policy, and back: what the derivation says, reached by three optimizers."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from snippets.post_training.dpo.losses import cdpo

BETA = 0.5
REWARDS = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0], dtype=torch.float64)
REFERENCE = torch.tensor([0.05, 0.30, 0.40, 0.05, 0.20], dtype=torch.float64)


# --8<-- [start:optimum]
def optimum(rewards: Tensor, reference: Tensor, beta: float) -> Tensor:
    """The policy that maximizes reward minus beta times KL: the reference, tilted by the reward."""
    return torch.softmax(reference.log() + rewards / beta, dim=-1)


def objective(policy: Tensor, rewards: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Expected reward minus beta times the KL to the reference."""
    return (policy * rewards).sum() - beta * (policy * (policy / reference).log()).sum()


def preference_loss(
    policy: Tensor, rewards: Tensor, reference: Tensor, beta: float
) -> Tensor:
    """DPO's expected loss over all pairs, whose winners a Bradley-Terry judge draws."""
    ratios = (policy / reference).log()
    h = ratios.unsqueeze(1) - ratios  # [V, V]: first answer against second
    lost = torch.sigmoid(rewards - rewards.unsqueeze(1))  # the first one loses
    return cdpo(h, beta, lost).sum()


# --8<-- [end:optimum]


def minimize(loss: Callable[[Tensor], Tensor]) -> Tensor:
    """The policy at which PyTorch's L-BFGS ends, from the reference's logits."""
    logits = REFERENCE.log().clone().requires_grad_()
    optimizer = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-16,
                                  line_search_fn="strong_wolfe")  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(logits.softmax(-1))
        value.backward()
        return value

    optimizer.step(closure)
    return logits.detach().softmax(-1)


def by_reward() -> Tensor:
    """Reward minus KL, maximized."""
    return minimize(lambda policy: -objective(policy, REWARDS, REFERENCE, BETA))


def by_preferences() -> Tensor:
    """DPO on every pair; the rewards enter through the labels alone."""
    return minimize(lambda policy: preference_loss(policy, REWARDS, REFERENCE, BETA))


def example_optimum() -> None:
    """Five answers: the closed form, and what two optimizers find."""
    print("reward  reference  closed form  reward - KL  DPO on pairs")
    for row in zip(
        REWARDS,
        REFERENCE,
        optimum(REWARDS, REFERENCE, BETA),
        by_reward(),
        by_preferences(),
        strict=True,
    ):
        reward, reference, closed, tilted, preferred = (value.item() for value in row)
        print(
            f"{reward:6.1f}{reference:11.4f}{closed:13.4f}{tilted:13.4f}{preferred:14.4f}"
        )


def favorite() -> float:
    """Share of the best answer at the optimum."""
    return optimum(REWARDS, REFERENCE, BETA)[0].item()


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {"before": f"{REFERENCE[0].item():.2f}", "favorite": f"{favorite():.3f}"}
