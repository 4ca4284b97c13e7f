"""Where memory goes: an allocator that has the memory, and cannot give it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


# --8<-- [start:pool]
@dataclass
class Pool:
    """A caching allocator in miniature: segments from the driver, cut into blocks, in MB.

    A freed block waits for the next request that fits. Blocks of different segments never merge.
    """

    limit: int
    segments: list[list[list[int]]] = field(
        default_factory=list
    )  # [size, in use] of each block

    def allocate(self, size: int) -> list[int]:
        """A block of `size`: the smallest free one that fits, else a new segment."""
        free = [(b, s) for s in self.segments for b in s if not b[1] and b[0] >= size]
        if not free:
            self.segments = [
                s for s in self.segments if any(b[1] for b in s)
            ]  # give back empty ones
            if self.held(1) + self.held(0) + size > self.limit:
                raise MemoryError(
                    f"{size:,} MB wanted, {self.limit - self.held(1):,} MB not in use"
                )
            self.segments.append([[size, 1]])
            return self.segments[-1][0]
        block, segment = min(free, key=lambda pair: pair[0][0])
        if block[0] > size:
            segment.insert(segment.index(block) + 1, [block[0] - size, 0])
        block[:] = size, 1
        return block

    # --8<-- [end:pool]

    def release(self, block: list[int]) -> None:
        """Mark as free, and join it with free neighbors of its segment."""
        block[1] = 0
        segment = next(s for s in self.segments if any(b is block for b in s))
        for left, right in zip(segment[-2::-1], segment[:0:-1], strict=True):
            if not left[1] and not right[1]:
                left[0], right[0] = left[0] + right[0], 0
        segment[:] = [b for b in segment if b[0]]

    def held(self, used: int) -> int:
        """MB in use (1), or taken from the driver and free (0)."""
        return sum(b[0] for s in self.segments for b in s if b[1] == used)


def varying(pool: Pool, alive: int, smallest: int, steps: int = 3000) -> tuple[int, str]:
    """Activations of micro-batches of varying length; the newest `alive` of them live at once."""
    rng, blocks = random.Random(0), list[list[int]]()
    for step in range(steps):
        if len(blocks) == alive:
            pool.release(blocks.pop(0))
        try:
            blocks.append(pool.allocate(rng.randrange(smallest, 2001)))
        except MemoryError as error:
            return step, str(error)
    return steps, ""


class Pages(Pool):
    """Expandable segments: addresses are plenty, and free pages are mapped where they are needed."""

    def allocate(self, size: int) -> list[int]:
        """A block of its own, as long as the sum fits."""
        if self.held(1) + size > self.limit:
            raise MemoryError(
                f"{size:,} MB wanted, {self.limit - self.held(1):,} MB not in use"
            )
        self.segments = [s for s in self.segments if any(b[1] for b in s)] + [[[size, 1]]]
        return self.segments[-1][0]


def example_fragments() -> None:
    """80 GB, 55 micro-batches alive, 100 to 2,000 MB each."""
    for pool, name in ((Pool(80_000), "segments"), (Pages(80_000), "pages")):
        steps, error = varying(pool, 55, 100)
        print(
            f"{name:9s} step {steps:5,d}, in use {pool.held(1):6,d} MB: {error or 'done'}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about fragments."""
    pool = Pool(80_000)
    steps, error = varying(pool, 55, 100)
    hole = max(b[0] for s in pool.segments for b in s if not b[1])
    return {
        "fragment_step": f"{steps:,}",
        "fragment_free": f"{(80_000 - pool.held(1)) / 1000:.1f} GB",
        "fragment_hole": f"{hole:,d} MB",
        "fragment_want": error.split(" wanted")[0],
    }


if __name__ == "__main__":
    example_fragments()
