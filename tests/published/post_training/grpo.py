"""Group advantages, what a token weighs, a reply's ratio, and the penalty for length."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs

WEIGHS = {"sequence-mean": "reply", "token-mean": "token", "constant": "constant"}


def grpo_adv(inputs: Inputs, _unit: str) -> list[list[float]]:
    """Not scaled, by the population's deviation, and by the sample's."""
    import torch

    from snippets.post_training.grpo.losses import advantages

    rewards = torch.tensor(inputs["rewards"], dtype=torch.float64)
    choices: tuple[dict[str, bool], ...] = ({"scale": False}, {"sample": False}, {})
    return [advantages(rewards, len(rewards), **choice, tiny=0.0).tolist() for choice in choices]


def gspo_ratio(inputs: Inputs, _unit: str) -> float:
    """The ratio of a whole reply."""
    import torch

    from snippets.post_training.grpo.losses import ratios

    log = torch.tensor([inputs["log_ratios"]], dtype=torch.float64)
    return ratios(log, torch.zeros_like(log), torch.ones_like(log), sequence=True).item()


def loss_aggregation(inputs: Inputs, _unit: str) -> list[float]:
    """What pulls at one token of each sequence."""
    import torch

    from snippets.post_training.grpo.losses import Recipe, policy_loss

    lengths = torch.tensor(inputs["lengths"])
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).double()
    new = torch.zeros_like(mask, requires_grad=True)
    gain = torch.full((len(mask),), float(inputs["advantage"]), dtype=torch.float64)
    recipe = Recipe(weigh=WEIGHS[inputs["mode"]])
    policy_loss(recipe, new, new.detach(), gain, mask, inputs["max_length"]).backward()
    assert new.grad is not None
    return (-new.grad[:, 0]).tolist()


def overlong(inputs: Inputs, _unit: str) -> list[float]:
    """The penalty of each length."""
    from snippets.post_training.grpo.losses import overlong_penalty

    return [overlong_penalty(n, inputs["max_length"], inputs["cache"]) for n in inputs["lengths"]]


FAMILIES: dict[str, Adapter] = {
    "grpo-adv": grpo_adv,
    "gspo-ratio": gspo_ratio,
    "loss-aggregation": loss_aggregation,
    "overlong-penalty": overlong,
}
