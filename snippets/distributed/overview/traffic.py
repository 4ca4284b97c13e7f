"""Training planner: what each accelerator sends in a step, by kind, over which link, for how long."""

from __future__ import annotations

from typing import NamedTuple

from snippets.distributed.collectives.cost import bus_factor
from snippets.distributed.overview.groups import Group, groups, rank_layers
from snippets.distributed.overview.layout import STATES, Layout
from snippets.distributed.overview.memory import rank_params
from snippets.shapes.accelerators import Machine
from snippets.shapes.models import Shape


class Traffic(NamedTuple):
    """One kind of communication in one step."""

    fast: float  # bytes that an accelerator sends inside its node
    slow: float  # bytes that it sends out of its node
    calls: int  # operations
    seconds: float


def passes(x: Layout) -> int:
    """Forward, backward, and forward again if layers are recomputed."""
    return 3 if x.recompute == "layers" else 2


# --8<-- [start:sent]
def tensor_bytes(m: Shape, x: Layout, layers: int, again: float = 0.5) -> float:
    """An all-gather and a reduce-scatter around each part of a layer in each pass.

    Ranks keep a part of the gathered input only, and gather it again for weight gradients.
    """
    blocks = 1 if m.parallel else 2  # attention and feed-forward
    size = 2 * x.tokens * m.hidden  # bf16
    return (passes(x) + again) * blocks * layers * bus_factor("all_reduce", x.tp) * size


def context_bytes(m: Shape, x: Layout, layers: int) -> float:
    """Keys and values of the whole sequence: gathered twice, their gradients scattered."""
    width = m.latent + m.rope if m.latent else 2 * m.kv_heads * m.head_dim / x.tp
    size = 2 * x.micro * x.sequence * width
    return (passes(x) + 1) * layers * bus_factor("all_gather", x.cp) * size


def pipeline_bytes(m: Shape, x: Layout) -> float:
    """Each stage sends its output on and a gradient back; a tensor rank sends its part."""
    return 0.0 if x.pp == 1 else 2 * x.virtual * 2 * x.tokens * m.hidden / x.tp


def expert_bytes(m: Shape, x: Layout, layers: int, copies: float) -> float:
    """Tokens to their experts and back in each pass: so many copies of each."""
    dispatch = 1 if x.precision == "fp8" else 2  # bytes; back in bf16
    return passes(x) * layers * copies * (dispatch + 2) * x.tokens / x.tp * m.hidden


def data_bytes(params: float, x: Layout, ranks: int) -> tuple[float, float]:
    """Gradients to where they are needed and weights back: once a step, and per micro-batch."""
    recipe, part = STATES[x.states], bus_factor("all_gather", ranks)
    gradients, weights = params * part * recipe.gradients, params * part * 2
    if x.zero == 0:
        return 2 * gradients, 0.0
    if x.zero == 1:
        return gradients + weights, 0.0
    return (weights, gradients) if x.zero == 2 else (0.0, gradients + 2 * weights)


# --8<-- [end:sent]


def clock(group: Group, size: float, calls: int, machine: Machine, share: float) -> Traffic:
    """A collective that leaves the node uses the network ports of all its members in the node."""
    rate = machine.chip.link_gb_s
    if group.spans:
        rate = min(rate, group.inside * machine.network_gb_s)
    slow = size / group.inside if group.spans else 0.0
    wire = size / (rate * 1e9 * share)
    return Traffic(size - slow, slow, calls, wire + calls * LAUNCH_S)


LAUNCH_S = 10e-6  # of one collective


def tensor_calls(m: Shape, x: Layout) -> int:
    """Collectives of TP in a layer for one micro-batch: two in each pass, one gather again."""
    return (1 if m.parallel else 2) * (2 * passes(x) + 1)


def traffic(
    m: Shape, x: Layout, machine: Machine, rank: int, share: float
) -> dict[str, Traffic]:
    """Communication of one step on each accelerator of a pipeline rank, by kind."""
    layers, who = rank_layers(m.layers, x)[rank], groups(x, machine.node)
    half = (
        2 if x.schedule == "DualPipe" else 1
    )  # a micro-batch meets one half of the layers
    held = len(layers) // half
    sparse = sum(n >= m.dense_layers for n in layers) * held // max(len(layers), 1)
    k, sent = x.micros, dict[str, Traffic]()

    def add(kind: str, size: float, calls: int) -> None:
        sent[kind] = clock(who[kind], size, calls, machine, share)

    add("TP", k * tensor_bytes(m, x, held), k * held * tensor_calls(m, x) * (x.tp > 1))
    add("CP", k * context_bytes(m, x, held), (passes(x) + 1) * k * held * (x.cp > 1))
    add("PP", k * pipeline_bytes(m, x), 2 * k * x.virtual * (x.pp > 1))
    if m.experts:
        sent["EP"] = all_to_all(m, x, machine, sparse, share)
    dense, routed = rank_params(m, x, rank, layers)
    copies = x.dp * x.cp
    shard = x.shard or copies
    once, each = data_bytes(dense, x, shard)
    near = who["DP"].inside
    who["DP"] = Group(shard, min(shard, near))
    often = k * (0, 0, 1, 3)[x.zero]  # for each layer that a micro-batch meets
    add("DP", once + k / half * each, (2 + often * held) * (copies > 1))
    if shard < copies:  # the other sets of shards hold the same: an all-reduce between them
        sets = copies // shard
        who["DP, between"] = Group(sets, max(1, near // shard))
        add("DP, between", bus_factor("all_reduce", sets) * dense / shard * 2, 1)
    if m.experts:
        once, each = data_bytes(routed, x, copies // x.ep)
        add("DP, experts", once + k / half * each, (2 + often * sparse) * (copies > x.ep))
    return sent


def all_to_all(m: Shape, x: Layout, machine: Machine, layers: int, share: float) -> Traffic:
    """Copies of tokens for other nodes go over the network, the rest over the fast link."""
    group = groups(x, machine.node)["EP"]
    away = m.active * (group.size - group.inside) / group.size
    if x.routed_nodes and group.spans:  # one copy for a node; it is passed on inside
        nodes = group.size / group.inside
        away = min(away, x.routed_nodes * (nodes - 1) / nodes)
    here = m.active * (group.size - 1) / group.size - (0 if x.routed_nodes else away)
    fast, slow = (x.micros * expert_bytes(m, x, layers, c) for c in (here, away))
    times = (
        fast / (machine.chip.link_gb_s * 1e9 * share),
        slow / (machine.network_gb_s * 1e9 * share),
    )
    calls = 2 * passes(x) * layers * x.micros * (x.ep > 1)
    return Traffic(fast, slow, calls, max(times) + calls * LAUNCH_S)
