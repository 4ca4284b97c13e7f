"""vLLM: the memory of a server as blocks that sequences share, and copy before they write."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import takewhile

BLOCK = 16  # tokens, vLLM's default on GPUs


class OutOfBlocks(RuntimeError):
    """Nothing is free: the scheduler must take blocks away from somebody."""


# --8<-- [start:pool]
class BlockPool:
    """Blocks by number. A free one can be found by its name until it is taken."""

    def __init__(self, blocks: int, size: int = BLOCK) -> None:
        self.size = size
        self.users = [0] * blocks  # how many tables hold each
        self.free = OrderedDict.fromkeys(range(blocks))  # a queue; any place may leave
        self.by_name, self.name_of = dict[str, int](), dict[int, str]()

    def take(self) -> int:
        """The block that is missed least; its name is forgotten now, not when it was freed."""
        if not self.free:
            raise OutOfBlocks
        block, _ = self.free.popitem(last=False)
        self.by_name.pop(self.name_of.pop(block, ""), None)
        self.users[block] = 1
        return block

    def share(self, block: int) -> int:
        """One more table holds the block; a free one leaves the queue."""
        self.free.pop(block, None)
        self.users[block] += 1
        return block

    def release(self, block: int) -> None:
        """One table less; the block is free when the last one has let go."""
        self.users[block] -= 1
        if self.users[block] == 0:
            self.free[block] = None
            if block not in self.name_of:  # nobody can find it: use it first
                self.free.move_to_end(block, last=False)

    def name(self, block: int, name: str) -> None:
        """Make a full block findable; of two with equal content, the first."""
        if name not in self.by_name and block not in self.name_of:
            self.by_name[name], self.name_of[block] = block, name


# --8<-- [end:pool]


# --8<-- [start:table]
@dataclass
class Table:
    """Where one sequence is: token i in blocks[i // size], at offset i % size."""

    blocks: list[int] = field(default_factory=list)
    length: int = 0


def append(pool: BlockPool, table: Table) -> tuple[int, int] | None:
    """Make room for one more token; (from, to) if a block must be copied first."""
    copy = None
    if table.length == len(table.blocks) * pool.size:
        table.blocks.append(pool.take())
    elif pool.users[last := table.blocks[-1]] > 1:  # copy on write
        copy = last, pool.take()
        pool.release(last)
        table.blocks[-1] = copy[1]
    table.length += 1
    return copy


def fork(pool: BlockPool, table: Table) -> Table:
    """A second sequence with the same past, at the price of a list."""
    return Table([pool.share(block) for block in table.blocks], table.length)


def free(pool: BlockPool, table: Table) -> None:
    """End a sequence, its last block first: beginnings are worth more."""
    while table.blocks:
        pool.release(table.blocks.pop())
    table.length = 0


# --8<-- [end:table]


# --8<-- [start:admit]
def admit(pool: BlockPool, names: list[str], tokens: int) -> Table:
    """A table for a prompt, with what its named full blocks find in the pool.

    `length` counts the tokens found. The last token is never taken from the cache: its
    logits are the answer, so it has to pass through the model.
    """
    usable = names[: (tokens - 1) // pool.size]
    found = takewhile(lambda block: block is not None, map(pool.by_name.get, usable))
    blocks = [pool.share(block) for block in found if block is not None]
    return Table(blocks, len(blocks) * pool.size)


# --8<-- [end:admit]


def example_fork() -> None:
    """A prompt of 20 tokens answered twice: what is shared, and what the first write copies."""
    pool, first = BlockPool(8), Table()
    for _ in range(20):
        append(pool, first)
    second = Table()
    print(f"{'':15s}{'copied':>7s}   {'first':9s}{'second':9s}users")
    for event in ("fork", "second writes", "first writes", "second ends"):
        copy = None
        if event == "fork":
            second = fork(pool, first)
        elif event == "second ends":
            free(pool, second)
        else:
            copy = append(pool, first if event == "first writes" else second)
        arrow = f"{copy[0]} → {copy[1]}" if copy else "-"
        print(
            f"{event:15s}{arrow:>7s}   {first.blocks!s:9s}{second.blocks!s:9s}{pool.users[:3]}"
        )


if __name__ == "__main__":
    example_fork()
