"""FSDP: what a GPU holds at the worst moment of a step. Standard library only."""

from __future__ import annotations

from snippets.distributed.fsdp.cost import CLUSTER, SEVENTY_BILLION
from snippets.shapes.accelerators import ACCELERATORS

BLOCKS = 80  # equal ones, of 70B parameters
CAPACITY_GB = ACCELERATORS["H100"].memory_gb


# --8<-- [start:peak]
def peak(
    params: float,
    ranks: int,
    unit: float,
    weight: float = 2,
    grad: float = 4,
    kept: bool = False,
) -> dict[str, float]:
    """Bytes on a rank, before activations, while the gradients of a unit leave."""
    ahead = params if kept else min(2 * unit, params - unit)  # one in use, one on its way
    return {
        "fp32 weights": 4 * params / ranks,
        "fp32 gradients": 4 * params / ranks,
        "moments": 8 * params / ranks,
        "gathered weights": weight * ahead,
        "whole gradients": (weight + grad) * unit,  # as computed, and as sent
    }


# --8<-- [end:peak]


def peak_gb(blocks: int) -> float:
    """GB on each of 64 GPUs that train 70B parameters, with this many blocks in a unit."""
    return (
        sum(peak(SEVENTY_BILLION, CLUSTER, SEVENTY_BILLION * blocks / BLOCKS).values())
        / 1e9
    )


def sizes() -> list[int]:
    """Blocks in a unit: all ways to cut the model into equal units."""
    return [n for n in range(1, BLOCKS + 1) if BLOCKS % n == 0]


def largest() -> int:
    """Blocks in the largest of these units that one GPU has room for."""
    return max(n for n in sizes() if peak_gb(n) <= CAPACITY_GB)
