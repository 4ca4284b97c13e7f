"""Where memory goes: what autograd keeps of a layer, counted in PyTorch's own tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    """A transformer layer as in GPT-3: dropout after softmax, after attention and after the MLP."""

    def __init__(self, hidden: int, heads: int, keep: str = "all") -> None:
        super().__init__()
        self.heads, self.keep = heads, keep
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.qkv, self.out = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.up, self.down = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention with its s x s matrices, three of which stay for the backward pass."""
        scores = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)  # [B, H, S, S]
        return drop(scores) @ v

    def forward(self, x: Tensor) -> Tensor:
        """Attention and MLP, each added to the stream [S, B, hidden]."""
        s, b, h = x.shape
        split = self.qkv(self.norm1(x)).view(s, b, 3, self.heads, -1).permute(2, 1, 3, 0, 4)
        if self.keep == "selective":
            mixed = checkpoint(self.attend, *split, use_reentrant=False)
        else:
            mixed = self.attend(*split)
        x = x + drop(self.out(mixed.permute(2, 0, 1, 3).reshape(s, b, h)))
        return x + drop(self.down(F.gelu(self.up(self.norm2(x)))))


def drop(x: Tensor) -> Tensor:
    """Dropout that keeps a mask of one byte per number, as the kernels for GPUs do."""
    return torch.native_dropout(x, 0.1, True)[0]


# --8<-- [start:saved]
def saved_bytes(work: Callable[[], object], parameters: Iterable[Tensor]) -> int:
    """Bytes that autograd keeps for the backward pass, each storage once, parameters excluded."""
    known = {p.untyped_storage().data_ptr() for p in parameters}
    found: dict[
        int, Tensor
    ] = {}  # a reference holds the storage, so that no address repeats

    def pack(tensor: Tensor) -> Tensor:
        if (where := tensor.untyped_storage().data_ptr()) not in known:
            found[where] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        work()
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


# --8<-- [end:saved]


def example_layer() -> None:
    """What a layer really saves, and what the formula says."""
    torch.manual_seed(0)
    s, b, h, a = 128, 2, 64, 8
    sbh = s * b * h
    for keep, formula in (("all", 34 + 5 * a * s / h), ("selective", 34.0), ("input", 2.0)):
        block = Block(h, a, keep).bfloat16()
        x = torch.randn(s, b, h, dtype=torch.bfloat16, requires_grad=True)
        whole = (
            partial(checkpoint, block, use_reentrant=False) if keep == "input" else block
        )
        size = saved_bytes(partial(whole, x), block.parameters())
        print(
            f"{keep:10s} {size:8,d} bytes = {size / sbh:6.2f} sbh, formula {formula:6.2f} sbh"
        )


if __name__ == "__main__":
    example_layer()
