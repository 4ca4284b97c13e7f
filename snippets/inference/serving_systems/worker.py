"""Serving systems: model workers as processes, and a supervisor that starts the dead ones again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from snippets.inference.serving_systems import protocol as http

Cache = tuple[torch.Tensor, torch.Tensor]


class Decoder:
    """One attention layer over a growing cache. Greedy and seeded: same prompt, same answer."""

    def __init__(self, vocab: int = 256, width: int = 32, longest: int = 256) -> None:
        random = torch.Generator().manual_seed(0)
        self.embed = torch.randn(vocab, width, generator=random, dtype=torch.float64)
        self.place = torch.randn(longest, width, generator=random, dtype=torch.float64)
        self.qkv = torch.randn(width, 3 * width, generator=random, dtype=torch.float64)
        self.empty = torch.empty(0, width, dtype=torch.float64)

    def step(self, tokens: list[int], cache: Cache | None = None) -> tuple[int, Cache]:
        """Prefill (many tokens) or decode (one): the next token, and the grown cache."""
        keys, values = cache or (self.empty, self.empty)  # [S, D]
        start, end = len(keys), len(keys) + len(tokens)
        x = self.embed[tokens] + self.place[start:end]  # [T, D]
        q, k, v = (x @ self.qkv).chunk(3, dim=-1)
        keys, values = torch.cat([keys, k]), torch.cat([values, v])
        mask = torch.ones(len(tokens), end, dtype=torch.bool).tril(start)
        y = F.scaled_dot_product_attention(q[None], keys[None], values[None], mask[None])
        return int(((x + y[0])[-1] @ self.embed.T).argmax()), (keys, values)

    def generate(self, prompt: list[int], count: int) -> Iterator[int]:
        """Prefill once, then one token at a time."""
        token, cache = self.step(prompt)
        for _ in range(count - 1):
            yield token
            token, cache = self.step([token], cache)
        yield token


async def serve(index: int, step_s: float, report: int, lifeline: int) -> None:
    """One worker: answers on a free port, registers it, and ends with its gateway."""
    model, gone = Decoder(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(*http.BROKEN), contextlib.closing(writer):
            path, message = await http.read_request(reader)
            writer.write(http.head(200, [http.STREAM]))
            if path == "/generate":
                for token in model.generate(message["prompt"], message["tokens"]):
                    await asyncio.sleep(step_s)  # stands for an accelerator's decode step
                    writer.write(http.line({"token": token}))
                    await writer.drain()
            writer.write(http.END)
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    asyncio.get_running_loop().add_reader(lifeline, gone.set)
    os.write(
        report, f"{index} {os.getpid()} {server.sockets[0].getsockname()[1]}\n".encode()
    )
    await gone.wait()


def supervise(count: int, step_s: float, load_s: float, report: int, lifeline: int) -> None:
    """Fork `count` workers, and fork again whichever ends, until the gateway is gone."""

    def start(index: int, wait_s: float) -> int:
        if pid := os.fork():
            return pid
        try:
            torch.set_num_threads(1)
            select.select([lifeline], [], [], wait_s)  # stands for loading the weights
            asyncio.run(serve(index, step_s, report, lifeline))
        finally:
            os._exit(0)

    workers = {start(index, 0.0): index for index in range(count)}
    while workers:
        index = workers.pop(os.wait()[0])
        if not select.select([lifeline], [], [], 0)[0]:  # readable only when it is closed
            workers[start(index, load_s)] = index


@contextlib.contextmanager
def fleet(count: int, step_s: float, load_s: float) -> Iterator[int]:
    """Workers under a supervisor; yields the pipe on which they register. Fork before any thread starts."""
    registry, report = os.pipe()
    lifeline, held = os.pipe()
    supervisor = os.fork()
    if not supervisor:
        try:
            os.close(registry)
            os.close(held)
            supervise(count, step_s, load_s, report, lifeline)
        finally:
            os._exit(0)
    os.close(report)
    os.close(lifeline)
    try:
        yield registry
    finally:
        os.close(held)
        os.waitpid(supervisor, 0)
        os.close(registry)
