"""Model serving: what one bad request does to those who share its batch."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

from snippets.inference.model_serving.batcher import Batcher
from snippets.inference.model_serving.clock import simulate

Waiting = list[tuple[int, "asyncio.Future[int]"]]


async def strict(rows: Sequence[int]) -> list[int]:
    """Squares. Raises if any row is negative, as a model does on a shape or a type."""
    await asyncio.sleep(0.002)
    if min(rows) < 0:
        raise ValueError("a row is bad")
    return [row * row for row in rows]


async def lenient(rows: Sequence[int]) -> list[int]:
    """Squares of the rows that are good: what a filter in the feature code makes of it."""
    await asyncio.sleep(0.002)
    return [row * row for row in rows if row >= 0]


class Naive(Batcher[int, int]):
    """The batcher that everybody writes first."""

    async def answer(self, batch: Waiting, halve: bool = False) -> None:
        """One call, one fate."""
        self.batches.append(len(batch))
        try:
            answers = await self.model([row for row, _ in batch])
        except Exception as error:
            for _, waiting in batch:
                waiting.set_exception(error)
            return
        for (_, waiting), answer in zip(batch, answers):
            waiting.set_result(answer)


async def outcomes(batcher: Batcher[int, int], bad: float, requests: int) -> dict[str, int]:
    """What the senders of good rows get when a share `bad` of all rows is bad."""
    rng = random.Random(5)
    rows = [row if rng.random() >= bad else -1 for row in range(1, requests + 1)]
    worker = asyncio.create_task(batcher.run())
    told = {"good rows": 0, "right": 0, "error": 0, "wrong": 0, "never": 0}

    async def one(row: int) -> None:
        told["good rows"] += row >= 0
        result = "never"
        try:
            async with asyncio.timeout(60):
                result = "right" if await batcher.ask(row) == row * row else "wrong"
        except ValueError:
            result = "error"
        except TimeoutError:
            pass
        if row >= 0:
            told[result] += 1

    async with asyncio.TaskGroup() as group:
        for row in rows:
            group.create_task(one(row))
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker
    return told | {"calls": len(batcher.batches)}


CASES = {
    "naive, model raises": (Naive, strict),
    "naive, rows dropped": (Naive, lenient),
    "this page, raises": (Batcher, strict),
    "this page, dropped": (Batcher, lenient),
}


def example_poison() -> None:
    """3,200 requests in batches of 32, one row in a hundred is bad."""
    print("                     good  right  error  wrong  never  calls")
    for name, (kind, model) in CASES.items():
        told = simulate(outcomes(kind(model, 32, 0.0), 0.01, 3200))
        print(f"{name:19s}" + "".join(f"{n:7d}" for n in told.values()))


def poisoned(bad: float, size: int) -> float:
    """Chance that a good row shares its batch with a bad one."""
    return 1 - (1 - bad) ** (size - 1)


def extra_calls(size: int) -> int:
    """Calls to isolate one bad row in a batch of a power of two: both halves, every time.

    Two come first: the whole batch, and a row that is known to be good.
    """
    return 2 + 2 * (size.bit_length() - 1)


def facts() -> dict[str, str]:
    """Numbers that the page states about bad rows."""
    return {
        "poisoned": f"{poisoned(0.01, 32):.0%}",
        "isolation": f"{extra_calls(32)}",
        "blind": f"{2 * 64 - 1}",  # calls, if each half of each batch fails again
    }


if __name__ == "__main__":
    example_poison()
