"""A checkpoint in one layout of pairs, loaded by code that rotates the other."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from snippets.transformers.position_encoding.rotation import to_half

HEADS, KV_HEADS, HEAD_DIM = 4, 2, 16


def llama() -> LlamaForCausalLM:
    """A Llama of two layers with random weights, large enough to attend."""
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=128, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS, head_dim=HEAD_DIM, initializer_range=0.3,
    )).eval()  # fmt: skip


# --8<-- [start:convert]
def converted(weights: dict[str, Tensor], key_heads: int = KV_HEADS) -> dict[str, Tensor]:
    """A checkpoint with adjacent pairs, reordered for code that splits heads in halves."""
    heads = {"q_proj": HEADS, "k_proj": key_heads}
    return {
        name: to_half(w, heads[part]) if (part := name.split(".")[-2]) in heads else w
        for name, w in weights.items()
    }


# --8<-- [end:convert]


def adjacent(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the authors would have published, had they trained this model with adjacent pairs."""
    heads = {"q_proj": HEADS, "k_proj": KV_HEADS}
    return {
        name: w.unflatten(0, (heads[part], 2, -1)).transpose(1, 2).reshape(w.shape)
        if (part := name.split(".")[-2]) in heads else w
        for name, w in weights.items()
    }  # fmt: skip


def tokens(length: int = 96) -> Tensor:
    """A prompt of random tokens: [1, length]."""
    return torch.randint(0, 128, (1, length), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def log_probabilities(weights: dict[str, Tensor]) -> Tensor:
    """Predictions of the library's model with these weights: [S, V]."""
    model = llama()
    model.load_state_dict(weights, strict=True)  # raises if a name or a shape is unexpected
    return model(tokens()).logits[0].log_softmax(-1)


def divergence(weights: dict[str, Tensor]) -> Tensor:
    """Distance of each position's prediction from the right one, in nats: [S]."""
    right, got = log_probabilities(llama().state_dict()), log_probabilities(weights)
    return (right.exp() * (right - got)).sum(-1)


def example_loading() -> None:
    """Divergence by position, for a checkpoint loaded as it is, and converted in two ways."""
    published = adjacent(llama().state_dict())
    print("position               0        1   2 to 7  8 to 95")
    for name, weights in (
        ("as published", published),
        ("converted", converted(published)),
        ("keys by 4 heads", converted(published, key_heads=HEADS)),
    ):
        kl = divergence(weights).clamp(min=0)
        row = (kl[0], kl[1], kl[2:8].mean(), kl[8:].mean())
        print(f"{name:15s}" + "".join(f"{float(x):9.3f}" for x in row))


if __name__ == "__main__":
    example_loading()
