"""Attention with heads that share keys and values, and what sharing changes."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from snippets.shapes.models import MODELS, Shape

LLAMA = MODELS["Llama 3 8B"]
TOKENS = 8192


# q: [B, H, S, d]; k, v: [B, K, S, d]; H is a multiple of K.
# --8<-- [start:attend]
def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention in which H/K neighboring query heads share a key/value head."""
    kv_heads, tokens, width = k.shape[1:]
    groups = q.unflatten(1, (kv_heads, -1))  # [B, K, H/K, S, d]
    k, v = k.unsqueeze(2), v.unsqueeze(2)  # [B, K, 1, S, d]
    scores = groups @ k.transpose(-2, -1) / width**0.5  # [B, K, H/K, S, S]
    future = torch.ones(tokens, tokens, dtype=torch.bool, device=q.device).triu(1)
    weights = scores.masked_fill(future, float("-inf")).softmax(-1)
    return (weights @ v).flatten(1, 2)  # [B, H, S, d]


# --8<-- [end:attend]


def tensors(
    heads: int, kv_heads: int, tokens: int, width: int = 16, device: str = "cpu"
) -> tuple[Tensor, Tensor, Tensor]:
    """Random queries, keys and values of one sequence; without numbers on `meta`."""
    generator = None if device == "meta" else torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(1, n, tokens, width, generator=generator, device=device)
        for n in (heads, kv_heads, kv_heads)
    )
    return q, k, v


def projection_parameters(m: Shape) -> int:
    """Weights of the query, key, value and output matrices of one layer, without biases."""
    return 2 * m.hidden * m.head_dim * (m.heads + m.kv_heads)


def stored_numbers(m: Shape) -> int:
    """Numbers of keys and values that one token adds in one layer."""
    return 2 * m.kv_heads * m.head_dim


def counted_flops(m: Shape, tokens: int) -> int:
    """FLOPs of the scores and of the weighted sum in one layer, counted by PyTorch."""
    q, k, v = tensors(m.heads, m.kv_heads, tokens, m.head_dim, device="meta")
    with FlopCounterMode(display=False) as counter:
        attend(q, k, v)
    return counter.get_total_flops()


def decode_intensity(m: Shape, tokens: int = TOKENS, width: int = 2) -> float:
    """FLOPs per byte of keys and values when one token attends to `tokens` cached ones."""
    flops = 4 * m.heads * m.head_dim * tokens  # a multiply and an add, for scores and sum
    return flops / (stored_numbers(m) * tokens * width)


def score_gb(m: Shape, tokens: int, width: int = 2) -> float:
    """Gigabytes of the scores of all heads in one layer."""
    return m.heads * tokens**2 * width / 1e9


def statistic_mb(m: Shape, tokens: int, width: int = 4) -> float:
    """Megabytes of one number for each query and head in one layer."""
    return m.heads * tokens * width / 1e6


def example_variants() -> None:
    """One layer of Llama 3 8B with 32, 8 and 1 key/value heads, and a small one against PyTorch."""
    print(f"{'K':>3s}{'weights':>9s}{'stored':>8s}{'TFLOP':>7s}{'FLOP/byte':>11s}  equal")
    for kv_heads in (32, 8, 1):
        m = replace(LLAMA, kv_heads=kv_heads)
        q, k, v = tensors(m.heads, kv_heads, tokens=24)
        theirs = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        equal = torch.allclose(attend(q, k, v), theirs, atol=1e-6)
        print(
            f"{kv_heads:3d}{projection_parameters(m) / 1e6:8.1f}M{stored_numbers(m):8,d}"
            f"{counted_flops(m, TOKENS) / 1e12:7.2f}{decode_intensity(m):11.0f}  {equal}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about heads and their scores."""
    return {
        "scores_gb": f"{score_gb(LLAMA, TOKENS):.2f} GB",
        "statistic_mb": f"{statistic_mb(LLAMA, TOKENS):.2f} MB",
        "intensity": f"{decode_intensity(LLAMA):.0f}",
    }


if __name__ == "__main__":
    example_variants()
