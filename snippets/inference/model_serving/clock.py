"""Model serving: the real batcher on a clock that skips the waiting."""

from __future__ import annotations

import asyncio
import math
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from snippets.inference.model_serving.batcher import Batcher

Result = TypeVar("Result")
FIXED, PER_ROW = 2e-3, 0.1e-3  # seconds of a call, whatever its size, and of each row
SIZE = 64


# --8<-- [start:clock]
class SkippingSelector(selectors.SelectSelector):
    """Where the event loop would sleep, time jumps instead."""

    now = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Return at once and let the clock say that `timeout` has passed."""
        self.now += max(timeout or 0.0, 0.0)
        return super().select(0)


def simulate(main: Coroutine[Any, Any, Result]) -> Result:
    """Run asyncio code in virtual time. It may wait for its own timers only."""
    selector = SkippingSelector()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)


# --8<-- [end:clock]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


async def costed(rows: Sequence[int]) -> Sequence[int]:
    """A model that takes `FIXED + PER_ROW * n` seconds and answers with the square."""
    await asyncio.sleep(FIXED + PER_ROW * len(rows))
    return [row * row for row in rows]


# --8<-- [start:load]
async def load(
    ask: Callable[[int], Awaitable[object]], rate: float, requests: int, seed: int = 0
) -> list[float]:
    """Latencies under an open loop: requests arrive at random and wait for nobody."""
    loop, rng, latencies = asyncio.get_running_loop(), random.Random(seed), []

    async def one(row: int, arrived: float) -> None:
        await ask(row)
        latencies.append(loop.time() - arrived)

    due = loop.time()
    async with asyncio.TaskGroup() as group:
        for row in range(requests):
            due += rng.expovariate(rate)
            await asyncio.sleep(due - loop.time())
            group.create_task(one(row, due))
    return latencies


# --8<-- [end:load]


async def served(
    rate: float, size: int, window: float, requests: int = 4000
) -> tuple[list[float], list[int], float]:
    """Latencies, batch sizes and busy share of the batcher under this load."""
    batcher = Batcher(costed, size, window)
    worker = asyncio.create_task(batcher.run())
    latencies = await load(batcher.ask, rate, requests)
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker
    busy = sum(FIXED + PER_ROW * n for n in batcher.batches)
    return latencies, batcher.batches, busy / asyncio.get_running_loop().time()


def example_windows() -> None:
    """The same server under three loads: how long should it wait for company?"""
    print(" rate  window  rows a call  busy      p50      p99")
    for rate in (200, 1000, 4000):
        for window in (0.0, 0.005, 0.02):
            times, batches, busy = simulate(served(rate, SIZE, window))
            p50, p99 = (percentile(times, share) * 1e3 for share in (0.5, 0.99))
            print(
                f"{rate:5d}{window * 1e3:5.0f} ms{len(times) / len(batches):13.1f}"
                f"{busy:6.0%}{p50:6.1f} ms{p99:6.1f} ms"
            )


def facts() -> dict[str, str]:
    """Numbers that the page states about batches."""
    times, _, busy = simulate(served(1000, SIZE, 0.0))
    waited = simulate(served(1000, SIZE, 0.02))[0]
    return {
        "p50_1000": f"{percentile(times, 0.5) * 1e3:.1f} ms",
        "p99_1000": f"{percentile(times, 0.99) * 1e3:.1f} ms",
        "p99_waited": f"{percentile(waited, 0.99) * 1e3:.1f} ms",
        "busy_1000": f"{busy:.0%}",
        "headroom": f"{SIZE / (FIXED + PER_ROW * SIZE) / 1000:.1f}",
        "most_alone": f"{1 / (FIXED + PER_ROW):.0f}",
        "most": f"{SIZE / (FIXED + PER_ROW * SIZE):,.0f}",
        "fixed": f"{FIXED * 1e3:.0f} ms",
        "per_row": f"{PER_ROW * 1e3:.1f} ms",
        "size": f"{SIZE}",
        "own_1000": f"{1000 * FIXED / (1 - 1000 * PER_ROW):.1f}",
        "own_4000": f"{4000 * FIXED / (1 - 4000 * PER_ROW):.1f}",
    }


if __name__ == "__main__":
    example_windows()
