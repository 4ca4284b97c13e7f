"""Serving systems: two model workers behind a gateway, one of them killed under load."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import asyncio
import math
import os
import random
import signal
import time
from dataclasses import dataclass, field

from snippets.inference.serving_systems import protocol as http
from snippets.inference.serving_systems.gateway import Gateway, start
from snippets.inference.serving_systems.worker import Decoder, fleet

TOKENS, STEP_S, LOAD_S = 8, 0.02, 1.0


@dataclass
class Request:
    """What one client sent, when, and what came back."""

    prompt: list[int]
    sent: float
    status: int = 0
    retry_after: str | None = None
    first_ms: float = math.nan
    tokens: list[int] = field(default_factory=list)
    ended: bool = False


@dataclass
class Outcome:
    """Everything that clients saw, and the moments that divide it."""

    requests: list[Request]
    killed_at: float
    recovered_at: float
    in_flight: int
    moved: int
    shed: int


async def ask(port: int, request: Request) -> None:
    """A client: send, read every line, and note when the first one came."""
    message = {"prompt": request.prompt, "tokens": TOKENS}
    try:
        async with http.request(port, "/generate", message) as reply:
            request.status = reply.status
            request.retry_after = reply.headers.get("retry-after")
            async for line in reply.lines:
                if not request.tokens:
                    request.first_ms = (time.monotonic() - request.sent) * 1e3
                request.tokens.append(line["token"])
            request.ended = True
    except http.BROKEN:
        pass  # not ended: the caller counts it


async def run(registry: int, phase_s: float, load: float) -> Outcome:
    """Arrivals at `load` of the capacity found first, whatever is answered; then the kill."""
    gateway = Gateway()
    server, checks = await start(gateway, registry)
    port, rng = server.sockets[0].getsockname()[1], random.Random(0)
    while sum(one.healthy for one in gateway.workers.values()) < 2:
        await asyncio.sleep(0.01)

    def new() -> Request:
        return Request([rng.randrange(256) for _ in range(8)], time.monotonic())

    capacity = 0.0
    for _ in range(3):  # all slots full: how many answers a second this machine gives today
        began = time.monotonic()
        await asyncio.gather(*(ask(port, new()) for _ in range(8)))
        capacity = max(capacity, 8 / (time.monotonic() - began))
    requests, clients = list[Request](), list[asyncio.Task[None]]()
    killed, recovered, in_flight = math.inf, math.inf, 0
    next_at = began = time.monotonic()
    while (now := time.monotonic()) < recovered + phase_s:
        victim = gateway.workers[0]
        if now > began + phase_s and killed == math.inf and victim.running >= 2:
            in_flight, killed = victim.running, now
            os.kill(victim.pid, signal.SIGKILL)
        replaced = victim.healthy and now > killed + LOAD_S / 2
        if recovered == math.inf and replaced and not gateway.waiting:
            recovered = now
        while next_at <= now:
            requests.append(new())
            clients.append(asyncio.create_task(ask(port, requests[-1])))
            next_at += rng.expovariate(load * capacity)
        await asyncio.sleep(0.002)
    await asyncio.gather(*clients)
    checks.cancel()
    server.close()
    asyncio.get_running_loop().remove_reader(registry)
    return Outcome(requests, killed, recovered, in_flight, gateway.moved, gateway.shed)


def demonstrate(phase_s: float = 2.0, load: float = 0.75) -> Outcome:
    """Start the workers, run, and end them."""
    with fleet(2, STEP_S, LOAD_S) as registry:
        return asyncio.run(run(registry, phase_s, load))


def percentile(values: list[float], share: float) -> float:
    """Smallest value that `share` of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


def example_killed() -> None:
    """What clients see when one of two workers is killed under load."""
    seen, model = demonstrate(), Decoder()
    accepted = [one for one in seen.requests if one.status == 200]
    refused = [one for one in seen.requests if one.status == 429]
    wrong = sum(one.tokens != list(model.generate(one.prompt, TOKENS)) for one in accepted)
    hint = sum(not (one.retry_after or "").isdigit() for one in refused)
    print(
        f"sent {len(seen.requests)}, accepted {len(accepted)}, shed {len(refused)} # measured"
    )
    print(f"on the killed worker {seen.in_flight}, moved {seen.moved} # measured")
    print(f"accepted, but without an end:        {sum(not one.ended for one in accepted)}")
    print(f"accepted, a token wrong or repeated: {wrong}")
    print(f"shed without a hint when to retry:   {hint}")
    print(f"neither accepted nor shed: {len(seen.requests) - len(accepted) - len(refused)}")
    print(f"\n{'TTFT, ms':24s}{'p50':>6s}{'p95':>6s}{'p99':>6s}")
    phases = {
        "before": (0.0, seen.killed_at),
        "until recovered": (seen.killed_at, seen.recovered_at),
        "after": (seen.recovered_at, math.inf),
    }
    for name, (low, high) in phases.items():
        times = [one.first_ms for one in accepted if low <= one.sent < high]
        cells = "".join(f"{percentile(times, share):6.0f}" for share in (0.5, 0.95, 0.99))
        print(f"{name:15s} n ={len(times):4d}  {cells} # measured")


if __name__ == "__main__":
    example_killed()
