"""Context parallelism: the drawing of the page. Standard library only, for the browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.context_and_expert_parallel.cost import ring_bytes
from snippets.distributed.context_and_expert_parallel.placement import work
from snippets.shapes.accelerators import ACCELERATORS

HEAD_DIM = 128
GRID = 32  # tokens per rank in the drawing; the work per rank and step scales with their square


def ring(
    split: Literal["contiguous", "zigzag", "striped"] = "contiguous",
    ranks: Annotated[int, "", (2, 16)] = 4,
    tokens: Annotated[int, "", (1024, 4_194_304)] = 131_072,
    chip: Literal["A100", "H100", "H200", "B200", "MI300X"] = "H100",
    link: Annotated[float, "GB/s", (1.0, 2000.0)] = 50.0,
    *,
    heads: Annotated[int, "", (1, 256)] = 128,
    kv_heads: Annotated[int, "", (1, 256)] = 8,
) -> dict[str, object]:
    """How long does the forward ring of one layer take, and who waits?

    Args:
        split: Split of the tokens. A rank holds one piece (contiguous), two opposite ones
            (zigzag), or every n-th token (striped).
        ranks: Ranks of the ring, $n$.
        tokens: Length of the sequence, $S$.
        chip: Accelerator. Its datasheet's rate in bf16.
        link: Bandwidth to the next rank, one way, $\\beta$.
        heads: Query heads of a rank, $H$. Of width 128, after tensor parallelism.
        kv_heads: Key/value heads of a rank, $K$.
    """
    if heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads} key heads evenly.")
    table = work(split, ranks, GRID * ranks)
    rate = ACCELERATORS[chip].bf16_tflops * 1e12
    pair_ms = 4 * heads * HEAD_DIM / rate * 1e3 * (tokens / (GRID * ranks)) ** 2
    hop_ms = (
        ring_bytes(tokens, ranks, kv_heads, HEAD_DIM)[0] / (ranks - 1) / (link * 1e9) * 1e3
    )
    lanes = play([[pairs * pair_ms for pairs in row] for row in table], hop_ms)
    end = max(lane[-1][1] for lane in lanes)
    busy = pair_ms * sum(map(sum, table)) / ranks
    return {
        "one layer, forward": f"{end:,.2f} ms",
        "ranks at work": f"{busy / end:.0%} of the time, on average",
        "arithmetic of the busiest rank": f"{pair_ms * max(map(sum, table)):,.2f} ms",
        "one hop of keys and values": f"{hop_ms:,.2f} ms",
        "sent by each rank": f"{hop_ms * (ranks - 1) * link / 1e3:,.2f} GB",
        "timeline": {
            "unit": "ms",
            "lanes": {
                f"rank {rank}": [
                    (round(start, 6), round(stop, 6), f"F{(rank - step) % ranks}")
                    for step, (start, stop) in enumerate(lane)
                    if stop > start
                ]
                for rank, lane in enumerate(lanes)
            },
            "names": {"F": "keys of rank"},
        },
    }


def play(busy: list[list[float]], hop: float) -> list[list[tuple[float, float]]]:
    """Start and end of each step: own work done, and the block there, one hop after its last owner began."""
    ranks = len(busy)
    lanes = [[(0.0, row[0])] for row in busy]
    for step in range(1, ranks):
        before = [lane[step - 1] for lane in lanes]
        for rank, lane in enumerate(lanes):
            posted = max(before[rank][0], before[rank - 1][0])  # both sides
            start = max(before[rank][1], posted + hop)
            lane.append((start, start + busy[rank][step]))
    return lanes
