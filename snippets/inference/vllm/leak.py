"""How a paged cache breaks: a block freed while somebody still reads it."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.inference.vllm.attention import Memory, paged_attention
from snippets.inference.vllm.blocks import BlockPool, Table, fork, free

ALICE = "Alice: my card ends in 4417. "
CAROL = "Carol: the test was positive. I have not told anyone yet."


def vectors(text: str, start: int = 0) -> Tensor:
    """Keys that say which position, values that say which letter: [2, T, 1, 128]."""
    k = 99.0 * torch.eye(128)[start : start + len(text)]
    v = torch.eye(128)[list(text.encode())]
    return torch.stack([k, v])[:, :, None]


def recall(memory: Memory, table: Table) -> str:
    """What attention finds at each position of a sequence: the letters of its past."""
    letters = []
    for position in range(table.length):
        q = 99.0 * torch.eye(128)[position].reshape(1, 1, 128)
        letters.append(chr(int(paged_attention(q, memory, table).argmax())))
    return "".join(letters)


# --8<-- [start:careless]
class CarelessPool(BlockPool):
    """Frees a block when anybody lets go of it."""

    def release(self, block: int) -> None:
        """Forgets that others may hold it."""
        self.users[block] = 1
        super().release(block)


# --8<-- [end:careless]


# --8<-- [start:scene]
def scene(pool: BlockPool) -> str:
    """Alice gets two answers from one prompt; one ends early, then Carol comes."""
    memory, alice, carol = Memory(pool, 1, 128), Table(), Table()
    memory.write(pool, alice, *vectors(ALICE))
    second = fork(pool, alice)
    free(pool, second)  # the second answer has ended
    memory.write(pool, carol, *vectors(CAROL))
    memory.write(pool, alice, *vectors("Is it valid?", alice.length))
    return recall(memory, alice)


# --8<-- [end:scene]


def example_leak() -> None:
    """What Alice's sequence reads in its own cache."""
    print("counted: ", scene(BlockPool(8)))
    print("careless:", scene(CarelessPool(8)))


if __name__ == "__main__":
    example_leak()
