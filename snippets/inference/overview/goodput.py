"""A simulated server under load: what it delivers, and how much of that arrives in time."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from statistics import quantiles

from snippets.inference.overview.latency import clocks, goodput
from snippets.inference.overview.load import sequences_that_fit
from snippets.inference.overview.planner import LLAMA, LOADS, largest_batch
from snippets.inference.overview.setup import Setup
from snippets.inference.overview.step_time import decode_step, prefill_seconds
from snippets.inference.overview.workload import Request, requests

LOAD = LOADS["interactive"]
GROUP = replace(LLAMA, chips=4)
CHOICE = largest_batch(GROUP, LOAD)


# --8<-- [start:serve]
def serve(s: Setup, arriving: list[Request], slots: int) -> float:
    """Run all requests, prompts first; returns the time of the last token.

    A prompt is admitted if a slot is free and its whole sequence fits. It runs
    alone: everybody who is decoding waits for it.
    """
    room = sequences_that_fit(s, 1)  # tokens
    waiting, running = deque(arriving), list[Request]()
    now, held, cached = 0.0, 0, 0
    while waiting or running:
        if not running and waiting[0].arrival > now:
            now = waiting[0].arrival
        if waiting and waiting[0].arrival <= now and len(running) < slots:
            first = waiting[0]
            if held + first.prompt + first.output <= room or not running:
                now += prefill_seconds(s, first.prompt)
                first.times.append(now)
                held += first.prompt + first.output
                cached += first.prompt + 1
                running.append(waiting.popleft())
                continue
        now += decode_step(s, len(running), cached // len(running)).seconds
        for request in running:
            request.times.append(now)
        cached += len(running)
        for request in [r for r in running if len(r.times) >= r.output]:
            running.remove(request)
            held -= request.prompt + request.output
            cached -= request.prompt + len(request.times)
    return now


# --8<-- [end:serve]


def run(share: float, spread: float, seed: int = 0) -> tuple[float, float, float]:
    """At `share` of the planned rate: tokens per second, share in time, 99th percentile TTFT."""
    arriving = served(share, spread, seed)
    times = [clocks(r.arrival, r.times) for r in arriving]
    last = arriving[-1].arrival  # from then on the server only drains
    tokens = sum(t <= last for r in arriving for t in r.times) / last
    tail = quantiles([c.ttft for c in times], n=100)[98]
    return tokens, goodput(times, LOAD.ttft, LOAD.tpot, len(times)), tail


def served(share: float, spread: float, seed: int = 0) -> list[Request]:
    """Requests at `share` of the planned rate, after the server is through with them."""
    arriving = requests(share * CHOICE.tokens_s / LOAD.output, LOAD, 600, spread, seed)
    serve(GROUP, arriving, CHOICE.batch)
    return arriving


def too_long() -> float:
    """Of those not in time at half the rate, the share whose prompt alone takes too long."""
    late = []
    for r in served(0.5, 1.0):
        c = clocks(r.arrival, r.times)
        if c.ttft > LOAD.ttft or c.tpot > LOAD.tpot:
            late.append(prefill_seconds(GROUP, r.prompt) > LOAD.ttft)
    return sum(late) / len(late)


def example_collapse() -> None:
    """The plan for four GPUs, driven by what it assumes and by what users send."""
    print(f"{'':7s}{'every request average':>22s}{'drawn, same averages':>30s}")
    print(f"{'load':7s}" + f"{'tokens/s':>10s}{'in time':>9s}{'p99 TTFT':>11s}" * 2)
    for share in (0.5, 0.7, 0.9, 1.0, 1.1):
        row = f"{share:4.0%}   "
        for spread in (0.0, 1.0):
            tokens, good, tail = run(share, spread)
            row += f"{tokens:10,.0f}{good:9.0%}{tail:9.2f} s"
        print(row)


def facts() -> dict[str, str]:
    """Numbers that the page states about goodput."""
    equal, drawn, half = run(1.0, 0.0), run(1.0, 1.0), run(0.5, 1.0)
    seeds = [run(1.0, 1.0, seed)[1] for seed in range(6)]
    return {
        "planned_rate": f"{CHOICE.tokens_s / LOAD.output:.1f}",
        "equal_good": f"{equal[1]:.0%}",
        "drawn_good": f"{drawn[1]:.0%}",
        "drawn_tokens": f"{drawn[0] / equal[0]:.0%}",
        "half_good": f"{half[1]:.0%}",
        "half_long": f"{too_long():.0%}",
        "tenth_good": f"{run(0.1, 1.0)[1]:.0%}",
        "seed_least": f"{min(seeds):.0%}",
        "seed_most": f"{max(seeds):.0%}",
    }


if __name__ == "__main__":
    example_collapse()
