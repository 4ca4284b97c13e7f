"""Bytes that attention moves, as separate operations and in tiles."""

# /// fieldguide
# timeout_s = 90
# ///

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from snippets.shapes.accelerators import ACCELERATORS
from snippets.transformers.attention.instrument import Traffic
from snippets.transformers.attention.tiles import Tile, backward, forward, tile_flops


# q: [S, d]. Nothing in it says how many bytes it moves.
# --8<-- [start:eager]
def eager(q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Attention as separate operations: scores, mask, softmax, weighted sum."""
    scores = (q * q.shape[-1] ** -0.5) @ k.T  # [S, S]
    if hidden is not None:
        scores = scores.masked_fill(hidden, float("-inf"))
    return scores.softmax(-1) @ v


# --8<-- [end:eager]


def inputs(tokens: int, width: int, dtype: torch.dtype) -> list[Tensor]:
    """Queries, keys, values and output gradients of one head, whatever their values."""
    return [torch.ones(tokens, width, dtype=dtype) for _ in range(4)]


def eager_traffic(
    tokens: int, width: int, dtype: torch.dtype = torch.bfloat16, padding: bool = False
) -> tuple[Traffic, Traffic]:
    """Counts of one head, forward and backward; `padding` adds a mask of hidden keys."""
    q, k, v, grad = inputs(tokens, width, dtype)
    hidden = torch.arange(tokens) == tokens - 1 if padding else None
    for x in (q, k, v):
        x.requires_grad_()
    with Traffic() as first:
        out = eager(q, k, v, hidden)
    with Traffic() as second:
        torch.autograd.grad(out, (q, k, v), grad)
    return first, second


def tiled_traffic(
    tokens: int, width: int, tile: Tile, dtype: torch.dtype = torch.bfloat16
) -> tuple[Traffic, Traffic]:
    """Counts of one head in tiles without a mask, forward and backward."""
    q, k, v, grad = inputs(tokens, width, dtype)
    with Traffic() as first, first.kernel():
        out, lse = forward(q, k, v, tile, causal=False)
    with Traffic() as second, second.kernel():
        backward(q, k, v, out, lse, grad, tile, causal=False)
    return first, second


FLASH_GB = 4.4  # read and written by FlashAttention: Dao et al. 2022, figure 2
SIZE = (1024, 64)  # tokens and head width of GPT-2 medium


def example_counts() -> None:
    """One head of GPT-2 medium in bf16: forward, backward and what a tile needs."""
    print(f"{'tile':>9s}{'forward MB':>12s}{'backward MB':>13s}{'fast KiB':>10s}")
    rows = {"none": eager_traffic(*SIZE)}
    for tile in ((32, 32), (64, 64), (128, 128), (256, 256)):
        rows[f"{tile[0]}x{tile[1]}"] = tiled_traffic(*SIZE, tile)
    for name, counts in rows.items():
        moved = "".join(f"{(c.read + c.written) / 1e6:12.2f} " for c in counts)
        print(f"{name:>9s}{moved}{counts[0].peak / 1024:9.0f}")


def gigabytes(counts: tuple[Traffic, ...], heads: int = 1) -> float:
    """Bytes moved by `heads` equal heads, in both directions."""
    return heads * sum(c.read + c.written for c in counts) / 1e9


HEADS = 16 * 64  # of GPT-2 medium, in a batch of 64


def extra_flops(tokens: int = 64, width: int = 16, tile: Tile = (16, 16)) -> float:
    """Share of FLOPs that tiles compute again, forward and backward, counted by PyTorch."""
    q, k, v, grad = inputs(tokens, width, torch.float32)
    leaves = [x.requires_grad_() for x in (q, k, v)]
    with FlopCounterMode(display=False) as counter:
        torch.autograd.grad(eager(*leaves), leaves, grad)
    return tile_flops(tokens, width, tile, causal=False)[1] / counter.get_total_flops() - 1


def floor_ms(moved_gb: float, bandwidth_tb_s: float) -> float:
    """Least time to move that many gigabytes."""
    return moved_gb / bandwidth_tb_s


def facts() -> dict[str, str]:
    """Numbers that the page states about traffic."""
    counted = gigabytes(eager_traffic(*SIZE, padding=True), HEADS)
    a100 = ACCELERATORS["A100"].memory_tb_s
    return {
        "counted_gb": f"{counted:.1f} GB",
        "extra_flops": f"{extra_flops():.0%}",
        "floor_flash": f"{floor_ms(FLASH_GB, a100):.1f} ms",
    }


if __name__ == "__main__":
    example_counts()
