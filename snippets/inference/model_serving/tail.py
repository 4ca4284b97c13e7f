"""Model serving: two load tests of one server, of which one does not see the accident."""

from __future__ import annotations

import asyncio

from snippets.inference.model_serving.clock import load, percentile, simulate

STALL, ENDS, CALL = 5.0, 6.0, 2e-3  # the server is frozen for one second; a call takes 2 ms


class Server:
    """One request at a time, 2 ms each, and one pause of a second in the middle."""

    def __init__(self) -> None:
        self.free = 0.0

    async def ask(self, row: int) -> None:
        """Wait for a turn, and for the end of the pause if it falls into it."""
        now = asyncio.get_running_loop().time()
        begin = max(now, self.free)
        if STALL <= begin < ENDS:
            begin = ENDS
        self.free = begin + CALL
        await asyncio.sleep(self.free - now)


async def closed(requests: int) -> list[float]:
    """A loop that sends, waits for the answer, and then for its next turn: 100 a second."""
    server, loop, times = Server(), asyncio.get_running_loop(), []
    for row in range(requests):
        began = loop.time()
        await server.ask(row)
        times.append(loop.time() - began)
        await asyncio.sleep(max(0.0, began + 0.01 - loop.time()))
    return times


async def opened(requests: int) -> list[float]:
    """The same rate, from people who do not know of each other."""
    return await load(Server().ask, 100, requests)


def example_omission() -> None:
    """Ten seconds at 100 requests a second, with one second of standstill."""
    print("load test      p50       p95       p99  over 100 ms")
    for name, run in (("closed loop", closed), ("open loop", opened)):
        times = simulate(run(1000))
        row = "".join(f"{percentile(times, q) * 1e3:7.0f} ms" for q in (0.5, 0.95, 0.99))
        print(f"{name:11s}{row}{sum(t > 0.1 for t in times):14d}")


def fan_out(slow: float, calls: int) -> float:
    """Chance that a page which waits for `calls` answers meets a slow one."""
    return 1 - (1 - slow) ** calls


def facts() -> dict[str, str]:
    """Numbers that the page states about tails."""
    return {"fan_out": f"{fan_out(0.01, 100):.0%}"}


if __name__ == "__main__":
    example_omission()
