"""Bytes that attention moves, as separate operations and in tiles."""
# /// fieldguide
# timeout_s = 90
# ///

from __future__ import annotations

from functools import cache

import torch
from matplotlib.figure import Figure
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


@cache
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


@cache
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
SIDES = (32, 64, 128, 256)


def example_counts() -> None:
    """One head of GPT-2 medium in bf16: forward, backward and what a tile needs."""
    print(f"{'tile':>9s}{'forward MB':>12s}{'backward MB':>13s}{'fast KiB':>10s}")
    rows = {"none": eager_traffic(*SIZE)}
    rows |= {f"{side}x{side}": tiled_traffic(*SIZE, (side, side)) for side in SIDES}
    for name, counts in rows.items():
        moved = "".join(f"{c.moved / 1e6:12.2f} " for c in counts)
        print(f"{name:>9s}{moved}{counts[0].peak / 1024:9.0f}")


def points() -> dict[int, tuple[float, float]]:
    """Side of a tile: KiB in fast memory, MB that the forward pass moves."""
    counts = {side: tiled_traffic(*SIZE, (side, side))[0] for side in SIDES}
    return {side: (c.peak / 1024, c.moved / 1e6) for side, c in counts.items()}


def figure_moved() -> Figure:
    """Counted traffic of tiles of four sizes, beside that of separate operations."""
    figure = Figure(figsize=(4.8, 3.0), layout="constrained")
    axes = figure.subplots()
    counted, level = points(), eager_traffic(*SIZE)[0].moved / 1e6
    x, y = zip(*counted.values(), strict=True)
    axes.plot(x, y, "o-", color="C1", linewidth=2)
    for side, (kib, mb) in counted.items():
        where, ha = ((-7, -12), "right") if side == SIDES[0] else ((6, 5), "left")
        axes.annotate(
            f"{side} x {side}: {mb:.1f} MB", (kib, mb), where, color="C1",
            textcoords="offset points", ha=ha,
        )  # fmt: skip
    axes.axhline(level, color="C0", linewidth=2)
    axes.annotate(
        f"separate operations: {level:.1f} MB", (x[-1], level), (0, 5), color="C0",
        textcoords="offset points", ha="right",
    )  # fmt: skip
    axes.set(
        xscale="log", yscale="log", xlabel="fast memory in use, KiB", ylabel="MB moved, one head",
        xlim=(5, 1600), ylim=(0.9, 14),
    )  # fmt: skip
    axes.set_xticks([16, 64, 256, 1024], ["16", "64", "256", "1,024"])
    axes.set_yticks([1, 2, 5, 10], ["1", "2", "5", "10"])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def gigabytes(counts: tuple[Traffic, ...], heads: int = 1) -> float:
    """Bytes moved by `heads` equal heads, in both directions."""
    return heads * sum(c.moved for c in counts) / 1e9


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
    return {
        "counted_gb": f"{counted:.1f} GB",
        "extra_flops": f"{extra_flops():.0%}",
        "floor_flash": f"{floor_ms(FLASH_GB, ACCELERATORS['A100'].memory_tb_s):.1f} ms",
    }


if __name__ == "__main__":
    example_counts()
