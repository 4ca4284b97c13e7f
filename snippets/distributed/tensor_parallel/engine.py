"""Tensor parallelism: one step of a layer by DTensor, by our split layer, or whole."""

from __future__ import annotations

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

from snippets.distributed.tensor_parallel.layer import Layer
from snippets.distributed.tensor_parallel.split import SplitLayer
from snippets.distributed.tensor_parallel.traffic import Traffic, local

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


def reduced(gradient: Tensor | None) -> Tensor:
    """This rank's part of a gradient; DTensor leaves some as terms of a sum, to add on use."""
    assert gradient is not None
    if not isinstance(gradient, DTensor):
        return gradient
    done = [Replicate() if p.is_partial() else p for p in gradient.placements]
    return gradient.redistribute(placements=done).to_local()
