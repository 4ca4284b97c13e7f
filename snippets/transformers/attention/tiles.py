"""Attention tile by tile, forward and backward, without ever holding a matrix of scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

Tile = tuple[int, int]  # queries and keys of a tile
State = tuple[Tensor, Tensor, Tensor]


# scores: [r, c]; v: [c, d]. The state holds the maximum [r, 1], the sum [r, 1] and the
# output before its division [r, d]. Source: Milakov and Gimelshein 2018; Dao 2023.
# --8<-- [start:absorb]
def absorb(state: State, scores: Tensor, v: Tensor) -> State:
    """Take one more tile of keys into the running maximum, sum and output."""
    m, z, o = state
    m_new = torch.maximum(m, scores.amax(-1, keepdim=True))
    shrink = (m - m_new).exp()
    weights = (scores - m_new).exp()
    return m_new, shrink * z + weights.sum(-1, keepdim=True), shrink * o + weights @ v


# --8<-- [end:absorb]


# q: [r, d], k: [c, d]; their first rows stand at positions `top` and `left`.
def tile_scores(q: Tensor, k: Tensor, top: int, left: int, causal: bool) -> Tensor:
    """Scores of one tile; minus infinity where the key is later than the query."""
    scores = q @ k.T * q.shape[-1] ** -0.5
    if causal and left + len(k) - 1 > top:  # the tile touches the diagonal
        i, j = torch.arange(top, top + len(q)), torch.arange(left, left + len(k))
        scores = scores.masked_fill(j > i.unsqueeze(1), float("-inf"))
    return scores


# q, k, v: [S, d], one head. `clone` loads a tile into fast memory, `copy_` stores one.
# --8<-- [start:forward]
def forward(
    q: Tensor, k: Tensor, v: Tensor, tile: Tile, causal: bool = True
) -> tuple[Tensor, Tensor]:
    """The output and the log-sum-exp of each query."""
    out, lse = torch.empty_like(q), torch.empty_like(q[:, :1])  # [S, d], [S, 1]
    for top in range(0, len(q), tile[0]):
        rows = slice(top, top + tile[0])
        q_i = q[rows].clone()
        m = torch.full_like(q_i[:, :1], float("-inf"))
        state = m, torch.zeros_like(m), torch.zeros_like(q_i)
        end = min(top + len(q_i), len(k)) if causal else len(k)
        for left in range(0, end, tile[1]):  # tiles after the diagonal are skipped
            columns = slice(left, left + tile[1])
            k_j, v_j = k[columns].clone(), v[columns].clone()
            state = absorb(state, tile_scores(q_i, k_j, top, left, causal), v_j)
        m, z, o = state
        out[rows].copy_(o / z)
        lse[rows].copy_(m + z.log())
    return out, lse


# --8<-- [end:forward]


# grad: [S, d], the gradient of the output. Source: Dao 2023, algorithm 2.
# --8<-- [start:backward]
def backward(
    q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, grad: Tensor,
    tile: Tile, causal: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The gradients of queries, keys and values."""
    dq, dk, dv = torch.empty_like(q).zero_(), torch.empty_like(k), torch.empty_like(v)
    delta = torch.empty_like(lse)  # [S, 1]
    for top in range(0, len(q), tile[0]):
        rows = slice(top, top + tile[0])
        delta[rows].copy_((grad[rows].clone() * out[rows].clone()).sum(-1, keepdim=True))
    for left in range(0, len(k), tile[1]):
        columns = slice(left, left + tile[1])
        k_j, v_j = k[columns].clone(), v[columns].clone()
        dk_j, dv_j = torch.zeros_like(k_j), torch.zeros_like(v_j)
        for top in range(left // tile[0] * tile[0] if causal else 0, len(q), tile[0]):
            rows = slice(top, top + tile[0])
            q_i, grad_i = q[rows].clone(), grad[rows].clone()
            p = (tile_scores(q_i, k_j, top, left, causal) - lse[rows].clone()).exp()
            ds = p * (grad_i @ v_j.T - delta[rows].clone()) * q.shape[-1] ** -0.5
            dv_j, dk_j = dv_j + p.T @ grad_i, dk_j + ds.T @ q_i
            dq[rows].add_(ds @ k_j)
        dk[columns].copy_(dk_j)
        dv[columns].copy_(dv_j)
    return dq, dk, dv


# --8<-- [end:backward]


def tensors(
    tokens: int, width: int = 16, dtype: torch.dtype = torch.float32
) -> list[Tensor]:
    """Random queries, keys, values and output gradients of one head."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(tokens, width, generator=generator, dtype=dtype) for _ in range(4)]


def autograd(
    q: Tensor, k: Tensor, v: Tensor, grad: Tensor, causal: bool = True
) -> list[Tensor]:
    """Output and gradients of PyTorch's own attention."""
    leaves = [x[None].clone().requires_grad_() for x in (q, k, v)]
    out = F.scaled_dot_product_attention(leaves[0], leaves[1], leaves[2], is_causal=causal)
    gradients = torch.autograd.grad(out, leaves, grad[None])
    return [x[0] for x in (out.detach(), *gradients)]


def difference(tile: Tile, tokens: int) -> list[float]:
    """Largest difference from PyTorch of the output and of the gradients of q, k and v."""
    q, k, v, grad = tensors(tokens, dtype=torch.float64)
    out, lse = forward(q, k, v, tile)
    ours = [out, *backward(q, k, v, out, lse, grad, tile)]
    theirs = autograd(q, k, v, grad)
    return [(a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True)]


def tile_flops(tokens: int, width: int, tile: Tile, causal: bool) -> tuple[int, int]:
    """FLOPs of the matrix products, forward and forward with backward, counted by PyTorch."""
    q, k, v, grad = tensors(tokens, width)
    with FlopCounterMode(display=False) as counter:
        out, lse = forward(q, k, v, tile, causal)
        first = counter.get_total_flops()
        backward(q, k, v, out, lse, grad, tile, causal)
    return first, counter.get_total_flops()


def example_same() -> None:
    """100 tokens in tiles of several shapes, in double precision, against autograd."""
    print(f"{'tile':>9s}{'output':>9s}{'dq':>7s}{'dk':>7s}{'dv':>7s}{'FLOPs':>8s}")
    whole = tile_flops(100, 16, (100, 100), causal=True)[1]
    for tile in ((16, 16), (32, 8), (8, 32), (24, 40), (100, 100)):
        equal = "".join(f"{e < 1e-13!s:>7s}" for e in difference(tile, 100))
        share = tile_flops(100, 16, tile, causal=True)[1] / whole
        print(f"{tile[0]:4d}x{tile[1]:<4d}  {equal}{share:8.0%}")


if __name__ == "__main__":
    example_same()
