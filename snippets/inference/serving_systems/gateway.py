"""Serving systems: a gateway that queues, sheds, checks, retries, and answers once."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from snippets.inference.serving_systems import protocol as http
from snippets.inference.serving_systems.retry_budget import RetryBudget


@dataclass(eq=False)
class Worker:
    """What the gateway knows of a worker."""

    pid: int
    port: int
    running: int = 0
    healthy: bool = False
    misses: int = 0
    asked: asyncio.Task[None] | None = None  # the probe under way


@dataclass
class Gateway:
    """One queue in front of all workers. Work waits here, where it can still be moved or refused."""

    slots: int = 4
    room: int = 8
    gap_s: float = 2.0  # in which a worker must answer, then send each next token
    budget: RetryBudget = field(default_factory=RetryBudget)
    workers: dict[int, Worker] = field(default_factory=dict)
    waiting: deque[asyncio.Future[Worker]] = field(default_factory=deque)
    seconds: float = 0.1  # of one answer, a moving average
    moved: int = 0
    shed: int = 0

    # --8<-- [start:queue]
    def retry_after(self) -> int | None:
        """None if there is room; otherwise the seconds until the queue has likely drained."""
        if len(self.waiting) < self.room:
            return None
        slots = self.slots * max(1, sum(one.healthy for one in self.workers.values()))
        return max(1, math.ceil(len(self.waiting) * self.seconds / slots))

    def dispatch(self) -> None:
        """Hand free slots to whoever waits longest, on the least loaded worker."""
        while self.waiting:
            ready = [
                w for w in self.workers.values() if w.healthy and w.running < self.slots
            ]
            if not ready:
                return
            future = self.waiting.popleft()
            if not future.cancelled():
                worker = min(ready, key=lambda one: one.running)
                worker.running += 1
                future.set_result(worker)

    # --8<-- [end:queue]

    # --8<-- [start:answer]
    async def answer(self, prompt: list[int], count: int) -> AsyncGenerator[int, None]:
        """Tokens of one accepted request, each of them once, whatever happens to workers."""
        sent: list[int] = []
        self.budget.deposit()
        while len(sent) < count:
            future = asyncio.get_running_loop().create_future()
            (self.waiting.appendleft if sent else self.waiting.append)(future)
            self.dispatch()
            worker = await future
            job = {"prompt": prompt + sent, "tokens": count - len(sent)}
            try:
                async with http.request(worker.port, "/generate", job, self.gap_s) as reply:
                    async for line in reply.lines:
                        sent.append(line["token"])
                        yield line["token"]
                if len(sent) < count:
                    raise ConnectionError("the answer ended too early")
            except http.BROKEN:  # reset, cut, or silent for `gap_s`
                worker.healthy = False  # passive health check: no need to wait for a probe
                if not self.budget.withdraw():
                    raise
                self.moved += 1
            finally:
                worker.running -= 1
                self.dispatch()

    # --8<-- [end:answer]

    async def handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection: refuse at once, or answer to the end."""
        with contextlib.suppress(*http.BROKEN), contextlib.closing(writer):
            _, message = await http.read_request(reader)
            began = time.monotonic()
            if (seconds := self.retry_after()) is not None:
                self.shed += 1
                refusal = [f"Retry-After: {seconds}", "Content-Length: 0"]
                writer.write(http.head(429, refusal))
                return
            writer.write(http.head(200, [http.STREAM]))
            tokens = self.answer(message["prompt"], message["tokens"])
            async with contextlib.aclosing(tokens):
                async for token in tokens:
                    writer.write(http.line({"token": token}))
                    await writer.drain()
            writer.write(http.END)
            self.seconds += 0.1 * (time.monotonic() - began - self.seconds)

    async def probe(self, worker: Worker, patience: int = 3) -> None:
        """Ask a worker whether it is well; three misses in a row mean no."""
        try:
            async with http.request(worker.port, "/health", gap_s=0.5):
                worker.healthy, worker.misses = True, 0
                self.dispatch()
        except http.BROKEN:
            worker.misses += 1
            worker.healthy = worker.healthy and worker.misses < patience

    async def check(self, every_s: float = 0.1) -> None:
        """Probe each worker again and again; none waits for the probe of another."""
        async with asyncio.TaskGroup() as group:
            while True:
                for one in self.workers.values():
                    if one.asked is None or one.asked.done():
                        one.asked = group.create_task(self.probe(one))
                await asyncio.sleep(every_s)

    def register(self, registry: int) -> None:
        """A worker has started: it replaces the one of its index, and must pass a check."""
        for text in os.read(registry, 4096).decode().splitlines():
            index, pid, port = map(int, text.split())
            self.workers[index] = Worker(pid, port)


async def start(
    gateway: Gateway, registry: int
) -> tuple[asyncio.Server, asyncio.Task[None]]:
    """Listen on a free port of this machine, and keep an eye on the workers."""
    asyncio.get_running_loop().add_reader(registry, gateway.register, registry)
    server = await asyncio.start_server(gateway.handle, "127.0.0.1", 0)
    return server, asyncio.create_task(gateway.check())
