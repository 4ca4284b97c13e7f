"""Tensor parallelism: one rank's part of a transformer layer."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from snippets.distributed.tensor_parallel.layer import Layer, columns, drop, mix, rows
from snippets.distributed.tensor_parallel.operators import (
    Enter,
    GatherLinear,
    Group,
    Leave,
    Scatter,
)


class OwnStream:
    """Within it, random numbers come from a generator of this rank's own."""

    def __init__(self, rank: int, seed: int = 2718) -> None:
        self.here = torch.cuda if torch.cuda.is_available() else torch.random
        shared = self.here.get_rng_state()
        torch.manual_seed(seed + rank)
        self.state = self.here.get_rng_state()
        self.here.set_rng_state(shared)

    def __enter__(self) -> None:
        self.shared = self.here.get_rng_state()
        self.here.set_rng_state(self.state)

    def __exit__(self, *_: object) -> None:
        self.state = self.here.get_rng_state()
        self.here.set_rng_state(self.shared)


class Part(nn.Module):
    """What one rank has of a linear layer."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone())
        self.bias = nn.Parameter(bias.detach().clone())


class SplitLayer(nn.Module):
    """One rank's part of a layer."""

    def __init__(self, whole: Layer, group: Group = None, sequence: bool = False) -> None:
        super().__init__()
        rank, ranks = dist.get_rank(group), dist.get_world_size(group)
        self.group, self.sequence, self.dropout = group, sequence, whole.dropout
        self.own = OwnStream(rank)
        a, m = whole.attention, whole.mlp
        self.size, kv_heads = a.size, a.k.out_features // a.size
        weights, biases = (
            [columns(getattr(projection, end), rank, ranks, heads)
             for projection, heads in ((a.q, None), (a.k, kv_heads), (a.v, kv_heads))]
            for end in ("weight", "bias")
        )  # fmt: skip
        self.cuts = [len(bias) for bias in biases]
        self.qkv = Part(torch.cat(weights), torch.cat(biases))
        self.out = Part(rows(a.out.weight, rank, ranks), a.out.bias)
        self.up = Part(columns(m.up.weight, rank, ranks), columns(m.up.bias, rank, ranks))
        self.down = Part(rows(m.down.weight, rank, ranks), m.down.bias)
        self.norm1, self.norm2 = deepcopy(whole.norm1), deepcopy(whole.norm2)
        self.sharing: Group = None  # the ranks that hold the same key-value head
        if kv_heads < ranks:
            self.sharing, _ = dist.new_subgroups(ranks // kv_heads, group)

    # --8<-- [start:forward]
    def column(self, x: Tensor, part: Part) -> Tensor:
        """Each rank computes some of the outputs. The bias is cut like them."""
        if self.sequence:
            return GatherLinear.apply(x, part.weight, part.bias, self.group)
        return F.linear(Enter.apply(x, self.group), part.weight, part.bias)

    def row(self, x: Tensor, part: Part) -> Tensor:
        """Each rank has some of the inputs. The bias is added once, after the sum."""
        leave = Scatter if self.sequence else Leave
        return leave.apply(F.linear(x, part.weight), self.group) + part.bias

    def forward(self, x: Tensor) -> Tensor:
        """x [S, B, H], or this rank's part of the sequence [S/t, B, H]."""
        q, k, v = self.column(self.norm1(x), self.qkv).split(self.cuts, -1)
        with self.own:  # other heads than other ranks: other masks
            y = mix(q, k, v, self.size, self.dropout)
        x = x + self.masked(self.row(y, self.out))
        y = F.gelu(self.column(self.norm2(x), self.up))
        return x + self.masked(self.row(y, self.down))

    def masked(self, x: Tensor) -> Tensor:
        """Dropout: own masks for a part of the sequence, the same masks for the whole of it."""
        with self.own if self.sequence else nullcontext():
            return drop(x, self.dropout)

    # --8<-- [end:forward]

    # --8<-- [start:finish]
    def finish(self) -> None:
        """After the backward pass: sum the gradients of which each rank has only a part."""
        if self.sequence:  # used on a part of the sequence
            norms = *self.norm1.parameters(), *self.norm2.parameters()
            for parameter in (*norms, self.out.bias, self.down.bias):
                dist.all_reduce(parameter.grad, group=self.group)
        if self.sharing:  # used by a part of the query heads
            for parameter in self.qkv.parameters():
                assert parameter.grad is not None
                dist.all_reduce(parameter.grad[self.cuts[0] :], group=self.sharing)

    # --8<-- [end:finish]
