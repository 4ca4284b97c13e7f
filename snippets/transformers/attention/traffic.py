"""Bytes between slow and fast memory, counted by an instrument that knows nothing of attention."""

# /// fieldguide
# timeout_s = 90
# ///

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from snippets.shapes.accelerators import ACCELERATORS
from snippets.transformers.attention.tiles import Tile, backward, forward

FREE = {"aten::empty_like", "aten::empty", "aten::detach"}  # no byte of theirs moves
STORES = {"aten::copy_", "aten::zero_"}  # they overwrite, and do not read, their target


def found(tree: object) -> list[Tensor]:
    """The tensors among arguments or results."""
    if isinstance(tree, Tensor):
        return [tree]
    return (
        [x for part in tree for x in found(part)] if isinstance(tree, (tuple, list)) else []
    )


# Outside of `kernel`, each operation reads its arguments from slow memory and writes its
# result there. Inside, results stay in fast memory; what `empty_like` makes is slow memory.
# --8<-- [start:instrument]
class Traffic(TorchDispatchMode):
    """Counts the bytes that PyTorch's operations move to and from slow memory."""

    def __init__(self) -> None:
        super().__init__()
        self.read = self.written = self.peak = 0
        self.inside = False
        self.fast: dict[StorageWeakRef, int] = {}  # bytes of each storage in fast memory

    def __torch_dispatch__(
        self, op: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = op(*args, **(kwargs or {}))
        name = op._schema.name
        if op.is_view or name in FREE:
            return result
        given, made = found(args), found(result)
        target = given[:1] if name.endswith("_") else []  # an operation in place
        self.read += self.slow_bytes(given[len(target) * (name in STORES) :])
        self.remember([x for x in made if not target])
        self.written += self.slow_bytes(target or made)
        return result

    def slow_bytes(self, tensors: list[Tensor]) -> int:
        """Bytes of those tensors that are not in fast memory."""
        known = self.fast if self.inside else {}
        return sum(
            x.nbytes for x in tensors if StorageWeakRef(x.untyped_storage()) not in known
        )

    # --8<-- [end:instrument]
    def remember(self, made: list[Tensor]) -> None:
        """Note what is in fast memory now, and forget what is no longer in use."""
        if not self.inside:
            return
        self.fast = {ref: size for ref, size in self.fast.items() if not ref.expired()}
        for x in made:
            self.fast[StorageWeakRef(x.untyped_storage())] = x.untyped_storage().nbytes()
        self.peak = max(self.peak, sum(self.fast.values()))

    @contextmanager
    def kernel(self) -> Iterator[None]:
        """What runs in here is one kernel."""
        self.inside, self.fast = True, {}
        yield
        self.inside, self.fast = False, {}


# q: [S, d]. Nothing in it says how many bytes it moves.
# --8<-- [start:eager]
def eager(q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Attention as separate operations: scores, mask, softmax, weighted sum."""
    scores = (q * q.shape[-1] ** -0.5) @ k.T  # [S, S]
    if hidden is not None:
        scores = scores.masked_fill(hidden, float("-inf"))
    return scores.softmax(-1) @ v


# --8<-- [end:eager]


def inputs(tokens: int, width: int, dtype: torch.dtype) -> list[Tensor]:
    """Queries, keys, values and output gradients of one head, whatever their values."""
    return [torch.ones(tokens, width, dtype=dtype) for _ in range(4)]


def eager_traffic(
    tokens: int, width: int, dtype: torch.dtype = torch.bfloat16, padding: bool = False
) -> tuple[Traffic, Traffic]:
    """Counts of one head, forward and backward; `padding` adds a mask of hidden keys."""
    q, k, v, grad = inputs(tokens, width, dtype)
    hidden = torch.arange(tokens) == tokens - 1 if padding else None
    for x in (q, k, v):
        x.requires_grad_()
    with Traffic() as first:
        out = eager(q, k, v, hidden)
    with Traffic() as second:
        torch.autograd.grad(out, (q, k, v), grad)
    return first, second


def tiled_traffic(
    tokens: int, width: int, tile: Tile, dtype: torch.dtype = torch.bfloat16
) -> tuple[Traffic, Traffic]:
    """Counts of one head in tiles without a mask, forward and backward."""
    q, k, v, grad = inputs(tokens, width, dtype)
    with Traffic() as first, first.kernel():
        out, lse = forward(q, k, v, tile, causal=False)
    with Traffic() as second, second.kernel():
        backward(q, k, v, out, lse, grad, tile, causal=False)
    return first, second


FLASH_GB = 4.4  # read and written by FlashAttention: Dao et al. 2022, figure 2
SIZE = (1024, 64)  # tokens and head width of GPT-2 medium


def example_counts() -> None:
    """One head of GPT-2 medium in bf16: forward, backward and what a tile needs."""
    print(f"{'tile':>9s}{'forward MB':>12s}{'backward MB':>13s}{'in fast memory KiB':>20s}")
    rows = {"none": eager_traffic(*SIZE)}
    for tile in ((32, 32), (64, 64), (128, 128), (256, 256)):
        rows[f"{tile[0]}x{tile[1]}"] = tiled_traffic(*SIZE, tile)
    for name, counts in rows.items():
        moved = "".join(f"{(c.read + c.written) / 1e6:12.2f} " for c in counts)
        print(f"{name:>9s}{moved}{counts[0].peak / 1024:19.0f}")


def gigabytes(counts: tuple[Traffic, ...], heads: int = 1) -> float:
    """Bytes moved by `heads` equal heads, in both directions."""
    return heads * sum(c.read + c.written for c in counts) / 1e9


HEADS = 16 * 64  # of GPT-2 medium, in a batch of 64


def floor_ms(moved_gb: float, bandwidth_tb_s: float) -> float:
    """Least time to move that many gigabytes."""
    return moved_gb / bandwidth_tb_s


def facts() -> dict[str, str]:
    """Numbers that the page states about traffic."""
    counted = gigabytes(eager_traffic(*SIZE, padding=True), HEADS)
    a100 = ACCELERATORS["A100"].memory_tb_s
    return {
        "counted_gb": f"{counted:.1f} GB",
        "floor_flash": f"{floor_ms(FLASH_GB, a100):.1f} ms",
    }


if __name__ == "__main__":
    example_counts()
