"""Generalized advantages, and the clipped objective of a token and of a batch."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def gae_advantages(inputs: Inputs, _unit: str) -> list[float]:
    """Advantages of one trajectory, whose last value stands for what follows."""
    import torch

    from snippets.rl.ppo.advantages import gae

    rewards, values = (torch.tensor([inputs[k]], dtype=torch.float64) for k in ("rewards", "values"))
    own, (gamma,) = torch.ones_like(rewards), set(inputs["discounts"])
    return gae(rewards, values[:, :-1], own, gamma, inputs["lam"], last=values[:, -1])[0][0].tolist()


def gae_lm(inputs: Inputs, _unit: str) -> list[float]:
    """Value targets of one reply."""
    import torch

    from snippets.rl.ppo.advantages import gae

    rewards, values = (torch.tensor([inputs[k]], dtype=torch.float64) for k in ("rewards", "values"))
    return gae(rewards, values, torch.ones_like(rewards), inputs["gamma"], inputs["lam"])[1][0].tolist()


def gae_returns(inputs: Inputs, _unit: str) -> list[float]:
    """Value targets of episodes in a row, each of which ends where `terminated` says."""
    import torch

    from snippets.rl.ppo.advantages import gae

    ends = [i + 1 for i, end in enumerate(inputs["terminated"]) if end]
    found: list[float] = []
    for start, end in zip([0, *ends], ends, strict=False):
        rewards = torch.tensor([inputs["rewards"][start:end]], dtype=torch.float64)
        values = torch.tensor([[0, *inputs["next_values"][start : end - 1]]], dtype=torch.float64)
        _, targets = gae(rewards, values, torch.ones_like(rewards), inputs["gamma"], inputs["lam"])
        found += targets[0].tolist()
    return found


def ppo_clip(inputs: Inputs, _unit: str) -> float:
    """The loss of one token."""
    import torch

    from snippets.rl.ppo.surrogate import policy_loss

    ratio, gain = (torch.tensor([inputs[k]], dtype=torch.float64) for k in ("ratio", "advantage"))
    one = torch.ones_like(ratio)
    return policy_loss(ratio.log(), torch.zeros_like(ratio), gain, one, inputs["epsilon"]).item()


def ppo_surrogate(inputs: Inputs, _unit: str) -> float:
    """The loss of a batch of actions, from logits."""
    import torch

    from snippets.rl.ppo.surrogate import policy_loss

    rows = torch.arange(len(inputs["actions"]))
    new, old = (
        torch.tensor(inputs[k], dtype=torch.float64).log_softmax(-1)[rows, inputs["actions"]]
        for k in ("logits", "old_logits")
    )
    gain = torch.tensor(inputs["advantages"], dtype=torch.float64)
    return policy_loss(new, old, gain, torch.ones_like(gain), inputs["epsilon"]).item()


FAMILIES: dict[str, Adapter] = {
    "gae": gae_advantages,
    "gae-lm": gae_lm,
    "gae-returns": gae_returns,
    "ppo-clip": ppo_clip,
    "ppo-surrogate": ppo_surrogate,
}
