"""Tensor parallelism: the operators between what all ranks hold and what each holds a part of."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function

Group = dist.ProcessGroup | None  # None: all ranks


# --8<-- [start:operators]
class Enter(Function):
    """Megatron's f. Forward: nothing, every rank has x. Backward: sum the ranks' gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        """Hand x on."""
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Each rank has used x for its part; x gets the gradient of all parts."""
        grad = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad, group=ctx.group)
        return grad, None


class Leave(Function):
    """Megatron's g. Forward: sum the ranks' partial results. Backward: nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        """Sum in place: nobody needs the partial result again."""
        dist.all_reduce(x, group=group)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """A sum hands its gradient to every term."""
        return grad, None


# --8<-- [end:operators]


def gathered(x: Tensor, group: Group) -> Tensor:
    """All ranks' parts of a tensor, along its first dimension."""
    whole = x.new_empty(x.shape[0] * dist.get_world_size(group), *x.shape[1:])
    dist.all_gather_single(whole, x.contiguous(), group=group)
    return whole


def scattered(x: Tensor, group: Group) -> Tensor:
    """This rank's part of the sum of all ranks' tensors, along the first dimension."""
    part = x.new_empty(x.shape[0] // dist.get_world_size(group), *x.shape[1:])
    dist.reduce_scatter_single(part, x.contiguous(), group=group)
    return part


# --8<-- [start:sequence]
class GatherLinear(Function):
    """All-gather the sequence, then multiply. Keeps only this rank's part of the input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, group: Group) -> Tensor:
        """x [S/t, B, H] of this rank -> [S, B, columns of this rank]."""
        ctx.save_for_backward(x, weight)
        ctx.group = group
        return torch.nn.functional.linear(gathered(x, group), weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gather x once more: communication instead of memory."""
        x, weight = ctx.saved_tensors
        whole = gathered(x, ctx.group)
        flat = grad.flatten(0, -2)  # [S * B, columns]
        return (
            scattered(grad @ weight, ctx.group),
            flat.T @ whole.flatten(0, -2),
            flat.sum(0),
            None,
        )


class Scatter(Function):
    """Sum the ranks' partial results, and keep this rank's part of the sequence."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        """[S, B, H] partial -> [S/t, B, H] complete: half of an all-reduce."""
        ctx.group = group
        return scattered(x, group)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Every rank's partial result went into all parts."""
        return gathered(grad, ctx.group), None


# --8<-- [end:sequence]
