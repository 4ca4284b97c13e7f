"""Mixture of experts."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.shapes.models import Shape
from snippets.transformers.mixture_of_experts import sizes


def auxiliary(inputs: Inputs, unit: str) -> float:
    """Balancing loss of a router whose choices and probabilities are even, times its coefficient."""
    import torch

    from snippets.transformers.mixture_of_experts.balance import balancing_loss

    experts = inputs["experts"]
    wishes = torch.arange(experts, dtype=torch.float64)
    logits = 1e-9 * torch.stack([wishes.roll(i) for i in range(experts)])  # each expert is first once
    return in_unit(inputs.get("alpha", 1.0) * float(balancing_loss(logits, inputs["top_k"])), unit)


def feed_forward(inputs: Inputs, unit: str) -> list[float]:
    """A dense layer, and a mixture of the same total width: all of it, and what a token meets."""
    d, experts = inputs["d"], inputs["experts"]
    dense = sizes.layer_params(d, inputs["ffn"], 1, 1)[0] - sizes.layer_params(d, 0, 1, 1)[0]
    total, active = sizes.layer_params(d, inputs["moe_ffn"], experts, inputs["top_k"])
    return [dense, total, active]


def parameters(inputs: Inputs, unit: str) -> list[float]:
    """Total and active parameters, embedding and output counted in both."""
    shape = Shape(
        inputs["layers"], inputs["d"], inputs["heads"], inputs["kv"], inputs["head_dim"], 0, inputs["vocab"],
        inputs["experts"], inputs["top_k"], inputs["ffn"], qk_norm=inputs.get("qkn", False),
    )  # fmt: skip
    return list(sizes.advertised(shape))


FAMILIES: dict[str, Adapter] = {"moe-aux": auxiliary, "moe-ffn": feed_forward, "params-moe": parameters}
