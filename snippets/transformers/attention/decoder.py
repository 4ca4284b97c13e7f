"""A small decoder whose numbers are rounded after each operation, as a low precision stores them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.transformers.attention.heads import attend
from snippets.transformers.attention.splits import even_sizes, split_attention

Cache = list[tuple[Tensor, Tensor]]  # keys and values of each layer
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]  # layer, queries, keys, values
# Sees layer, query, keys, values and output of the last token, and may change the output.
Watch = Callable[[int, Tensor, Tensor, Tensor, Tensor], None]
VOCAB, HIDDEN, WIDTH, HEADS, KV_HEADS, HEAD_DIM = 512, 64, 128, 4, 2, 16


@dataclass(frozen=True)
class Decoder:
    """Random weights of a Llama without positions; matrices are [in, out]."""

    embedding: Tensor  # [V, h]
    layers: list[dict[str, Tensor]]
    head: Tensor  # [h, V]
    dtype: torch.dtype  # in which weights and results are stored; sums are exact to fp64

    def store(self, x: Tensor) -> Tensor:
        """Round to what the precision can hold."""
        return x.to(self.dtype).double()


def decoder(seed: int, dtype: torch.dtype = torch.bfloat16, layers: int = 2) -> Decoder:
    """A decoder with weights drawn from a seed."""
    generator = torch.Generator().manual_seed(seed)

    def matrix(*shape: int) -> Tensor:
        return (0.3 * torch.randn(shape, generator=generator)).to(dtype).double()

    shapes = {
        "q": (HIDDEN, HEADS * HEAD_DIM), "k": (HIDDEN, KV_HEADS * HEAD_DIM),
        "v": (HIDDEN, KV_HEADS * HEAD_DIM), "o": (HEADS * HEAD_DIM, HIDDEN),
        "gate": (HIDDEN, WIDTH), "up": (HIDDEN, WIDTH), "down": (WIDTH, HIDDEN),
    }  # fmt: skip
    blocks = [
        {name: matrix(*shape) for name, shape in shapes.items()} for _ in range(layers)
    ]
    return Decoder(matrix(VOCAB, HIDDEN), blocks, matrix(HIDDEN, VOCAB), dtype)


def norm(x: Tensor) -> Tensor:
    """Root-mean-square normalization."""
    return x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()


# tokens: [B, new]; `past` holds the keys and values of the tokens before them.
def run(
    m: Decoder, tokens: Tensor, past: Cache | None, attention: Attend
) -> tuple[Tensor, Cache]:
    """Logits after the last token, and the keys and values of all tokens."""
    x, kept = m.embedding[tokens], []
    for layer, w in enumerate(m.layers):
        normed = m.store(norm(x))
        q, k, v = (
            m.store(normed @ w[name]).unflatten(-1, (-1, HEAD_DIM)).transpose(1, 2)
            for name in "qkv"
        )  # [B, H, new, d], [B, K, new, d]
        if past:
            k, v = (torch.cat(pair, 2) for pair in zip(past[layer], (k, v), strict=True))
        kept.append((k, v))
        out = m.store(attention(layer, q, k, v)).transpose(1, 2).flatten(2)
        x = m.store(x + m.store(out @ w["o"]))
        normed = m.store(norm(x))
        inner = m.store(F.silu(normed @ w["gate"]) * (normed @ w["up"]))
        x = m.store(x + m.store(inner @ w["down"]))
    return norm(x[:, -1]) @ m.head, kept


def prefill(m: Decoder, tokens: Tensor) -> Cache:
    """Keys and values of all tokens but the last."""
    return run(m, tokens[:, :-1], None, lambda _, q, k, v: attend(q, k, v))[1]


# --8<-- [start:decode]
def decode(
    m: Decoder, tokens: Tensor, past: Cache, splits: int = 1,
    keep: torch.dtype = torch.bfloat16, watch: Watch | None = None,
) -> Tensor:  # fmt: skip
    """Logits after the last token, whose keys are read in `splits` parts: [B, V]."""

    def attention(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        k, v = (y.repeat_interleave(HEADS // KV_HEADS, 1) for y in (k, v))
        out = m.store(split_attention(q, k, v, even_sizes(k.shape[2], splits), keep))
        if watch:
            watch(layer, q, k, v, out)
        return out

    return run(m, tokens[:, -1:], past, attention)[0]


# --8<-- [end:decode]


def prompts(seed: int, count: int = 256, length: int = 32) -> Tensor:
    """Random prompts: [count, length]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(VOCAB, (count, length), generator=generator)
