"""Model serving: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

import math
import random
from typing import Annotated


def play(
    rate: float,
    size: int,
    window: float,
    fixed: float,
    per_row: float,
    requests: int = 4000,
) -> tuple[list[float], int, float]:
    """Latencies in ms, calls and busy share of one model instance; times in ms, rate per second."""
    rng, at = random.Random(0), 0.0
    due = [at := at + rng.expovariate(rate / 1e3) for _ in range(requests)]
    times, calls, busy, free, i = [], 0, 0.0, 0.0, 0
    while i < requests:
        picked, j = max(due[i], free), i + 1
        while j < min(i + size, requests) and due[j] <= max(picked, due[i] + window):
            j += 1
        full = j - i == size
        start = max(picked, due[j - 1] if full else due[i] + window)
        free = start + fixed + per_row * (j - i)
        times += [free - arrived for arrived in due[i:j]]
        calls, busy, i = calls + 1, busy + free - start, j
    return sorted(times), calls, busy / free


def dynamic_batching(
    rate: Annotated[float, "req/s", (0.1, 1_000_000.0)] = 1000.0,
    size: Annotated[int, "rows", (1, 4096)] = 64,
    window: Annotated[float, "ms", (0.0, 10_000.0)] = 5.0,
    fixed: Annotated[float, "ms", (0.001, 10_000.0)] = 2.0,
    per_row: Annotated[float, "ms", (0.0, 10_000.0)] = 0.1,
) -> dict[str, object]:
    """How long do requests wait, and how busy is the model, at this size and window?

    Args:
        rate: Arrivals, $\\lambda$. At random, one row each.
        size: Largest batch, $B$.
        window: Length of the window, $W$. The oldest row waits so long for company.
        fixed: Cost of a call, $a$. Whatever its size.
        per_row: Cost of a row, $b$.
    """
    most = size / (fixed + per_row * size) * 1e3
    if rate >= most:
        raise ValueError(
            f"{rate:g} requests a second are more than the {most:,.0f} of full batches."
        )
    times, calls, busy = play(rate, size, window, fixed, per_row)
    own = rate * fixed / (1e3 - rate * per_row)
    curve = [most * share for share in (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95)]

    def rank(ordered: list[float], share: float) -> float:
        return ordered[math.ceil(share * len(ordered)) - 1]

    def tail(at: float, wait: float) -> float:
        return rank(play(at, size, wait, fixed, per_row, 1500)[0], 0.99)

    return {
        "99th percentile of the latency (p99)": f"{rank(times, 0.99):,.1f} ms",
        "median latency (p50)": f"{rank(times, 0.5):,.1f} ms",
        "rows per call": f"{len(times) / calls:,.1f}",
        "model busy": f"{busy:.0%}",
        "most with full batches": f"{most:,.0f} req/s",
        "most one at a time": f"{1e3 / (fixed + per_row):,.0f} req/s",
        "batch without any window": f"{max(1.0, own):,.1f} rows" if own < size else "full",
        "lines": {
            "x": "requests a second", "y": "p99, ms", "log": "xy",
            "series": {
                "no window": [(at, tail(at, 0.0)) for at in curve],
                "your window": [(at, tail(at, window)) for at in curve],
            },
            "points": {"yours": (rate, rank(times, 0.99))},
        },
        "unused": ["window"] if size == 1 else [],
    }  # fmt: skip
