"""Leave-one-out advantages, and the updates that one rollout feeds."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def rloo_adv(inputs: Inputs, _unit: str) -> list[float]:
    """Reward minus the mean of the others."""
    import torch

    from snippets.rl.grpo.estimators import RECIPES, advantages

    return advantages(torch.tensor(inputs["rewards"], dtype=torch.float64), RECIPES["RLOO"]).tolist()


def updates(inputs: Inputs, _unit: str) -> int:
    """Updates from one rollout whose replies are used once."""
    from snippets.rl.grpo.steps import updates_per_rollout

    return updates_per_rollout(inputs["prompts"], inputs["group"], inputs["mini_batch"])


FAMILIES: dict[str, Adapter] = {"rloo-adv": rloo_adv, "updates-per-rollout": updates}
