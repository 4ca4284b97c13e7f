"""Two balancing losses of a library that balance nothing."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import MixtralConfig, MixtralForCausalLM
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from snippets.transformers.mixture_of_experts.balance import balancing_loss


def layer_logits(
    favorites: list[list[int]], tokens: int = 4096, push: float = 6.0
) -> list[Tensor]:
    """Random logits [T, 8] of each layer, its favorite experts pushed up."""
    torch.manual_seed(0)
    layers = [torch.randn(tokens, 8) for _ in favorites]
    for logits, experts in zip(layers, favorites, strict=True):
        logits[:, experts] += push
    return layers


# --8<-- [start:layers]
def both_readings(favorites: list[list[int]]) -> tuple[float, float]:
    """The loss of all layers in one pile, as `transformers` has it, and the mean of the layers' own."""
    layers = layer_logits(favorites)
    piled = load_balancing_loss_func(tuple(layers), num_experts=8, top_k=2)
    own = torch.stack([balancing_loss(logits, k=2) for logits in layers])
    return float(piled), float(own.mean())


# --8<-- [end:layers]


def example_layers() -> None:
    """Four layers of eight experts, two chosen: even, collapsed alike, collapsed on different pairs."""
    print("four layers of 8 experts           one pile   mean of layers")
    collapses: dict[str, list[list[int]]] = {
        "none has favorites": [[], [], [], []],
        "all prefer experts 0 and 1": [[0, 1]] * 4,
        "each prefers another pair": [[0, 1], [2, 3], [4, 5], [6, 7]],
    }
    for name, favorites in collapses.items():
        piled, own = both_readings(favorites)
        print(f"{name:34s}{piled:9.2f}{own:17.2f}")


def training_loss(flag: bool, coefficient: float) -> float:
    """What a tiny Mixtral returns as its loss."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_local_experts": 8,
    }
    config = MixtralConfig(
        vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        router_aux_loss_coef=coefficient, output_router_logits=flag, **sizes,
    )  # fmt: skip
    tokens = torch.randint(96, (1, 64), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return float(MixtralForCausalLM(config)(tokens, labels=tokens).loss)


def example_flag() -> None:
    """The loss of one model and one batch under two coefficients and both flags."""
    print("coefficient   output_router_logits    loss")
    for flag in (False, True):
        for coefficient in (0.0, 10.0):
            print(
                f"{coefficient:11.0f}{flag!s:>23s}{training_loss(flag, coefficient):8.3f}"
            )


if __name__ == "__main__":
    example_layers()
    example_flag()
