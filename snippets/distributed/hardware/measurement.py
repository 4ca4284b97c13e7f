"""Accelerators: the roofline of the machine that runs this file, measured with PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Least time of several runs, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


# --8<-- [start:measure]
def measure(batches: tuple[int, ...], width: int = 4096) -> list[tuple[int, float, float]]:
    """Intensity and achieved GFLOP/s of [batch, width] @ [width, width] in fp32."""
    weights, points = torch.randn(width, width), []
    for batch in batches:
        x = torch.randn(batch, width)
        spent = seconds(partial(torch.matmul, x, weights))
        moved = 4 * (2 * x.numel() + weights.numel())
        points.append(
            (batch, 2 * batch * width**2 / moved, 2 * batch * width**2 / spent / 1e9)
        )
    return points


# --8<-- [end:measure]


def example_measured() -> None:
    """One thread of this processor: where its own ridge lies."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("rows  FLOP/byte  GFLOP/s")
    for batch, intensity, rate in measure((1, 4, 16, 64, 256)):
        print(f"{batch:4d} {intensity:10.1f} {rate:8.1f}  # measured")


if __name__ == "__main__":
    example_measured()
