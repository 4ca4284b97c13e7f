"""Tensor parallelism mixed with FSDP: where the traffic of both is least. Standard library only."""

from __future__ import annotations

import math


def mixed_batch(flops_per_byte: float, width: float, axes: int = 2) -> float:
    """Tokens per chip below which no mixture of FSDP and tensor parallelism hides its traffic.

    Args:
        flops_per_byte: Of the chip and one axis of its network.
        width: Of the MLP.
        axes: Product of the numbers of axes that each of the two gets.

    Source: Austin et al. 2025, "How to Parallelize a Transformer for Training".
    """
    return 4 * flops_per_byte**2 / (axes * width)


def fsdp_degree(tokens: float, chips: int, width: float, axes: float = 1.0) -> float:
    """FSDP ranks of the mixture with tensor parallelism that sends least.

    Args:
        tokens: Of the whole batch.
        chips: FSDP ranks times tensor-parallel ranks.
        width: Of the MLP.
        axes: Axes of the network that FSDP gets, over those of tensor parallelism.

    Source: Austin et al. 2025, "How to Parallelize a Transformer for Training".
    """
    return math.sqrt(2 * tokens * chips * axes / width)
