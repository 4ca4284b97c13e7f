"""vLLM: a trace of arrivals, sent to a server at its own times, and told to a simulator."""
# /// fieldguide
# environment = "vllm"
# ///

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from snippets.inference.batching.arrivals import poisson_trace
from snippets.inference.batching.engine import Engine
from snippets.inference.batching.latency import first_token, per_token, quantile
from snippets.inference.batching.simulator import Policy, Request, simulate
from snippets.inference.vllm.model import random_prompt

Row = tuple[float, int, int]  # arrival in seconds, tokens of prompt, tokens of answer


# --8<-- [start:send]
async def send(client: Any, row: Row, seed: int, began: float) -> Request:
    """Wait for the moment, send one request, and note when each token comes."""
    request = Request(*row)
    await asyncio.sleep(began + request.arrival - time.perf_counter())
    stream = await client.completions.create(
        model="tiny", prompt=random_prompt(request.prompt, seed), temperature=0,
        max_tokens=request.output, stream=True,
        extra_body={"ignore_eos": True, "return_token_ids": True},
    )  # fmt: skip
    async for piece in stream:
        if piece.choices:
            came = time.perf_counter() - began
            request.tokens += [came] * len(piece.choices[0].token_ids or [])
    return request


async def replay(url: str, trace: Sequence[Row], seed: int) -> list[Request]:
    """An open loop: nobody waits for somebody else's answer."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        began = time.perf_counter() + 0.1
        sent = [send(client, row, seed + i, began) for i, row in enumerate(trace)]
        return list(await asyncio.gather(*sent))


# --8<-- [end:send]


def fit(url: str) -> tuple[Engine, float]:
    """The step model's constants, and the seconds outside it, from single requests."""
    short = [(0.3 * i, 1, 64) for i in range(10)]
    long = [(0.3 * i, 1537, 2) for i in range(10)]
    alone = asyncio.run(replay(url, short, seed=10_000))[1:]  # the first warms up
    prompts = asyncio.run(replay(url, long, seed=20_000))[1:]
    step, first = min(per_token(alone)), min(first_token(alone))
    token = (min(first_token(prompts)) - first - 3 * step) / 1536  # in four pieces, not one
    engine = Engine(weights=step, token=max(token, 0), cached=0, pair=0)
    return engine, first - step


def report(url: str) -> list[str]:
    """Percentiles at the server, and what the simulator says of the same arrivals."""
    trace = poisson_trace(rate=8, requests=64, seed=1, prompt=128, output=32)
    engine, outside = fit(url)
    real = asyncio.run(replay(url, trace, seed=0))
    told, _ = simulate(trace, Policy(slots=32, budget=512), engine.seconds)
    if [len(r.tokens) for r in real] != [r.output for r in real]:
        raise RuntimeError("an answer has not the length that the trace asks for")
    prompts, answers = sum(r.prompt for r in trace), sum(r.output for r in trace)
    rows = [
        f"{len(trace)} requests in {trace[-1].arrival:.1f} s: {prompts:,} + {answers:,} tokens"
    ]
    rows += [
        f"{'ms':12s}{'TTFT p50':>10s}{'p90':>8s}{'p99':>8s}{'TPOT p50':>11s}{'p90':>8s}{'p99':>8s}"
    ]
    for name, done in (("vLLM", real), ("simulator", told)):
        values = [
            quantile(f(done), p) for f in (first_token, per_token) for p in (0.5, 0.9, 0.99)
        ]
        widths = (10, 8, 8, 11, 8, 8)
        cells = "".join(f"{x * 1e3:{w}.1f}" for x, w in zip(values, widths, strict=True))
        rows.append(f"{name:12s}{cells}  # measured")
    step, token = engine.weights * 1e3, engine.token * 1e6
    fitted = f"step {step:.1f} ms, token of prompt {token:.0f} µs, outside {outside * 1e3:.1f} ms"
    return [*rows, f"told to the simulator: {fitted}  # measured"]
