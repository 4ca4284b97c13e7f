"""Collectives: the calculators of the page. Standard library only, so that they also run in a browser."""

from __future__ import annotations

from typing import Annotated

from snippets.distributed.collectives.cost import (
    bandwidths,
    crossover,
    ring_seconds,
    tree_seconds,
)
from snippets.distributed.collectives.steps import held, ring

NAMES = {"A": "sent, to be added", "K": "sent, to be kept"}


def ring_steps(
    ranks: Annotated[int, "", (2, 8)] = 4,
    steps: Annotated[int, "", (0, 14)] = 4,
    size: Annotated[float, "MB", (0.001, 100_000.0)] = 100.0,
) -> dict[str, object]:
    """Which chunk is where in a ring all-reduce?

    Args:
        ranks: Ranks of the ring, $n$. The tensor has as many chunks.
        steps: Steps done.
        size: Size of the tensor.
    """
    last = 2 * (ranks - 1)
    if steps > last:
        raise ValueError(f"a ring of {ranks} is done after {last} steps.")
    lanes = {
        f"rank {rank}": [
            (i, i + 1, f"{'A' if add else 'K'}{send}")
            for i, (send, _, add) in enumerate(ring(rank, ranks)[:steps])
        ]
        for rank in range(ranks)
    }
    now = held(ranks, steps)
    rows = [
        [f"rank {rank}", *("+".join(map(str, sorted(who))) for who in chunks)]
        for rank, chunks in enumerate(now)
    ]
    done = sum(len(who) == ranks for chunks in now for who in chunks)
    shown: dict[str, object] = {
        "finished chunks": f"{done} of {ranks * ranks}",
        "sent by each rank": f"{steps * size / ranks:,.1f} MB of {last * size / ranks:,.1f} MB",
        "table": [["sum of", *(f"chunk {chunk}" for chunk in range(ranks))], *rows],
    }
    if steps:
        shown["timeline"] = {"unit": "steps", "lanes": lanes, "names": NAMES}
    return shown


def all_reduce(
    ranks: Annotated[int, "", (2, 100_000)] = 512,
    size: Annotated[float, "MB", (0.001, 1_000_000.0)] = 100.0,
    alpha: Annotated[float, "µs", (0.01, 1000.0)] = 2.0,
    beta: Annotated[float, "GB/s", (0.1, 10_000.0)] = 50.0,
) -> dict[str, object]:
    """How long does an all-reduce take, by a ring and by trees?

    Args:
        ranks: Number of ranks, $n$.
        size: Size of the tensor, $M$. Each rank holds one.
        alpha: Start of a message, $\\alpha$.
        beta: Bandwidth of a link, one way, $\\beta$.
    """
    a, b = alpha * 1e-6, beta * 1e9
    seconds = {
        "ring": ring_seconds(size * 1e6, ranks, a, b),
        "tree": tree_seconds(size * 1e6, ranks, a, b),
    }
    faster = min(seconds, key=seconds.__getitem__)
    equal = crossover(ranks, a, b)
    sizes = [10 ** (i / 2) for i in range(-4, 9)]  # MB
    return {
        "faster": f"{faster}, {seconds[faster] * 1e3:,.3g} ms",
        "ring": f"{seconds['ring'] * 1e3:,.3g} ms",
        "tree": f"{seconds['tree'] * 1e3:,.3g} ms",
        "tree is faster up to": f"{equal / 1e6:,.3g} MB" if equal > 0 else "no size",
        "bus bandwidth": f"{bandwidths(size * 1e6, seconds[faster], ranks, 'all_reduce')[1] / 1e9:,.3g} GB/s",
        "lines": {
            "x": "MB", "y": "ms", "log": "xy",
            "series": {
                "ring": [(x, ring_seconds(x * 1e6, ranks, a, b) * 1e3) for x in sizes],
                "tree": [(x, tree_seconds(x * 1e6, ranks, a, b) * 1e3) for x in sizes],
            },
            "points": {"yours": (size, seconds[faster] * 1e3)},
        },
    }  # fmt: skip
