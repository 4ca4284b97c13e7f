"""Preferences from rewards, rewards of tokens, and the formula for best-of-n."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def bradley_terry(inputs: Inputs, _unit: str) -> float:
    """Chance that the first reply wins."""
    import torch

    from snippets.post_training.rlhf.preferences import wins

    return wins(torch.tensor(float(inputs["reward_gap"])).double()).item()


def token_reward(inputs: Inputs, _unit: str) -> list[float]:
    """Reward of each token of one reply."""
    import torch

    from snippets.post_training.rlhf.tokens import token_rewards

    logps, reference = (torch.tensor([inputs[k]], dtype=torch.float64) for k in ("logp", "ref_logp"))
    score = torch.tensor([float(inputs["score"])], dtype=torch.float64)
    rewards = token_rewards(score, logps, reference, inputs["kl_coeff"], torch.ones_like(logps))
    return rewards[0].tolist()


def bon_kl(inputs: Inputs, _unit: str) -> float:
    """The quoted KL of best-of-n."""
    from snippets.post_training.rlhf.best_of import quoted_kl

    return quoted_kl(inputs["n"])


FAMILIES: dict[str, Adapter] = {"bon-kl": bon_kl, "bradley-terry": bradley_terry, "rlhf-token-reward": token_reward}
