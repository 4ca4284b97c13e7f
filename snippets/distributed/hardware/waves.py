"""Accelerators: a result is cut into tiles, tiles into waves, and the last wave is not full."""

from __future__ import annotations

import math


# --8<-- [start:waves]
def utilization(m: int, n: int, tile: tuple[int, int], units: int) -> tuple[int, float]:
    """Waves of a matmul with an [m, n] result, and the share of its work that is useful.

    Every unit computes one tile at a time, whole, needed or not; a wave ends with its
    slowest tile.
    """
    tiles = math.ceil(m / tile[0]) * math.ceil(n / tile[1])
    waves = math.ceil(tiles / units)
    return waves, m * n / (waves * units * tile[0] * tile[1])


# --8<-- [end:waves]


def example_cliff() -> None:
    """One more row of tiles than an H100 has multiprocessors for."""
    print(
        f"{'rows':>6s}{'tiles':>7s}{'waves':>7s}{'useful':>8s}   128 x 128 tiles, 132 units, n = 1,536"
    )
    for m in (1408, 1409, 1536, 2048, 2816, 2817):
        waves, useful = utilization(m, 1536, (128, 128), 132)
        print(f"{m:6,d}{math.ceil(m / 128) * 12:7d}{waves:7d}{useful:8.0%}")


def example_vocabulary() -> None:
    """GPT-2's vocabulary of 50,257, and the same padded to a multiple of 128."""
    for vocabulary in (50_257, 50_304):
        waves, useful = utilization(1024, vocabulary, (128, 128), 132)
        print(f"vocabulary {vocabulary:,d}: {waves} waves, {useful:.1%} useful")


def facts() -> dict[str, str]:
    """Numbers that the page states about waves."""
    before, after = (utilization(m, 1536, (128, 128), 132) for m in (1408, 1409))
    return {
        "full": f"{before[1]:.0%}",
        "one_more": f"{after[1]:.0%}",
        "slower": f"{after[0] / before[0]:.0f}",
    }


if __name__ == "__main__":
    example_cliff()
    example_vocabulary()
