"""Model serving: gather concurrent requests into batches and give each its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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
        self.queue: asyncio.Queue[tuple[Row, asyncio.Future[Answer], float]] = (
            asyncio.Queue()
        )
        self.batches: list[int] = []

    async def ask(self, row: Row) -> Answer:
        """One row in, the answer to this row out, whoever shared its batch."""
        if self.queue.qsize() >= self.waiting:
            raise Overloaded
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self.queue.put_nowait((row, answer, loop.time()))
        return await answer

    # --8<-- [end:ask]

    # --8<-- [start:gather]
    async def gather(self) -> list[tuple[Row, asyncio.Future[Answer]]]:
        """Wait for a first row, then for company until the batch or its time is full."""
        row, answer, arrived = await self.queue.get()
        batch = [(row, answer)]
        while len(batch) < self.size:
            try:
                if self.queue.empty():
                    async with asyncio.timeout_at(arrived + self.window):
                        row, answer, _ = await self.queue.get()
                else:
                    row, answer, _ = self.queue.get_nowait()
            except TimeoutError:
                break
            batch.append((row, answer))
        return [(row, answer) for row, answer in batch if not answer.done()]  # some hung up

    # --8<-- [end:gather]

    # --8<-- [start:answer]
    async def answer(self, batch: list[tuple[Row, asyncio.Future[Answer]]]) -> None:
        """Call the model once; if it fails, halve the batch until the culprit is alone."""
        try:
            self.batches.append(len(batch))
            answers = await self.model([row for row, _ in batch])
            if len(answers) != len(batch):
                raise ValueError(f"{len(batch)} rows gave {len(answers)} answers")
        except Exception as error:
            if len(batch) > 1:
                await self.answer(batch[: len(batch) // 2])
                await self.answer(batch[len(batch) // 2 :])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)

    async def run(self) -> None:
        """Serve until cancelled, one batch at a time."""
        while True:
            if batch := await self.gather():
                await self.answer(batch)

    # --8<-- [end:answer]
