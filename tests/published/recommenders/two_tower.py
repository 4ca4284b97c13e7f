"""The correction of a sampled softmax."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def logq(inputs: Inputs, unit: str) -> float:
    """A logit minus the logarithm of the probability with which its item is sampled."""
    import torch

    from snippets.recommenders.two_tower.losses import corrected

    scores = torch.tensor([[float(inputs["logit"])]], dtype=torch.float64)
    probability = torch.tensor([float(inputs["sampling_probability"])], dtype=torch.float64)
    return corrected(scores, probability.log()).item()


FAMILIES: dict[str, Adapter] = {"logq": logq}
