"""Context and expert parallelism: what a rank hands to the network, and the largest tensor it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Traffic(TorchDispatchMode):
    """Watches every operation of PyTorch, whoever calls it: bytes sent, largest result."""

    def __init__(self) -> None:
        """Nothing sent yet."""
        super().__init__()
        self.sent = self.largest = 0
        self.names: dict[str, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Count, then do what was asked."""
        leaving = bytes_sent(func._schema.name, args)
        if leaving is not None:
            self.sent += leaving
            name = func._schema.name.split("::")[1]
            self.names[name] = self.names.get(name, 0) + 1
        out = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        self.largest = max([self.largest, *(t.nbytes for t in tensors)])
        return out


def bytes_sent(name: str, args: Sequence[Any]) -> int | None:
    """Bytes that leave this rank in one operation; None if it is not communication."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    if name == "c10d::send":
        return sum(t.nbytes for t in args[0])
    if name == "_c10d_functional::all_gather_into_tensor":
        return int(
            args[0].nbytes * (ranks - 1)
        )  # by a ring: own part and those that pass by
    if name in ("_c10d_functional::all_to_all_single", "c10d::alltoall_base_"):
        data, splits = (args[0], args[2]) if "functional" in name else (args[1], args[4])
        rows = [int(n) for n in splits] or [data.shape[0] // ranks] * ranks
        per_row = data[:1].nbytes
        return sum(n for to, n in enumerate(rows) if to != rank) * per_row
    return None


def kept(work: Callable[[], Tensor]) -> tuple[Tensor, int]:
    """A result, and the bytes of the different tensors that autograd keeps for its gradient."""
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storages[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        return work(), sum(storages.values())


def cost(forward: Traffic, backward: Traffic, size: int | None = None) -> dict[str, Any]:
    """Bytes sent, largest tensor, bytes kept if autograd was asked."""
    return {
        "sent": (forward.sent, backward.sent),
        "largest": max(forward.largest, backward.largest),
        "kept": size,
        "calls": {**forward.names, **{f"{n}, back": c for n, c in backward.names.items()}},
    }


def below(difference: float, bound: float = 1e-5) -> str:
    """A rounding error in words that are the same on every machine."""
    return f"< {bound:.0e}" if difference < bound else f"{difference:.0e}"
