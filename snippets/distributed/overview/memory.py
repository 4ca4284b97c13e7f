"""Training planner: what each accelerator holds, by kind, on the pipeline rank that holds most."""

from __future__ import annotations

from snippets.distributed.memory.recipes import Recipe, zero_bytes
from snippets.distributed.overview.activations import in_flight, layer_bytes
from snippets.distributed.overview.groups import rank_layers, telling_ranks
from snippets.distributed.overview.layout import STATES, Layout
from snippets.shapes.models import Shape, embedding_params, layer_params


def rank_params(
    m: Shape, layout: Layout, rank: int, layers: list[int]
) -> tuple[float, float]:
    """Parameters on each accelerator of a pipeline rank: without experts, and experts."""
    counts = [layer_params(m, layer) for layer in layers]
    dense, routed = sum(c[0] for c in counts), sum(c[1] for c in counts)
    ends = {0, layout.pp - 1}
    both = layout.schedule == "DualPipe" and rank in ends
    if rank == 0 or both:
        dense += embedding_params(m)
    if (rank == layout.pp - 1 or both) and not (m.tied and layout.pp == 1):
        dense += m.vocab * m.hidden + m.hidden
    return dense / layout.tp, routed / layout.tp / layout.ep


def rank_memory(m: Shape, layout: Layout, rank: int, layers: list[int]) -> dict[str, float]:
    """Bytes on each accelerator of one pipeline rank, by kind."""
    recipe, ranks = STATES[layout.states], layout.shard or layout.dp * layout.cp
    dense, routed = rank_params(m, layout, rank, layers)

    def shard(part: Recipe) -> float:
        return zero_bytes(dense, ranks, layout.zero, part) + zero_bytes(
            routed, max(1, ranks // layout.ep), layout.zero, part
        )

    held = {
        "weights": shard(Recipe(recipe.weights, 0, 0)),
        "gradients": shard(Recipe(0, recipe.gradients, 0)),
        "optimizer": shard(Recipe(0, 0, recipe.optimizer)),
    }
    if layout.zero == 3:  # a unit gathered for use, one ahead, and the gradients of a unit
        units = [d + r / layout.ep for d, r in (layer_params(m, n) for n in layers)]
        ends = (rank == 0) + (rank == layout.pp - 1 and not (m.tied and layout.pp == 1))
        units += [m.vocab * m.hidden] * ends  # embedding and output may exceed a layer
        largest = sorted(size / layout.tp for size in units)[-2:]
        held["weights"] += recipe.weights * sum(largest)
        held["gradients"] += recipe.gradients * max(largest, default=0)
    kept = sum(layer_bytes(m, layout, n, layout.recompute) for n in layers)
    held["activations"] = kept * in_flight(layout, rank)
    if layout.recompute == "layers" and layers:  # the layer that is being computed again
        held["activations"] += layer_bytes(m, layout, layers[-1], "nothing")
    held["logits"] = 0.0
    if rank == layout.pp - 1:  # fp32
        held["logits"] = 4 * layout.tokens * m.vocab / layout.tp
    return held


def memory(m: Shape, layout: Layout) -> tuple[int, dict[str, float]]:
    """The pipeline rank that holds most, and what each of its accelerators holds."""
    layers = rank_layers(m.layers, layout)
    ranks = {
        rank: rank_memory(m, layout, rank, layers[rank])
        for rank in telling_ranks(m.layers, layout, m.dense_layers)
    }
    fullest = max(ranks, key=lambda rank: sum(ranks[rank].values()))
    return fullest, ranks[fullest]
