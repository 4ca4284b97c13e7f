"""Context and expert parallelism: the drawings of the page. Standard library only, for the browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.context_and_expert_parallel import work
from snippets.distributed.context_and_expert_parallel_cost import ring_bytes
from snippets.distributed.hardware import ACCELERATORS

GRID = 32  # tokens per rank in the drawing; the work per rank and step scales with their square


def ring(
    split: Literal["contiguous", "zigzag", "striped"] = "contiguous",
    ranks: Annotated[int, "", (2, 16)] = 4,
    tokens: Annotated[int, "", (1024, 4_194_304)] = 131_072,
    heads: Annotated[int, "", (1, 256)] = 128,
    kv_heads: Annotated[int, "", (1, 256)] = 8,
    head_dim: Annotated[int, "", (16, 512)] = 128,
    chip: Literal["A100", "H100", "H200", "B200", "MI300X"] = "H100",
    utilization: Annotated[float, "", (0.05, 1.0)] = 0.5,
    link: Annotated[float, "GB/s", (1.0, 2000.0)] = 50.0,
) -> dict[str, object]:
    """How long does the forward ring of one layer take, and who waits?

    Args:
        split: Which tokens a rank holds.
        ranks: Length of the ring, $n$.
        tokens: Length of the sequence, $S$.
        heads: Query heads on this rank, after tensor parallelism.
        kv_heads: Key heads on this rank.
        head_dim: Width of a head.
        chip: Its datasheet's rate in bf16.
        utilization: Share of that rate that attention reaches.
        link: Bandwidth to the next rank, one direction.
    """
    if heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads} key heads evenly.")
    table = work(split, ranks, GRID * ranks)
    rate = ACCELERATORS[chip].bf16_tflops * 1e12 * utilization
    pair_ms = 4 * heads * head_dim / rate * 1e3 * (tokens / (GRID * ranks)) ** 2
    hop_ms = (
        ring_bytes(tokens, ranks, kv_heads, head_dim)[0] / (ranks - 1) / (link * 1e9) * 1e3
    )
    lanes = play([[pairs * pair_ms for pairs in row] for row in table], hop_ms)
    end = max(lane[-1][1] for lane in lanes)
    busy = pair_ms * sum(map(sum, table)) / ranks
    return {
        "one layer, forward": f"{end:,.2f} ms",
        "busy": f"{busy / end:.0%} of the time, on average",
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


def experts(
    ranks: Annotated[int, "", (1, 64)] = 8,
    experts_per_rank: Annotated[int, "", (1, 32)] = 4,
    top_k: Annotated[int, "", (1, 16)] = 2,
    tokens: Annotated[int, "per rank", (1, 65_536)] = 4096,
    skew: Annotated[float, "", (0.0, 2.0)] = 0.5,
    capacity: Annotated[float, "", (0.5, 8.0)] = 1.25,
) -> dict[str, object]:
    """What does an uneven router cost, in time or in dropped tokens?

    Args:
        ranks: Ranks over which the experts are spread.
        experts_per_rank: Experts on each of them, in order of their popularity in turn.
        top_k: Experts of each token.
        tokens: Tokens of each rank.
        skew: The popularity of the $i$-th expert falls as $1/i^s$; 0 is even.
        capacity: Places of an expert, as a multiple of the mean load.
    """
    number = ranks * experts_per_rank
    if top_k > number:
        raise ValueError(f"a token cannot choose {top_k} of {number} experts.")
    shares = popular(number, top_k, skew)
    loads = [share * ranks * tokens for share in shares]
    mean = ranks * tokens * top_k / number
    by_rank = [sum(loads[rank::ranks]) for rank in range(ranks)]
    dropped = sum(max(0.0, load - capacity * mean) for load in loads) / sum(loads)
    longest = max(by_rank) / (mean * experts_per_rank)
    return {
        "the layer takes": f"{longest:.2f} times as long as with even loads",
        "ranks idle": f"{1 - 1 / longest:.0%} of the time, on average",
        "busiest expert": f"{max(loads) / mean:.2f} times the mean",
        "with capacity: dropped": f"{dropped:.1%} of the choices",
        "with capacity: empty places": f"{1 - (1 - dropped) / capacity:.1%}",
        "bars": {
            "unit": "tokens",
            "values": {
                f"rank {rank}": round(load) for rank, load in enumerate(by_rank[:16])
            },
        },
    }


def popular(number: int, top_k: int, skew: float) -> list[float]:
    """Chance that a token chooses each expert: they add up to `top_k`, and none is above 1."""
    weights = [(i + 1) ** -skew for i in range(number)]
    full = 0  # so many of the most popular are chosen by every token
    while full < top_k:
        scale = (top_k - full) / sum(weights[full:])
        if weights[full] * scale <= 1:
            break
        full += 1
    scale = (top_k - full) / sum(weights[full:]) if full < number else 0.0
    return [1.0] * full + [weight * scale for weight in weights[full:]]
