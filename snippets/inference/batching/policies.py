"""Batching: what users see under four policies, and how it grows with the load."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from functools import cache
from statistics import fmean as mean
from typing import NamedTuple

from snippets.inference.batching.arrivals import Arrival, poisson_trace
from snippets.inference.batching.engine import H100_LLAMA3_8B as ENGINE
from snippets.inference.batching.engine import capacity
from snippets.inference.batching.latency import first_token, gaps, per_token, quantile
from snippets.inference.batching.simulator import Policy, Request, simulate

POLICIES = {
    "static": Policy(slots=32, hold=True, wait=1e9),
    "dynamic, 0.1 s": Policy(slots=32, hold=True, wait=0.1),
    "continuous": Policy(slots=32),
    "chunked, 512": Policy(slots=32, budget=512),
}


TRACE = poisson_trace(6, 1000)


@cache
def served(name: str) -> list[Request]:
    """The requests of the trace, under one of the policies."""
    return simulate(TRACE, POLICIES[name], ENGINE.seconds)[0]


def example_policies() -> None:
    """The same 1,000 requests at 6 a second; and the rate at which a backlog is worked off."""
    backlog = [Arrival(0.0, row.prompt, row.output) for row in TRACE]
    print(
        f"{'':15s}{'TTFT p50':>10s}{'p99':>9s}{'TPOT p50':>10s}{'p99':>9s}{'gap p99':>9s}{'most req/s':>12s}"
    )
    for name, policy in POLICIES.items():
        requests = served(name)
        first, token = first_token(requests), per_token(requests)
        row = [quantile(v, p) * 1e3 for v in (first, token) for p in (0.5, 0.99)]
        _, steps = simulate(backlog, policy, ENGINE.seconds)
        print(
            f"{name:15s}{row[0]:7,.0f} ms{row[1]:6,.0f} ms{row[2]:7.1f} ms{row[3]:6.1f} ms"
            f"{quantile(gaps(requests), 0.99) * 1e3:6.1f} ms{len(TRACE) / steps[-1].end:12.1f}"
        )


class Row(NamedTuple):
    """What one rate of arrivals leads to; times in seconds."""

    load: float  # arrivals a second times the mean work of one
    theory: float  # a / (1 - load)
    token: float  # mean gap between two tokens
    first: float  # p99 of TTFT
    inside: float  # mean number of sequences in a step


def under_load(rate: float, requests: int = 4000) -> Row:
    """Continuous batching with 256 slots at `rate` requests a second."""
    trace = poisson_trace(rate, requests, seed=1)
    load = rate * mean(ENGINE.work(row.prompt, row.output) for row in trace)
    done, steps = simulate(trace, Policy(slots=256), ENGINE.seconds)
    inside = sum(s.sequences * (s.end - s.start) for s in steps) / steps[-1].end
    first = quantile(first_token(done), 0.99)
    return Row(load, ENGINE.weights / (1 - load), mean(gaps(done)), first, inside)


def example_load() -> None:
    """Growing load on one H100 with Llama 3 8B."""
    print(
        f"{'req/s':>5s}{'load':>6s}{'a/(1-load)':>13s}{'mean gap':>10s}{'TTFT p99':>10s}{'sequences':>11s}"
    )
    for rate in (4, 12, 20, 24):
        row = under_load(rate)
        ms = [f"{1e3 * x:.1f} ms" for x in (row.theory, row.token)]
        print(
            f"{rate:5d}{row.load:6.2f}{ms[0]:>13s}{ms[1]:>10s}{row.first * 1e3:7.0f} ms{row.inside:11.0f}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about policies and load."""
    first = {name: first_token(served(name)) for name in POLICIES}
    work = mean(ENGINE.work(row.prompt, row.output) for row in TRACE)
    steps = mean(row.output for row in TRACE)
    return {
        "static_first": f"{quantile(first['static'], 0.5):.1f} s",
        "dynamic_first": f"{quantile(first['dynamic, 0.1 s'], 0.5):.1f} s",
        "continuous_first": f"{quantile(first['continuous'], 0.5) * 1e3:.0f} ms",
        "continuous_first_99": f"{quantile(first['continuous'], 0.99) * 1e3:.0f} ms",
        "work_ms": f"{work * 1e3:.1f} ms",
        "mean_output": f"{steps:.0f}",
        "most": f"{1 / work:.0f}",
        "most_1": f"{capacity(1, ENGINE.weights, steps, work):.1f}",
        "most_32": f"{capacity(32, ENGINE.weights, steps, work):.0f}",
        "most_256": f"{capacity(256, ENGINE.weights, steps, work):.0f}",
        "half_slots": f"{ENGINE.weights * steps / work:.0f}",
        "slow_70": f"{1 / (1 - 0.7):.1f}",
        "slower_77": f"{(1 - 0.7) / (1 - 0.77) - 1:.0%}",
    }


if __name__ == "__main__":
    example_policies()
    example_load()
