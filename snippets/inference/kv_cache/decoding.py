"""Decode with a KV cache, and prove that it changes nothing but the work."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


# q: [B, H, new, d], queries from `first_position` on, which is S - new if all is well.
# k, v: [B, H, S, d], keys and values at positions 0 .. S - 1.
# --8<-- [start:attend]
def attend(q: Tensor, k: Tensor, v: Tensor, first_position: int) -> Tensor:
    """Causal attention of the newest queries over all keys so far."""
    positions = first_position + torch.arange(q.shape[2])  # [new]
    seen = torch.arange(k.shape[2]) <= positions.unsqueeze(1)  # [new, S]
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # [B, H, new, S]
    return scores.masked_fill(~seen, float("-inf")).softmax(-1) @ v


# --8<-- [end:attend]


# --8<-- [start:decode]
def decode(q: Tensor, k: Tensor, v: Tensor, chunk: int) -> Tensor:
    """Feed the sequence `chunk` tokens at a time, keeping keys and values."""
    outputs, cached_k, cached_v = [], k[:, :, :0], v[:, :, :0]
    for start in range(0, q.shape[2], chunk):
        new = slice(start, start + chunk)
        cached_k = torch.cat([cached_k, k[:, :, new]], dim=2)
        cached_v = torch.cat([cached_v, v[:, :, new]], dim=2)
        outputs.append(attend(q[:, :, new], cached_k, cached_v, first_position=start))
    return torch.cat(outputs, dim=2)


# --8<-- [end:decode]


def tensors(tokens: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Random queries, keys and values: B=1, H=2, d=8."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 2, tokens, 8, generator=generator) for _ in range(3))
    return q, k, v


def example_same() -> None:
    """Chunked decoding against one full pass of PyTorch's own attention."""
    q, k, v = tensors()
    full = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    for chunk in (1, 4, 12):
        error = (decode(q, k, v, chunk) - full).abs().max().item()
        print(f"chunks of {chunk:2d}: equal to the full pass: {error < 1e-6}")


if __name__ == "__main__":
    example_same()
