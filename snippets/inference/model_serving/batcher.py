"""Model serving: gather concurrent requests into batches and give each its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Generic, TypeVar

Row = TypeVar("Row")
Answer = TypeVar("Answer")
Model = Callable[[Sequence[Row]], Awaitable[Sequence[Answer]]]


class Overloaded(Exception):
    """The queue is full: the request is refused at once, before it costs anything."""


class Batcher(Generic[Row, Answer]):
    """Sits between many callers who each have one row and a model that prefers many."""

    # --8<-- [start:ask]
    def __init__(
        self, model: Model[Row, Answer], size: int, window: float, waiting: int = 10_000
    ) -> None:
        """At most `size` rows a batch; the oldest waits `window` seconds for company."""
        self.model, self.size, self.window, self.waiting = model, size, window, waiting
        self.queue: dict[asyncio.Future[Answer], tuple[Row, float]] = {}  # oldest first
        self.arrival = asyncio.Event()
        self.good: Sequence[Row] = ()  # a row that was answered
        self.batches: list[int] = []

    async def ask(self, row: Row) -> Answer:
        """One row in, the answer to this row out, whoever shared its batch."""
        if len(self.queue) >= self.waiting:
            raise Overloaded
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self.queue[answer] = row, loop.time()
        self.arrival.set()
        try:
            return await answer
        finally:
            self.queue.pop(answer, None)  # who gives up leaves the queue

    # --8<-- [end:ask]

    # --8<-- [start:gather]
    async def wait_for(self, rows: int) -> None:
        """Return when so many rows are in the queue."""
        while len(self.queue) < rows:
            self.arrival.clear()
            await self.arrival.wait()

    async def gather(self) -> list[tuple[Row, asyncio.Future[Answer]]]:
        """Wait for a first row, then for company until the batch or its time is full."""
        await self.wait_for(1)
        _, arrived = next(iter(self.queue.values()))
        with suppress(TimeoutError):
            async with asyncio.timeout_at(arrived + self.window):
                await self.wait_for(self.size)
        oldest = list(islice(self.queue, self.size))
        batch = [(self.queue.pop(answer)[0], answer) for answer in oldest]
        return [(row, answer) for row, answer in batch if not answer.done()]  # just hung up

    # --8<-- [end:gather]

    # --8<-- [start:answer]
    async def call(self, rows: Sequence[Row]) -> Sequence[Answer]:
        """The model's answers, one for each row."""
        self.batches.append(len(rows))
        answers = await self.model(rows)
        if len(answers) != len(rows):
            raise ValueError(f"{len(rows)} rows gave {len(answers)} answers")
        self.good = rows[:1]
        return answers

    async def answer(
        self, batch: list[tuple[Row, asyncio.Future[Answer]]], halve: bool = False
    ) -> None:
        """Call the model once; if it fails on a row, halve until the culprit is alone."""
        try:
            answers = await self.call([row for row, _ in batch])
        except Exception as error:
            if len(batch) > 1 and (halve or await self.alive()):
                await self.answer(batch[: len(batch) // 2], halve=True)
                await self.answer(batch[len(batch) // 2 :], halve=True)
                return
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
            return
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)

    async def alive(self) -> bool:
        """Does the model still answer a row that it has answered before?"""
        with suppress(Exception):
            return not self.good or bool(await self.call(self.good))
        return False

    # --8<-- [end:answer]

    async def run(self) -> None:
        """Serve until cancelled, one batch at a time."""
        while True:
            if batch := await self.gather():
                await self.answer(batch)
