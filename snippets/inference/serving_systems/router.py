"""Serving systems: a router that knows what is cached where, against round robin, on one trace."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from snippets.inference.serving_systems.router_trace import Arrival, trace


@dataclass
class Worker:
    """A worker that prefills one prompt at a time and keeps the blocks used last."""

    blocks: int  # that its cache holds
    rate: float  # blocks per second of prefill
    free_at: float = 0.0
    cache: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def hit(self, hashes: list[str]) -> int:
        """Leading blocks that are cached."""
        missing = (n for n, one in enumerate(hashes) if one not in self.cache)
        return next(missing, len(hashes))

    def serve(self, arrival: Arrival) -> tuple[float, int]:
        """Time to first token, and blocks that hit."""
        hit = self.hit(arrival.hashes)
        start = max(arrival.at, self.free_at)
        self.free_at = start + (len(arrival.hashes) - hit) / self.rate
        for one in reversed(arrival.hashes):  # the head is used last, so it is evicted last
            self.cache[one] = None
            self.cache.move_to_end(one)
        while len(self.cache) > self.blocks:
            self.cache.popitem(last=False)
        return self.free_at - arrival.at, hit


Policy = Callable[[list[Worker], Arrival], Worker]


def round_robin() -> Policy:
    """One after the other."""
    turn = count()
    return lambda workers, arrival: workers[next(turn) % len(workers)]


# --8<-- [start:policies]
def least_loaded(workers: list[Worker], arrival: Arrival) -> Worker:
    """Who is free first."""
    return min(workers, key=lambda one: one.free_at)


def affinity(workers: list[Worker], arrival: Arrival) -> Worker:
    """Who has most of the prompt; the load only breaks ties."""
    return max(workers, key=lambda one: (one.hit(arrival.hashes), -one.free_at))


def cache_aware(workers: list[Worker], arrival: Arrival) -> Worker:
    """Who would answer first: the queue, and the blocks that are not there."""

    def cost(one: Worker) -> float:
        missing = len(arrival.hashes) - one.hit(arrival.hashes)
        return max(0.0, one.free_at - arrival.at) + missing / one.rate

    return min(workers, key=cost)


# --8<-- [end:policies]


def simulate(
    arrivals: list[Arrival], policy: Policy, workers: int = 4, blocks: int = 10_000
) -> tuple[float, float, float]:
    """Share of blocks that hit, and TTFT at p50 and p95, in seconds.

    By default one cache holds every block of the trace, but one worker cannot prefill all
    that misses: what goes wrong is a queue, not eviction.
    """
    pool = [Worker(blocks, rate=125.0) for _ in range(workers)]
    times, hits = list[float](), 0
    for arrival in arrivals:
        seconds, hit = policy(pool, arrival).serve(arrival)
        times.append(seconds)
        hits += hit
    times.sort()
    p50, p95 = (times[math.ceil(share * len(times)) - 1] for share in (0.5, 0.95))
    return hits / sum(len(one.hashes) for one in arrivals), p50, p95


def example_policies() -> None:
    """Four workers, 60 chats, one minute; then the same with one system prompt in nine chats of ten."""
    policies = {
        "round robin": round_robin, "least loaded": lambda: least_loaded,
        "affinity alone": lambda: affinity, "cache and load": lambda: cache_aware,
    }  # fmt: skip
    traces = [trace(60, 60.0), trace(60, 60.0, hot=0.9)]
    print(f"{'':16s}{'4 system prompts':^26s}{'one hot prompt':^26s}")
    print(f"{'':16s}" + f"{'hits':>8s}{'p50, s':>9s}{'p95, s':>9s}" * 2)
    for name, policy in policies.items():
        rows = [simulate(one, policy()) for one in traces]
        print(
            f"{name:16s}" + "".join(f"{h:8.0%}{p50:9.2f}{p95:9.2f}" for h, p50, p95 in rows)
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about routing."""
    calm, hot = trace(60, 60.0), trace(60, 60.0, hot=0.9)
    blind, aware = simulate(calm, round_robin()), simulate(calm, cache_aware)
    stuck, spread = simulate(hot, affinity), simulate(hot, cache_aware)
    return {
        "hit_blind": f"{blind[0]:.0%}",
        "hit_aware": f"{aware[0]:.0%}",
        "p95_blind": f"{blind[2]:.1f} s",
        "p95_aware": f"{aware[2]:.2f} s",
        "hit_stuck": f"{stuck[0]:.0%}",
        "p95_stuck": f"{stuck[2]:.1f} s",
        "p95_lost": f"{simulate(hot, round_robin())[2]:.1f}",
        "p95_spread": f"{spread[2]:.2f} s",
    }


if __name__ == "__main__":
    example_policies()
