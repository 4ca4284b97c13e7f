"""Rotating the pairs of a head, in the two layouts in which models store them."""

from __future__ import annotations

import torch
from torch import Tensor


# x: [..., S, d] queries or keys; w: d/2 frequencies, or fewer if only a part is rotated.
# --8<-- [start:rotate]
def rotate(x: Tensor, w: list[float], layout: str = "half", scale: float = 1.0) -> Tensor:
    """Turn pair i of the token at position p by the angle p · w[i]."""
    angles = torch.outer(torch.arange(x.shape[-2]), torch.tensor(w))  # [S, pairs]
    cos, sin = angles.cos() * scale, angles.sin() * scale
    turned, rest = x.split([2 * len(w), x.shape[-1] - 2 * len(w)], dim=-1)
    if layout == "half":  # component i with component i + d/2
        a, b = turned.chunk(2, dim=-1)
    else:  # "adjacent": component 2i with component 2i + 1
        a, b = turned[..., 0::2], turned[..., 1::2]
    pairs = (a * cos - b * sin, b * cos + a * sin)
    parts = pairs if layout == "half" else (torch.stack(pairs, -1).flatten(-2),)
    return torch.cat([*parts, rest], dim=-1)


# --8<-- [end:rotate]


# --8<-- [start:permute]
def to_half(weight: Tensor, heads: int) -> Tensor:
    """Reorder the rows of a query or key projection from adjacent pairs to half-split ones."""
    rows = weight.unflatten(0, (heads, -1, 2))  # [heads, d/2, 2, h]
    return rows.transpose(1, 2).reshape(weight.shape)


# --8<-- [end:permute]


def score(q: Tensor, k: Tensor, w: list[float], at: int, distance: int) -> float:
    """Score of a query at position `at` with a key `distance` tokens before it."""
    query = rotate(q.expand(at + 1, -1), w)[at]
    key = rotate(k.expand(at + 1, -1), w)[at - distance]
    return float(query @ key)
