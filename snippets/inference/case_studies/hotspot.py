"""Mooncake's lesson in miniature: the router with the most cache hits is the slowest."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass, field

PREFIX, FRESH, PER_TOKEN = 8000, 4000, 1e-4  # tokens that may hit, that never do; seconds
ROOM = 12  # prefixes that a node can keep
ROUTES = ("at random", "shortest queue", "most hits", "first token")


@dataclass
class Node:
    """A prefill node: when it is free, what it keeps, how long it has worked."""

    free_at: float = 0.0
    cache: OrderedDict[int, None] = field(default_factory=OrderedDict)
    worked: float = 0.0

    def run(self, prefix: int, now: float) -> float:
        """Prefill one request and keep its prefix; returns when the first token comes."""
        work = prefill_seconds(self, prefix)
        self.free_at = max(self.free_at, now) + work
        self.worked += work
        self.cache[prefix] = None
        self.cache.move_to_end(prefix)
        if len(self.cache) > ROOM:  # forget the least recently used
            self.cache.popitem(last=False)
        return self.free_at


# --8<-- [start:routes]
def prefill_seconds(node: Node, prefix: int) -> float:
    """Time to prefill here: the fresh tokens, and the prefix unless it is kept."""
    return PER_TOKEN * (FRESH + (0 if prefix in node.cache else PREFIX))


def shortest_queue(nodes: list[Node]) -> Node:
    """Wherever work begins first, whatever the cache."""
    return min(nodes, key=lambda node: node.free_at)


def most_hits(nodes: list[Node], prefix: int) -> Node:
    """Wherever the prefix is, however long the queue; if nowhere, the shortest queue."""
    holders = [node for node in nodes if prefix in node.cache]
    return holders[0] if holders else shortest_queue(nodes)


def first_token(nodes: list[Node], prefix: int, now: float) -> Node:
    """Wherever queue and prefill together end first."""
    return min(
        nodes, key=lambda node: max(node.free_at, now) + prefill_seconds(node, prefix)
    )


# --8<-- [end:routes]


def serve(
    route: str, requests: int = 4000, rate: float = 4.0, nodes: int = 4, hot: float = 0.5
) -> tuple[float, float, float, float]:
    """Hit rate, busiest node's share of the work, mean and 99th percentile of TTFT.

    A share `hot` of the requests begin with one prefix, the others with one of 60.
    """
    rng, pool, now = random.Random(0), [Node() for _ in range(nodes)], 0.0
    waits, hits = [], 0
    for _ in range(requests):
        now += rng.expovariate(rate)
        prefix = 0 if rng.random() < hot else rng.randint(1, 60)
        node = {
            "at random": lambda: pool[rng.randrange(nodes)],
            "shortest queue": lambda: shortest_queue(pool),
            "most hits": lambda: most_hits(pool, prefix),  # noqa: B023
            "first token": lambda: first_token(pool, prefix, now),  # noqa: B023
        }[route]()
        hits += prefix in node.cache
        waits.append(node.run(prefix, now) - now)
    waits.sort()
    busiest = max(node.worked for node in pool) / sum(node.worked for node in pool)
    return hits / requests, busiest, sum(waits) / requests, waits[int(0.99 * requests)]


def example_hotspot() -> None:
    """Four routers, the same requests."""
    print(f"{'sent':18s}{'hits':>6s}{'busiest':>9s}{'mean TTFT':>12s}{'p99':>9s}")
    for route in ROUTES:
        hit, busiest, mean, p99 = serve(route)
        print(f"{route:18s}{hit:6.0%}{busiest:9.0%}{mean:10.1f} s{p99:7.1f} s")


def facts() -> dict[str, str]:
    """Numbers that the page states about the demo."""
    eager, first, blind = (serve(r) for r in ("most hits", "first token", "at random"))
    return {
        "eager_hits": f"{eager[0]:.0%}",
        "eager_busiest": f"{eager[1]:.0%}",
        "eager_ttft": f"{eager[2]:.1f} s",
        "blind_ttft": f"{blind[2]:.1f} s",
        "first_hits": f"{first[0]:.0%}",
        "first_ttft": f"{first[2]:.1f} s",
    }


if __name__ == "__main__":
    example_hotspot()
