"""Tensor parallelism: our split layer beside DTensor's, and beside the whole layer."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from snippets.distributed.collectives_ranks import RANKS, launch
from snippets.distributed.tensor_parallel_layer import Layer, columns, rows
from snippets.distributed.tensor_parallel_split import SplitLayer
from snippets.distributed.tensor_parallel_traffic import Traffic, local

SEQ, BATCH, HIDDEN, HEADS = 32, 2, 64, 8


# --8<-- [start:plan]
def plan(sequence: bool, together: bool = True) -> dict[str, ParallelStyle]:
    """How PyTorch is to split each module; `together`: the three projections share one input."""
    between = Shard(0) if sequence else Replicate()
    styles: dict[str, ParallelStyle] = {
        "attention.q": ColwiseParallel(),
        "attention.k": ColwiseParallel(),
        "attention.v": ColwiseParallel(),
        "attention.out": RowwiseParallel(output_layouts=between),
        "mlp.up": ColwiseParallel(),
        "mlp.down": RowwiseParallel(output_layouts=between),
    }
    if together:
        for block in ("attention", "mlp"):
            styles[block] = PrepareModuleInput(
                input_layouts=between, desired_input_layouts=Replicate()
            )
    if sequence:
        styles["norm1"] = styles["norm2"] = SequenceParallel(sequence_dim=0)
    return styles


# --8<-- [end:plan]


def batch() -> Tensor:
    """The same for all ranks."""
    torch.manual_seed(1)
    return torch.randn(SEQ, BATCH, HIDDEN)


def whole_layer(kv_heads: int = HEADS, dropout: float = 0.0) -> Layer:
    """The same for all ranks."""
    torch.manual_seed(0)
    layer = Layer(HIDDEN, HEADS, kv_heads, dropout)
    for parameter in layer.parameters():  # no bias or norm at a value that hides a mistake
        nn.init.normal_(parameter, std=0.2)
    return layer


# --8<-- [start:compare]
def step(kind: str, sequence: bool, layer: Layer, x: Tensor) -> dict[str, Any]:
    """Forward and backward pass of one rank's part: what it computes, sends and holds."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    x = (x.chunk(ranks)[rank] if sequence else x).clone().requires_grad_()
    part: nn.Module = layer
    if kind == "ours":
        part = SplitLayer(layer, sequence=sequence)
    elif kind != "whole":
        mesh = init_device_mesh(x.device.type, (ranks,))
        part = parallelize_module(layer, mesh, plan(sequence, kind == "DTensor"))
    with Traffic(ranks) as forward:
        y = part(x)
    with Traffic(ranks) as backward:
        y.square().sum().backward()
    if isinstance(part, SplitLayer):
        part.finish()
    gradients = {name: p.grad for name, p in part.named_parameters()}
    return {
        "output": y.detach(), "input gradient": x.grad,
        "gradients": {name: reduced(grad) for name, grad in gradients.items()},
        "calls": (dict(forward.calls), dict(backward.calls)),
        "sent": (forward.sent, backward.sent),
        "held": sum(local(p).nbytes for p in part.parameters()),
    }  # fmt: skip


# --8<-- [end:compare]


def reduced(gradient: Tensor | None) -> Tensor:
    """This rank's part of a gradient; DTensor leaves some as terms of a sum, to add on use."""
    assert gradient is not None
    if not isinstance(gradient, DTensor):
        return gradient
    done = [Replicate() if p.is_partial() else p for p in gradient.placements]
    return gradient.redistribute(placements=done).to_local()


KINDS_OF_STEP = [
    ("whole", False), ("ours", False), ("DTensor", False), ("DTensor, apart", False),
    ("ours", True), ("DTensor", True),
]  # fmt: skip


def compare(rank: int, folder: Path) -> None:
    """All of them on the same weights and the same batch."""
    steps = {key: step(*key, whole_layer(), batch()) for key in KINDS_OF_STEP}
    torch.save(steps, folder / f"{rank}.pt")


def expected(gradients: dict[str, Tensor], rank: int, ranks: int) -> dict[str, Tensor]:
    """The whole layer's gradients, cut like our weights."""
    cut = {
        n.removeprefix("attention.").removeprefix("mlp."): g for n, g in gradients.items()
    }
    kv_heads = len(cut["k.bias"]) * HEADS // HIDDEN
    for end in ("weight", "bias"):
        parts = [
            columns(cut.pop(f"{name}.{end}"), rank, ranks, heads)
            for name, heads in (("q", None), ("k", kv_heads), ("v", kv_heads))
        ]
        cut[f"qkv.{end}"] = torch.cat(parts)
        cut[f"up.{end}"] = columns(cut[f"up.{end}"], rank, ranks)
    for name in ("out.weight", "down.weight"):
        cut[name] = rows(cut[name], rank, ranks)
    return cut


def largest_difference(step: dict[str, Any], whole: dict[str, Any], rank: int) -> float:
    """From the whole layer, of outputs and all gradients, relative to each tensor's largest."""
    ours, theirs = dict(step["gradients"]), expected(whole["gradients"], rank, RANKS)
    if "qkv.weight" not in ours:  # DTensor keeps the three projections apart
        ours = expected(ours, 0, 1)
    for name in ("output", "input gradient"):
        part = whole[name]
        if len(step[name]) < len(part):
            part = part.chunk(RANKS)[rank]
        ours[name], theirs[name] = step[name], part
    return max(
        ((ours[n] - theirs[n]).abs().max() / theirs[n].abs().max()).item() for n in theirs
    )


def results() -> list[dict[tuple[str, bool], dict[str, Any]]]:
    """What every rank has found."""
    folder = launch(compare)
    return [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]


def example_engine() -> None:
    """One layer on four ranks, in fp32: calls, bytes sent and held by a rank."""
    ranks = results()
    first = ranks[0]
    print(f"{'':20s}{'calls':>13s}{'KB sent':>15s}{'KB of':>9s}{'relative':>11s}")
    print(
        f"{'':20s}{'forw.':>6s}{'backw.':>7s}{'forw.':>8s}{'backw.':>7s}{'weights':>9s}"
        f"{'difference':>12s}"
    )
    for key, found in first.items():
        kind, sequence = key
        calls = [sum(c.values()) for c in found["calls"]]
        sent = [s / 1e3 for s in found["sent"]]
        apart = (
            largest_difference(r[key], r["whole", False], i) for i, r in enumerate(ranks)
        )
        print(
            f"{kind + (', sequence' if sequence else ''):20s}{calls[0]:6d}{calls[1]:7d}"
            f"{sent[0]:8.1f}{sent[1]:7.1f}{found['held'] / 1e3:9.1f}"
            + (f"{max(apart):12.0e}" if kind != "whole" else "")
        )


if __name__ == "__main__":
    example_engine()
