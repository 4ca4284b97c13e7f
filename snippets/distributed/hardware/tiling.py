"""Accelerators: a matmul in tiles that counts what it moves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


# --8<-- [start:tiled]
def tiled_matmul(a: Matrix, b: Matrix, tile: int, depth: int = 8) -> tuple[Matrix, int]:
    """a @ b by square tiles of the result, and the numbers moved to and from slow memory.

    Fast memory holds one tile of the result, and a strip of each operand, `depth` deep.
    """
    (m, k), n = a.shape, b.shape[1]
    c, moved = np.empty((m, n), np.float32), 0
    for i in range(0, m, tile):
        for j in range(0, n, tile):
            here = np.s_[i : i + tile, j : j + tile]
            total = np.zeros_like(c[here])  # stays in fast memory
            for p in range(0, k, depth):
                strip_a, strip_b = (
                    a[i : i + tile, p : p + depth],
                    b[p : p + depth, j : j + tile],
                )
                moved += strip_a.size + strip_b.size  # two loads
                total += strip_a @ strip_b
            c[here] = total
            moved += total.size  # one store
    return c, moved


# --8<-- [end:tiled]


# --8<-- [start:traffic]
def traffic(m: int, k: int, n: int, tile: int) -> int:
    """Numbers that the tiled matmul moves: each operand once per tile of the other side."""
    return m * k * math.ceil(n / tile) + k * n * math.ceil(m / tile) + m * n


def least_traffic(m: int, k: int, n: int, fast: int) -> float:
    """No schedule moves fewer numbers through a fast memory that holds `fast` of them.

    Source: Smith et al. 2019.
    """
    return 2 * m * k * n / math.sqrt(fast) - 2 * fast


# --8<-- [end:traffic]


def example_tiles() -> None:
    """The same 96 x 96 product with larger and larger tiles."""
    n, rng = 96, np.random.default_rng(0)
    a, b = (rng.standard_normal((n, n), np.float32) for _ in range(2))
    exact = a.astype(np.float64) @ b
    print(
        f"{'tile':>5s}{'moved':>12s}{'FLOP/byte':>11s}{'least, same memory':>20s}{'largest error':>15s}"
    )
    for tile in (1, 8, 16, 32, 96):
        c, moved = tiled_matmul(a, b, tile, depth=1)
        least = max(least_traffic(n, n, n, tile * tile + 2 * tile), 3 * n * n)
        intensity = 2 * n**3 / (4 * moved)
        error = abs(c - exact).max()
        print(f"{tile:5d}{moved:12,d}{intensity:11.2f}{least:20,.0f}{error:15.0e}")


def facts() -> dict[str, str]:
    """Numbers that the page states about tiles."""
    return {
        "tile_128": f"{128 // 2}",
        "naive_ms": f"{2 * traffic(4096, 4096, 4096, 1) / 3.35e12 * 1e3:.0f} ms",
        "tiled_ms": f"{2 * traffic(4096, 4096, 4096, 128) / 3.35e12 * 1e3:.2f} ms",
        "compute_ms": f"{2 * 4096**3 / 989e12 * 1e3:.2f} ms",
    }


if __name__ == "__main__":
    example_tiles()
