"""What one histogram of loads costs: dropped tokens, the slowest rank, idle time. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


# --8<-- [start:bills]
def dropped(loads: Sequence[float], factor: float) -> float:
    """Share of the choices beyond each expert's capacity, factor times the mean load."""
    capacity = ceil(factor * sum(loads) / len(loads))
    return sum(max(0, load - capacity) for load in loads) / sum(loads)


def rank_loads(loads: Sequence[float], ranks: int) -> list[float]:
    """Loads of ranks that hold equally many experts, neighbors together."""
    each = len(loads) // ranks
    return [sum(loads[each * r : each * (r + 1)]) for r in range(ranks)]


def slowest(loads: Sequence[float], ranks: int) -> float:
    """Load of the busiest rank over the mean: how much longer all ranks take."""
    by_rank = rank_loads(loads, ranks)
    return max(by_rank) * ranks / sum(by_rank)


# --8<-- [end:bills]


def dead(loads: Sequence[float], share: float = 0.01) -> int:
    """Experts that get less than `share` of the mean load."""
    return sum(load < share * sum(loads) / len(loads) for load in loads)
