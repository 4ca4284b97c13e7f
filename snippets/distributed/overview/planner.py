"""Training planner: why a layout does not run, what would cure it, and the fastest that does."""

from __future__ import annotations

from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.memory import memory
from snippets.distributed.overview.step_time import Assumptions
from snippets.shapes.accelerators import Machine
from snippets.shapes.models import Shape


# --8<-- [start:problems]
def problems(m: Shape, x: Layout, machine: Machine, count: int) -> list[str]:
    """Why this layout cannot run, before any byte is counted."""
    found = []
    if x.world != count:
        product = f"{x.tp} x {x.cp} x {x.pp} x {x.dp} = {x.world:,}"
        found.append(f"world size: TP x CP x PP x DP is {product}, not {count:,}")
    if m.heads % m.kv_heads:
        found.append(f"heads: {m.heads} do not divide over {m.kv_heads} key-value heads")
    if m.heads % x.tp or m.width % x.tp or m.expert_width % x.tp:
        columns = f"{m.width}{f' or {m.expert_width}' if m.experts else ''} columns"
        found.append(f"TP: {m.heads} heads, {columns} do not divide by {x.tp}")
    if x.pp * x.virtual > m.layers + 2:  # embedding and output may be stages of their own
        found.append(
            f"PP: {x.pp * x.virtual} stages for {m.layers} layers leave some empty"
        )
    if x.batch % (x.dp * x.micro):
        parts = f"{x.dp} copies in micro-batches of {x.micro}"
        found.append(f"batch: {x.batch:,} sequences do not divide over {parts}")
    elif x.virtual > 1 and x.micros % x.pp:
        found.append(
            f"interleaving: {x.micros} micro-batches are no multiple of PP = {x.pp}"
        )
    if x.sequence % (2 * x.cp):
        found.append(f"CP: {x.sequence:,} tokens do not cut into 2 x {x.cp} equal parts")
    if x.ep > 1 and x.ep > m.experts:
        found.append(f"EP: {x.ep} ranks for {m.experts} experts in a layer")
    elif x.ep > 1 and (m.experts % x.ep or x.dp * x.cp % x.ep):
        found.append(f"EP: {x.ep} must divide {m.experts} experts and DP x CP")
    elif x.ep > 1 and x.ep % x.cp:
        found.append(f"EP: {x.ep} must be a multiple of CP = {x.cp}, whose ranks it takes")
    if x.schedule == "DualPipe" and (x.pp % 2 or x.virtual > 1):
        found.append(
            f"DualPipe: feeds both ends, so PP = {x.pp} must be even, one stage a rank"
        )
    copies = x.dp * x.cp
    if x.shard and (copies % x.shard or x.zero < 3):
        found.append(f"hybrid sharding: needs ZeRO 3, and {x.shard} to divide {copies}")
    return found


# --8<-- [end:problems]


CURES = {
    "weights": "more PP or TP, or ZeRO 3",
    "gradients": "more PP or TP, or ZeRO 2",
    "optimizer": "ZeRO 1, or more copies to shard it over",
    "activations": "recomputing layers, a smaller micro-batch, more TP or CP",
    "logits": "a smaller micro-batch, more TP or CP",
}


def too_much(m: Shape, x: Layout, machine: Machine, a: Assumptions) -> str:
    """What does not fit into memory, and what would cure it; nothing if all does."""
    rank, held = memory(m, x)
    room = machine.chip.memory_gb * 1e9 * a.room
    if sum(held.values()) <= room:
        return ""
    kind = max(held, key=lambda name: held[name])
    cure = CURES[kind]
    if kind == "optimizer" and x.zero:
        cure = "more copies to shard it over, or fewer parameters on a rank: TP, PP"
    return (
        f"memory: pipeline rank {rank} needs {sum(held.values()) / 1e9:.1f} of {room / 1e9:.1f} GB,"
        f" {held[kind] / 1e9:.1f} for {kind}; cure: {cure}"
    )


def slow_choices(m: Shape, x: Layout, machine: Machine) -> list[str]:
    """What runs, and should not be chosen without a reason."""
    found = []
    if x.tp > machine.node:
        found.append(
            f"TP of {x.tp} leaves the node of {machine.node}: its ring crosses the network"
        )
    if x.tp > m.kv_heads and not m.latent:
        found.append(f"TP of {x.tp} copies {m.kv_heads} key-value heads")
    if x.pp > 1 and x.micros < x.pp:
        found.append(f"PP: {x.micros} micro-batches do not fill {x.pp} stages")
    if x.zero >= 2 and x.pp > 1:
        found.append(f"ZeRO {x.zero} with PP sends gradients {x.micros} times a step")
    return found
