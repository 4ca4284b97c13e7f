"""Context and expert parallelism: an all-to-all with a gradient."""

from __future__ import annotations

from typing import Any, cast

import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function


class Exchange(Function):
    """An all-to-all of unequal parts; its gradient is the all-to-all in the other direction."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, send: list[int], receive: list[int], group: Any
    ) -> Tensor:
        """Rows of `x`: `send[r]` of them to rank r, `receive[r]` from it."""
        ctx.counts, ctx.group = (send, receive), group
        arrived = x.new_empty(sum(receive), *x.shape[1:])
        dist.all_to_all_single(arrived, x.contiguous(), receive, send, group)
        return arrived

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """The same rows, back."""
        send, receive = ctx.counts
        back = Exchange.apply(grads[0], receive, send, ctx.group)
        return cast(Tensor, back), None, None, None


def exchange(x: Tensor, send: list[int], receive: list[int], group: Any = None) -> Tensor:
    """Every rank of the group must call it, also one that has nothing to send or to receive."""
    return cast(Tensor, Exchange.apply(x, send, receive, group))
