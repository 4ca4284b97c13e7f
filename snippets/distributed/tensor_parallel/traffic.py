"""Tensor parallelism: counting what collectives send, ours and PyTorch's alike."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.debug import CommDebugMode

from snippets.distributed.collectives.cost import bus_factor

KINDS = {"all_gather": "gather", "reduce_scatter": "scatter", "all_reduce": "reduce"}


class Traffic(CommDebugMode):
    """PyTorch's counter of collectives, and the bytes that a ring would send for them."""

    def __init__(self, ranks: int) -> None:
        super().__init__()
        self.ranks, self.sent, self.calls = ranks, 0.0, Counter[str]()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        before = self.get_total_counts()
        result = super().__torch_dispatch__(func, types, args, kwargs)
        if self.get_total_counts() > before:
            name = next(n for n in KINDS if KINDS[n] in str(func))
            whole = max(tensor.nbytes for tensor in tensors((args, result)))
            self.sent += bus_factor(name, self.ranks) * whole
            self.calls[name] += 1
        return result


def tensors(tree: Any) -> list[Tensor]:
    """All tensors in nested lists and tuples."""
    leaves = torch.utils._pytree.tree_leaves(tree)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def local(tensor: Tensor) -> Tensor:
    """What this rank holds."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
