"""FSDP from scratch: shard, gather, free, reduce-scatter."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import _unsafe_preserve_version_counter as unnoticed  # type: ignore[attr-defined]


# --8<-- [start:layout]
def rows(length: int, rank: int, ranks: int) -> slice:
    """The rows that a rank keeps: equal chunks, the last ones shorter or empty."""
    each = -(-length // ranks)  # rounded up
    return slice(min(rank * each, length), min((rank + 1) * each, length))


def padded(x: Tensor, length: int) -> Tensor:
    """`x` with zero rows at its end, flat."""
    missing = length - x.shape[0]
    return torch.cat([x, x.new_zeros(missing, *x.shape[1:])]).flatten()


# --8<-- [end:layout]


# A unit takes all parameters of `module` that no earlier unit has taken, and adds them to `taken`.
# With `keep` they stay gathered between the forward and the backward pass.
# --8<-- [start:unit]
class Unit:
    """Parameters that are gathered, freed and reduced together."""

    def __init__(self, module: nn.Module, taken: set[nn.Parameter], keep: bool = False):
        self.rank, self.ranks, self.keep = dist.get_rank(), dist.get_world_size(), keep
        self.slots = [
            (owner, name)
            for owner in module.modules()
            for name, value in owner.named_parameters(recurse=False)
            if value not in taken
        ]
        self.full = [nn.Parameter(getattr(owner, name)) for owner, name in self.slots]
        self.each = [-(-len(full) // self.ranks) for full in self.full]  # rows of a rank
        self.sizes = [
            n * full[0].numel() for n, full in zip(self.each, self.full, strict=True)
        ]
        self.shards = [
            nn.Parameter(full.detach()[rows(len(full), self.rank, self.ranks)].clone())
            for full in self.full
        ]
        taken.update(self.shards)
        self.free()
        for full in self.full:
            full.register_post_accumulate_grad_hook(self.ready)
        module.register_forward_pre_hook(lambda *_: self.gather())
        module.register_forward_hook(self.after_forward)

    # --8<-- [end:unit]

    # --8<-- [start:free]
    def free(self) -> None:
        """The module owns shards again; whole parameters lose their memory, not their place."""
        self.use(self.shards)
        for full in self.full:
            full.untyped_storage().resize_(0)

    def use(self, parameters: list[nn.Parameter]) -> None:
        """What the modules compute with, and what an optimizer finds in them."""
        for (owner, name), parameter in zip(self.slots, parameters, strict=True):
            owner._parameters[name] = parameter

    # --8<-- [end:free]

    # --8<-- [start:gather]
    @torch.no_grad()
    def gather(self) -> None:
        """Whole parameters from all shards, by one all-gather."""
        if self.full[0].untyped_storage().size() == 0:
            pairs = list(zip(self.shards, self.each, strict=True))
            mine = torch.cat([padded(shard, each) for shard, each in pairs])
            everyones = mine.new_empty(self.ranks, mine.numel())
            dist.all_gather_single(everyones.view(-1), mine)
            parts = everyones.split(self.sizes, dim=1)  # each [ranks, numbers of one rank]
            for full, part in zip(self.full, parts, strict=True):
                full.untyped_storage().resize_(full.nbytes)
                with unnoticed(full):  # autograd has saved it, and would object
                    full.copy_(part.flatten()[: full.numel()].view_as(full))
        self.use(self.full)

    def after_forward(self, module: nn.Module, inputs: object, output: Tensor) -> None:
        """Free, and come back when the gradient of the output arrives."""
        if not self.keep:
            self.free()
        self.waiting = len(self.full)
        if output.requires_grad:
            output.register_hook(lambda _: self.gather())

    # --8<-- [end:gather]

    # --8<-- [start:reduce]
    def ready(self, _: Tensor) -> None:
        """A gradient is there. With the last one: average over ranks, keep our rows."""
        self.waiting -= 1
        if self.waiting:
            return
        self.free()
        everyones = self.shards[0].new_empty(self.ranks, sum(self.sizes))
        parts = everyones.split(self.sizes, dim=1)
        for full, each, part in zip(self.full, self.each, parts, strict=True):
            assert full.grad is not None
            part.copy_(padded(full.grad, each * self.ranks).view(self.ranks, -1))
            full.grad = None
        mine = everyones.new_empty(sum(self.sizes))
        dist.reduce_scatter_single(mine, everyones.view(-1))
        mine /= self.ranks
        for shard, part in zip(self.shards, mine.split(self.sizes), strict=True):
            grad = part[: shard.numel()].view_as(shard)
            shard.grad = grad if shard.grad is None else shard.grad + grad

    # --8<-- [end:reduce]


# --8<-- [start:wrap]
def shard_model(
    model: nn.Module, blocks: list[nn.Module], keep: bool = False
) -> list[Unit]:
    """One unit for each block, from the inside out, and one for what is left."""
    taken: set[nn.Parameter] = set()
    units = [Unit(block, taken, keep) for block in blocks]
    return [*units, Unit(model, taken, keep=True)]  # the root is needed again at once


# --8<-- [end:wrap]
