"""Context parallelism: attention by a ring of point-to-point sends, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function

Visible = Callable[[int], Tensor]  # source rank -> [queries here, keys from there], bool


# --8<-- [start:merge]
def attend(q: Tensor, k: Tensor, v: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Attention of [B, H, Q, D] queries to one block: output and log-sum-exp [B, H, Q, 1]."""
    scores = (q @ k.mT / sqrt(q.shape[-1])).masked_fill(~visible, -torch.inf)
    lse = scores.logsumexp(-1, keepdim=True)  # -inf for a query that sees none of the block
    return (scores - lse.clamp(min=-1e30)).exp() @ v, lse


def merge(
    out: Tensor, lse: Tensor, more: Tensor, more_lse: Tensor
) -> tuple[Tensor, Tensor]:
    """Attention to the union of two sets of keys, from attention to each of them.

    A query that sees none of the two gives NaN: begin with the own block, as the ring does.
    """
    total = torch.logaddexp(lse, more_lse)
    return out * (lse - total).exp() + more * (more_lse - total).exp(), total


# --8<-- [end:merge]


# --8<-- [start:pass]
def pass_on(tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[dist.Work]]:
    """Start to send to the next rank and to receive from the one before."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    arriving = [torch.empty_like(t) for t in tensors]
    both = [dist.P2POp(dist.isend, t, (rank + 1) % ranks) for t in tensors]
    both += [dist.P2POp(dist.irecv, t, (rank - 1) % ranks) for t in arriving]
    return arriving, dist.batch_isend_irecv(both)


def rotate(block: list[Tensor]) -> Iterator[tuple[int, list[Tensor]]]:
    """Each rank's block once, with its rank. The next arrives while this one is in use."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    for step in range(ranks):
        last = step == ranks - 1
        arriving, transfers = ([], []) if last else pass_on(block)
        yield (rank - step) % ranks, block
        for transfer in transfers:
            transfer.wait()
        block = arriving


# --8<-- [end:pass]


# --8<-- [start:ring]
class RingAttention(Function):
    """Exact attention of the local queries to the keys of all ranks."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, visible: Visible) -> Tensor:
        """Keep own blocks and one number per query; the probabilities are not kept."""
        out, lse = torch.zeros_like(q), q.new_full((*q.shape[:-1], 1), -torch.inf)
        for source, (keys, values) in rotate([k.contiguous(), v.contiguous()]):
            out, lse = merge(out, lse, *attend(q, keys, values, visible(source)))
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.visible = visible
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Keys go around once more; their gradients go with them, and one step further."""
        q, k, v, out, lse = ctx.saved_tensors
        dout, scale = grads[0], 1 / sqrt(q.shape[-1])
        delta = (dout * out).sum(-1, keepdim=True)  # sum of p dp, for every query
        dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for source, (keys, values) in rotate([k.contiguous(), v.contiguous()]):
            scores = (q @ keys.mT * scale).masked_fill(~ctx.visible(source), -torch.inf)
            p = (scores - lse).exp()  # [B, H, Q, K], softmax over all ranks' keys
            ds = p * (dout @ values.mT - delta) * scale
            dq += ds @ keys
            (dk, dv), transfers = pass_on([dk + ds.mT @ q, dv + p.mT @ dout])
            for transfer in transfers:
                transfer.wait()
        return dq, dk, dv, None


# --8<-- [end:ring]


def ring_attention(q: Tensor, k: Tensor, v: Tensor, visible: Visible) -> Tensor:
    """Attention of local [B, H, S/n, D] queries to the keys of all ranks, with gradients.

    Query heads that share a key head (GQA) are stacked, as if they were more queries.
    """
    group = q.shape[1] // k.shape[1]
    stacked = q.reshape(*k.shape[:2], -1, q.shape[-1])
    out = RingAttention.apply(
        stacked, k, v, lambda source: visible(source).repeat(group, 1)
    )
    return cast(Tensor, out).reshape(q.shape)
