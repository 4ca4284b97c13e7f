"""FSDP: a small model for the experiments, and a counter of bytes on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
import torch._dynamo  # `fully_shard` needs it: once here, or again in every forked rank
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from snippets.distributed.collectives.cost import bus_factor

WIDTH, DEPTH = 30, 4  # four ranks do not divide 30


class Block(nn.Module):
    """An MLP with a residual connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:  # [B, width]
        """Adds what the MLP says."""
        return x + self.down(F.gelu(self.up(self.norm(x))))


def network(width: int = WIDTH, depth: int = DEPTH) -> nn.Sequential:
    """Blocks and a head, the same on all ranks."""
    torch.manual_seed(0)
    return nn.Sequential(*(Block(width) for _ in range(depth)), nn.Linear(width, 1))


def batch(rank: int = 0, ranks: int = 1, width: int = WIDTH) -> tuple[Tensor, Tensor]:
    """This rank's part of the same 16 samples."""
    generator = torch.Generator("cpu").manual_seed(1)
    x = torch.randn(16, width, generator=generator, device="cpu")
    x = x.to(torch.get_default_device())
    mine = slice(rank * 16 // ranks, (rank + 1) * 16 // ranks)
    return x[mine], x.sin().mean(-1, keepdim=True)[mine]


class Wire(TorchDispatchMode):
    """What each collective sends, whoever calls it."""

    kinds: ClassVar = {
        # position of the whole tensor, of the group
        "_allgather_base_": ("all_gather", 0, 2),
        "_reduce_scatter_base_": ("reduce_scatter", 1, 2),
        "allreduce_": ("all_reduce", 0, 1),
    }

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, tuple[int, ...], float]] = []  # kind, ranks, bytes sent

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = func.__name__.split(".")[0]
        if func.namespace == "c10d" and name in self.kinds:
            kind, whole, group = self.kinds[name]
            tensor = args[whole][0] if isinstance(args[whole], list) else args[whole]
            ranks = dist.get_process_group_ranks(dist.ProcessGroup.unbox(args[group]))
            self.calls.append(
                (kind, tuple(ranks), bus_factor(kind, len(ranks)) * tensor.nbytes)
            )
        return func(*args, **(kwargs or {}))

    def sent(self, kind: str = "") -> float:
        """Bytes, of one kind of call or of all."""
        return sum(size for name, _, size in self.calls if kind in name)


def local(t: Tensor) -> Tensor:
    """What this rank holds of it."""
    return t.to_local() if isinstance(t, DTensor) else t


def tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    """Weights, gradients and moments."""
    for parameter in model.parameters():
        yield parameter
        if parameter.grad is not None:
            yield parameter.grad
        state = optimizer.state.get(parameter, {})
        yield from (t for name, t in state.items() if name != "step")


def mean(x: Tensor) -> float:
    """Over ranks."""
    if dist.is_initialized():
        dist.all_reduce(x)
        x /= dist.get_world_size()
    return x.item()


def whole(parameter: Tensor, kind: str) -> Tensor:
    """The whole gradient: PyTorch's by `full_tensor`, ours put together from all rows."""
    grad = parameter.grad
    assert grad is not None
    if isinstance(grad, DTensor):
        return grad.full_tensor()
    if kind != "mini-FSDP":
        return grad.clone()
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, grad)
    return torch.cat(parts)
