"""Batching: Little's law and the closed forms of queueing theory, against the simulator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from snippets.inference.batching.arrivals import poisson_trace
from snippets.inference.batching.engine import H100_LLAMA3_8B
from snippets.inference.batching.simulator import Policy, Request, simulate

ONE_AT_A_TIME = Policy(slots=1)
CUSTOMERS = 60_000


def area_in_system(requests: Sequence[Request]) -> float:
    """Area under the number inside: +1 at an arrival, -1 at a finish."""
    moments = sorted(
        [(r.arrival, 1) for r in requests] + [(r.finish, -1) for r in requests]
    )
    area: float = 0
    inside = 0
    for (now, change), (then, _) in pairwise(moments):
        inside += change
        area += inside * (then - now)
    return area


def example_little() -> None:
    """The law on three runs of 1,000 requests: mean number inside, and rate times mean time inside."""
    policies = {"static, 32": Policy(32, hold=True, wait=1e9), "continuous, 32": Policy(32)}
    print(
        f"{'':16s}{'req/s':>6s}{'mean inside':>13s}{'rate':>8s}{'mean time':>12s}{'product':>9s}"
    )
    for (name, policy), rate in zip(
        [*policies.items(), ("continuous, 32", Policy(32))], (6, 6, 14), strict=True
    ):
        requests, steps = simulate(
            poisson_trace(rate, 1000), policy, H100_LLAMA3_8B.seconds
        )
        span, times = steps[-1].end, [r.finish - r.arrival for r in requests]
        finished, time = len(requests) / span, sum(times) / len(times)
        inside = area_in_system(requests) / span
        print(
            f"{name:16s}{rate:6d}{inside:13.3f}{finished:8.3f}{time:10.3f} s{finished * time:9.3f}"
        )


def mean_wait(rate: float, mean: float, cv2: float) -> float:
    """Mean wait before service, one server, Poisson arrivals (Pollaczek-Khinchine).

    Args:
        rate: Arrivals a second.
        mean: Mean service time in seconds.
        cv2: Variance of the service time over its mean squared: 0 fixed, 1 exponential.
    """
    load = rate * mean
    if load >= 1:
        raise ValueError(f"load {load:.2f} is not below 1: the queue grows forever")
    return load / (1 - load) * (1 + cv2) / 2 * mean


def waits(load: float, customers: int, exponential: bool, seed: int = 0) -> list[float]:
    """Waits of an M/M/1 or M/D/1 queue with mean service 1, on the engine's simulator.

    A service time is a prompt of so many micro-tokens, one slot, one output token.
    """
    rng, now, trace = random.Random(seed), 0.0, []
    for _ in range(customers):
        now += rng.expovariate(load)
        service = rng.expovariate(1) if exponential else 1.0
        trace.append((now, max(1, round(service * 1e6)), 1))
    requests, _ = simulate(trace, ONE_AT_A_TIME, lambda batch: batch[0][1] * 1e-6)
    return [r.start - r.arrival for r in requests]


def example_queues() -> None:
    """Mean wait in service times: formula, and the mean of simulated customers."""
    print(f"{'load':>4s}{'M/D/1':>8s}{'simulated':>11s}{'M/M/1':>8s}{'simulated':>11s}")
    for load in (0.5, 0.8, 0.9):
        row = f"{load:4.1f}"
        for exponential in (False, True):
            simulated = waits(load, CUSTOMERS, exponential)
            row += f"{mean_wait(load, 1, float(exponential)):8.2f}{sum(simulated) / len(simulated):11.2f}"
        print(row)


def facts() -> dict[str, str]:
    """Numbers that the page states about queues."""
    return {
        "customers": f"{CUSTOMERS:,}",
        "wait_50": f"{mean_wait(0.5, 1, 1):.0f}",
        "wait_80": f"{mean_wait(0.8, 1, 1):.0f}",
        "wait_90": f"{mean_wait(0.9, 1, 1):.0f}",
        "wait_90_fixed": f"{mean_wait(0.9, 1, 0):.1f}",
        "wait_95": f"{mean_wait(0.95, 1, 1):.0f}",
    }


if __name__ == "__main__":
    example_little()
    example_queues()
