"""Supervised fine-tuning."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs
from snippets.post_training.sft import losses


def dft_loss(inputs: Inputs, unit: str) -> float:
    """Loss of one token in nats, weighted with its own probability."""
    assert unit == "nats"
    return losses.token_loss(inputs["probability"])


FAMILIES: dict[str, Adapter] = {"dft-loss": dft_loss}
