"""Training planner: FLOPs of a step, as utilization counts them and as the hardware runs them."""

from __future__ import annotations

from typing import NamedTuple

from snippets.distributed.overview.layout import Layout
from snippets.shapes.models import Shape, active_layer_params


class Work(NamedTuple):
    """FLOPs of a training step for each token."""

    weights: float
    attention: float  # scores and mixing


def attention_flops(m: Shape, sequence: int) -> float:
    """Scores and mixing of all pairs, for one token and layer, forward."""
    mixed = m.value_dim or m.head_dim
    return 2 * m.heads * (m.head_dim + m.rope + mixed) * sequence


def model_flops(m: Shape, x: Layout, layers: list[int], causal: bool = False) -> Work:
    """What MFU counts: two per weight and token forward, four backward, and attention.

    Whether masked pairs count differs between publications: `causal` leaves them out.
    """
    weights = sum(active_layer_params(m, layer) for layer in layers)
    pairs = len(layers) * attention_flops(m, x.sequence)
    return Work(6 * weights, 3 * pairs / (2 if causal else 1))


def executed_flops(m: Shape, x: Layout, layers: list[int]) -> Work:
    """What the hardware runs: masked pairs if they are not skipped, and what runs again."""
    work = model_flops(m, x, layers, causal=x.fused)
    if x.recompute == "layers":
        return Work(work.weights * 4 / 3, work.attention * 4 / 3)
    if x.fused or x.recompute == "nothing":
        return work
    return Work(work.weights, work.attention * 7 / 6)  # the scores once more


def head_flops(m: Shape) -> float:
    """The output layer, for each token."""
    return 6 * m.vocab * m.hidden
