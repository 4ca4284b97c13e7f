"""Overview: returns, and the two losses of a policy-gradient step."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def discounted(inputs: Inputs, _unit: str) -> list[float]:
    """Returns with a discount for each step."""
    import torch

    from snippets.rl.overview.returns import discounted_returns

    rewards, discounts = (torch.tensor(inputs[name], dtype=torch.float64) for name in ("rewards", "discounts"))
    return discounted_returns(rewards, discounts, inputs["bootstrap"]).tolist()


def episodic(inputs: Inputs, _unit: str) -> list[float]:
    """Returns of several episodes in a row."""
    import torch

    from snippets.rl.overview.returns import episodic_returns

    rewards, done = (torch.tensor(inputs[name], dtype=torch.float64) for name in ("rewards", "done"))
    return episodic_returns(rewards, done, inputs["gamma"]).tolist()


def mixed(inputs: Inputs, _unit: str) -> list[float]:
    """λ-returns."""
    import torch

    from snippets.rl.overview.returns import lambda_returns

    names = ("rewards", "discounts", "next_values")
    rewards, discounts, after = (torch.tensor(inputs[name], dtype=torch.float64) for name in names)
    return lambda_returns(rewards, discounts, after, inputs["lam"]).tolist()


def policy_gradient(inputs: Inputs, _unit: str) -> float:
    """The weighted loss of a policy gradient."""
    import torch

    from snippets.rl.overview.losses import policy_loss

    logits, gains, weights = (
        torch.tensor(inputs[name], dtype=torch.float64) for name in ("logits", "advantages", "weights")
    )
    return policy_loss(logits, torch.tensor(inputs["actions"]), gains, weights).item()


def entropy(inputs: Inputs, _unit: str) -> float:
    """The weighted loss of an entropy bonus."""
    import torch

    from snippets.rl.overview.losses import entropy_loss

    logits, weights = (torch.tensor(inputs[name], dtype=torch.float64) for name in ("logits", "weights"))
    return entropy_loss(logits, weights).item()


FAMILIES: dict[str, Adapter] = {
    "discounted-return": discounted,
    "entropy-loss": entropy,
    "episodic-return": episodic,
    "lambda-return": mixed,
    "pg-loss": policy_gradient,
}
