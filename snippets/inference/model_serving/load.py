"""Model serving: the whole server as a process of its own, under load, and then told to stop."""

# /// fieldguide
# timeout_s = 180
# memory_mb = 3000
# ///

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import random
import socket

import httpx2
import uvicorn

from snippets.inference.model_serving.api import FEATURES, create_app
from snippets.inference.model_serving.clock import load, percentile
from snippets.inference.model_serving.export import export, ranker, served_by, session

KEY = {"X-API-Key": "secret"}
OWNERS = {hashlib.sha256(b"secret").hexdigest(): "team-a"}


def serve(graph: bytes, listener: socket.socket) -> None:
    """The server process: ONNX Runtime behind FastAPI behind uvicorn."""
    app = create_app(served_by(session(graph)), OWNERS, rate=1e6, burst=1e6, patience=30.0)
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=30)
    uvicorn.Server(config).run(sockets=[listener])


async def drive(url: str, rate: float, requests: int) -> tuple[list[float], set[int]]:
    """An open-loop load over HTTP: latencies, and the status codes that occurred."""
    rng, statuses = random.Random(0), set()
    limits = httpx2.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx2.AsyncClient(headers=KEY, limits=limits, timeout=60) as client:

        async def ask(_: int) -> None:
            features = [rng.random() for _ in range(FEATURES)]
            reply = await client.post(f"{url}/score", json={"features": features})
            statuses.add(reply.status_code)

        return await load(ask, rate, requests), statuses


async def ready(url: str) -> None:
    """Wait until the server has loaded and warmed its model."""
    async with httpx2.AsyncClient(timeout=60) as client:
        while (await client.get(f"{url}/ready")).status_code != 200:
            await asyncio.sleep(0.05)


def example_load() -> None:
    """Latencies at three rates, client and server on the two cores of this machine."""
    graph = export(ranker())
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = multiprocessing.get_context("fork").Process(
        target=serve, args=(graph, listener)
    )
    server.start()
    asyncio.run(ready(url))
    for rate in (20, 50, 100):
        times, statuses = asyncio.run(drive(url, rate, 200))
        p50, p95, p99 = (percentile(times, share) * 1e3 for share in (0.5, 0.95, 0.99))
        line = f"p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  p99 {p99:6.1f} ms"
        print(f"{rate:4d} req/s  {line}  # measured")
        assert statuses == {200}

    server.terminate()  # SIGTERM, as an orchestrator sends it
    server.join(60)


if __name__ == "__main__":
    example_load()
