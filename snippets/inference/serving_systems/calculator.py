"""Serving systems: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

import math
from typing import Annotated

from snippets.inference.serving_systems.disaggregation import pools
from snippets.inference.serving_systems.waiting import shed_share, wait_quantile

LARGEST = 2000


def replicas(
    rate: Annotated[float, "requests/s", (0.01, 100_000.0)] = 20.0,
    prompt: Annotated[int, "tokens", (1, 1_000_000)] = 4000,
    cached: Annotated[float, "%", (0.0, 99.0)] = 50.0,
    output: Annotated[int, "tokens", (1, 100_000)] = 400,
    slo: Annotated[float, "ms", (1.0, 1_000_000.0)] = 1000.0,
    *,
    prefill_rate: Annotated[float, "tokens/s", (1.0, 10_000_000.0)] = 14_000.0,
    decode_rate: Annotated[float, "tokens/s", (1.0, 10_000_000.0)] = 2_500.0,
    cache: Annotated[float, "KiB", (0.1, 10_000.0)] = 320.0,
    link: Annotated[float, "GB/s", (0.1, 10_000.0)] = 50.0,
    busy: Annotated[float, "%", (10.0, 100.0)] = 80.0,
) -> dict[str, object]:
    """How many prefill and decode workers hold this SLO, and how long may the queue be?

    Args:
        rate: Arrivals, $\\lambda$.
        prompt: Mean prompt, $S_\\text{in}$.
        cached: Prompt tokens found in a cache.
        output: Mean reply, $S_\\text{out}$.
        slo: Time to first token, at most. For 95% of the accepted requests.
        prefill_rate: Prompt speed of a prefill worker.
        decode_rate: Reply speed of a decode worker. At the batch that your time per token
            allows.
        cache: Cache of one token, $m_\\text{kv}$. It is sent from prefill to decoding.
        link: Bandwidth between the pools, $\\beta$. For one request.
        busy: Load of decode workers, at most.
    """
    missing = prompt * (1 - cached / 100)
    service = missing / prefill_rate
    send = prompt * cache * 1024 / (link * 1e9)
    slack = slo / 1e3 - service - send
    if slack <= 0:
        raise ValueError(
            f"prefill and transfer alone take {(service + send) * 1e3:,.0f} ms of {slo:g} ms."
        )
    load, decoding = pools(rate * missing, rate * output, prefill_rate, decode_rate)
    prefill = math.ceil(load + 1e-9)
    if prefill > LARGEST:
        raise ValueError(
            f"more than {LARGEST:,} prefill workers: size one cell of the fleet instead."
        )

    def room(workers: int) -> int:
        """Requests that may wait while the last of them still meets the SLO on average."""
        return min(2000, int(slack / service * workers))

    def wait(workers: int) -> float:
        return service * wait_quantile(load, workers, max(room(workers), 1))

    def refused(workers: int) -> float:
        return shed_share(load, workers, room(workers))

    while (wait(prefill) > slack or refused(prefill) > 0.001) and prefill < LARGEST:
        prefill += 1
    decode = math.ceil(decoding / (busy / 100) - 1e-9)
    first = service + send
    factors = [0.5 + 0.1 * n for n in range(21)]
    lost = shed_share(load, prefill - 1, room(prefill - 1)) if prefill > 1 else 1.0
    return {
        "workers": f"{prefill} prefill + {decode} decode",
        "time to first token, 95th percentile": f"{(first + wait(prefill)) * 1e3:,.0f} ms",
        "of that, prefill and transfer": f"{service * 1e3:,.0f} ms, {send * 1e3:,.0f} ms",
        "utilization": f"{load / prefill:.0%} prefill, {decoding / decode:.0%} decode",
        "requests that may wait": f"{room(prefill):,}; refuse the next",
        "shed if a prefill worker dies": f"{lost:.1%}",
        "lines": {
            "x": "load, times the planned", "y": "% shed",
            "series": {"shed": [
                (round(f, 1), 100 * shed_share(f * load, prefill, room(prefill))) for f in factors
            ]},
            "points": {"planned": (1.0, 100 * refused(prefill))},
        },
    }  # fmt: skip
