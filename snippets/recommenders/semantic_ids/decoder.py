"""A tiny decoder that writes the codes of the next title, one level after the other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


# --8<-- [start:attend]
def attend(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | float = 0.0
) -> Tensor:
    """Attention with one head: each query's average of the values, weighted by its match."""
    match = queries @ keys.transpose(-1, -2) / keys.shape[-1] ** 0.5 + mask
    return match.softmax(-1) @ values


class Block(nn.Module):
    """Codes look at the codes before them, then at the history."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own, self.own_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.ask, self.past = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.past_out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(self, x: Tensor, history: Tensor) -> Tensor:
        """`x` are codes [B, W, n, h], `history` is [B, 1, S, h]: [B, W, n, h]."""
        later = torch.full((x.shape[-2],) * 2, float("-inf")).triu(1)
        queries, keys, values = self.own(self.norms[0](x)).chunk(3, -1)
        x = x + self.own_out(attend(queries, keys, values, later))
        keys, values = self.past(history).chunk(2, -1)
        x = x + self.past_out(attend(self.ask(self.norms[1](x)), keys, values))
        return x + self.down(F.gelu(self.up(self.norms[2](x))))


# --8<-- [end:attend]
class Decoder(nn.Module):
    """Logits of each level's code, given a history of titles and the codes before it."""

    def __init__(self, levels: int, size: int, width: int = 32) -> None:
        super().__init__()
        self.levels, self.size = levels, size
        self.codes = nn.Embedding(
            levels * size, width
        )  # a vector for each code of each level
        self.places = nn.Parameter(0.3 * torch.randn(levels, width))
        self.block = Block(width)
        self.out = nn.Parameter(0.1 * torch.randn(levels, width, size))
        nn.init.normal_(self.codes.weight, std=0.3)

    def embed(self, codes: Tensor) -> Tensor:
        """One vector a code: [..., l] to [..., l, h]."""
        vectors: Tensor = self.codes(codes + self.size * torch.arange(codes.shape[-1]))
        return vectors

    def forward(self, history: Tensor, before: Tensor) -> Tensor:
        """`history` [B, S, q], `before` holds W beginnings of l codes [B, W, l]: [B, W, l + 1, A]."""
        past = self.embed(history).sum(-2)[:, None]  # a title is the sum of its codes
        start = F.pad(self.embed(before), (0, 0, 1, 0))
        n = start.shape[-2]
        x = self.block(start + self.places[:n], past)
        return torch.einsum("bwlh,lha->bwla", x, self.out[:n])
