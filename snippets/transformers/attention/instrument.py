"""An instrument that counts bytes between slow and fast memory, and knows nothing of attention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

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
    @property
    def moved(self) -> int:
        """Bytes in both directions."""
        return self.read + self.written

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
