"""Tensor parallelism: a transformer layer, and how its weights are cut."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Queries, keys and values of as many heads as the weights hold."""

    def __init__(self, hidden: int, heads: int, kv_heads: int, dropout: float) -> None:
        super().__init__()
        self.size, self.dropout = hidden // heads, dropout
        self.q = nn.Linear(hidden, hidden)
        self.k = nn.Linear(hidden, kv_heads * self.size)
        self.v = nn.Linear(hidden, kv_heads * self.size)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """x [S, B, H]"""
        return self.out(mix(self.q(x), self.k(x), self.v(x), self.size, self.dropout))


class Mlp(nn.Module):
    """Up, GELU, down."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """x [S, B, H]"""
        return self.down(F.gelu(self.up(x)))


class Layer(nn.Module):
    """The whole layer, as one device has it."""

    def __init__(
        self, hidden: int, heads: int, kv_heads: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attention, self.mlp = Attention(hidden, heads, kv_heads, dropout), Mlp(hidden)

    def forward(self, x: Tensor) -> Tensor:
        """x [S, B, H]"""
        x = x + drop(self.attention(self.norm1(x)), self.dropout)
        return x + drop(self.mlp(self.norm2(x)), self.dropout)


def drop(x: Tensor, rate: float) -> Tensor:
    """Dropout whose mask is a byte per number, as on GPUs."""
    return torch.native_dropout(x, rate, True)[0] if rate else x


def mix(q: Tensor, k: Tensor, v: Tensor, size: int, dropout: float = 0.0) -> Tensor:
    """Attention of the heads in q, k and v [S, B, heads * size], without a causal mask."""
    q, k, v = (t.unflatten(-1, (-1, size)).permute(1, 2, 0, 3) for t in (q, k, v))
    if q.shape[1] != k.shape[1]:  # several query heads share a key-value head
        k, v = (t.repeat_interleave(q.shape[1] // k.shape[1], 1) for t in (k, v))
    scores = (q @ k.transpose(-1, -2) / size**0.5).softmax(-1)  # [B, heads, S, S]
    return (drop(scores, dropout) @ v).permute(2, 0, 1, 3).flatten(-2)


def columns(whole: Tensor, rank: int, ranks: int, heads: int | None = None) -> Tensor:
    """This rank's outputs of a linear layer: rows of PyTorch's [out, in] weight, or of a bias.

    With fewer `heads` than ranks, several ranks hold the same head.
    """
    if heads and heads < ranks:
        rank, ranks = rank // (ranks // heads), heads
    return whole.detach().chunk(ranks, 0)[rank].clone()


def rows(whole: Tensor, rank: int, ranks: int) -> Tensor:
    """This rank's inputs of a linear layer."""
    return whole.detach().chunk(ranks, 1)[rank].clone()
