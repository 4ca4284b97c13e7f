"""Model serving: a canary, the numbers that judge it, and the way back."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from snippets.inference.model_serving.clock import percentile

Request = tuple[str, str, float]  # user, version, seconds


# --8<-- [start:route]
def place(user: str, release: str) -> float:
    """Where this user stands between 0 and 1, always the same for one release."""
    digest = hashlib.sha256(f"{release}:{user}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def route(user: str, release: str, share: float) -> str:
    """`canary` for the first `share` of the users. Raising the share moves nobody back."""
    return "canary" if place(user, release) < share else "stable"


# --8<-- [end:route]


def log_comb(n: int, k: int) -> float:
    """Logarithm of the number of ways to choose k of n."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def nothing() -> dict[str, list[int]]:
    """Slow requests, and all, by version."""
    return {"canary": [0, 0], "stable": [0, 0]}


# --8<-- [start:gate]
def by_chance(slow: int, seen: int, slow_stable: int, seen_stable: int) -> float:
    """Fisher's exact test, one-sided: chance of so many slow ones in an equally good canary."""
    every, n = slow + slow_stable, seen + seen_stable
    fewer = (
        log_comb(seen, k) + log_comb(seen_stable, every - k) - log_comb(n, every)
        for k in range(max(0, every - seen_stable), slow)
    )
    return 1 - sum(map(math.exp, fewer))


@dataclass
class Release:
    """A canary that ends itself when too many of its requests miss the limit."""

    name: str
    limit: float  # seconds within which an answer is good
    share: float = 0.05
    alpha: float = 0.01  # chance to roll back a good release ...
    looks: int = 20  # ... over all looks together
    looked: int = 0
    count: dict[str, list[int]] = field(default_factory=nothing)

    def observe(self, version: str, seconds: float) -> None:
        """Count a request: slow ones, and all."""
        self.count[version][0] += seconds > self.limit
        self.count[version][1] += 1

    def look(self) -> float:
        """Judge, and roll back if chance does not explain what was seen."""
        if self.looked == self.looks:
            raise RuntimeError("no look left: promote, or plan more on purpose")
        self.looked += 1
        p = by_chance(*self.count["canary"], *self.count["stable"])
        if p < self.alpha / self.looks:
            self.share = 0.0  # the next request already goes to the stable version
        return p


# --8<-- [end:gate]


def traffic(release: Release, requests: int, seed: int = 0) -> Iterator[Request]:
    """Requests as routed. The canary is faster, but every 70th answer misses a cache: 120 ms."""
    rng = random.Random(seed)
    for _ in range(requests):
        user = f"user-{rng.randrange(10_000)}"
        version = route(user, release.name, release.share)
        fast = 0.0060 if version == "canary" else 0.0080
        seconds = fast * math.exp(0.4 * rng.gauss(0, 1))
        if version == "canary" and rng.random() < 1 / 70:
            seconds += 0.120
        yield user, version, seconds


def example_hidden() -> None:
    """What three dashboards show of a release that is worse."""
    requests = list(traffic(Release("v2", limit=0.05), 20_000))
    print("dashboard         requests     mean      p50      p99")
    for name in ("all", "stable", "canary"):
        times = [seconds for _, version, seconds in requests if name in ("all", version)]
        cells = (sum(times) / len(times), percentile(times, 0.5), percentile(times, 0.99))
        print(f"{name:18s}{len(times):8d}" + "".join(f"{t * 1e3:6.1f} ms" for t in cells))


def example_rollback() -> None:
    """A look after every 1,000 requests, and nobody at the dashboard."""
    release = Release("v2", limit=0.05)
    print("requests  slow of canary  slow of stable  by chance  share")
    for n, (_, version, seconds) in enumerate(traffic(release, 8000), 1):
        release.observe(version, seconds)
        if n % 1000 == 0 and release.share:
            p = release.look()
            counts = [f"{slow}/{seen}" for slow, seen in release.count.values()]
            print(f"{n:8d}{counts[0]:>16s}{counts[1]:>16s}{p:11.5f}{release.share:7.0%}")
    print("then", release.count["canary"][1], "canary requests in all")


def false_alarms(alpha: float, runs: int = 20_000, looks: int = 20) -> float:
    """Share of good releases that some look condemns, at a threshold of `alpha` per look.

    Two in a hundred requests are slow in both versions; a look after every 1,000.
    """
    rng = np.random.default_rng(1)
    slow, rest = (rng.binomial(n, 0.02, (runs, looks)).cumsum(axis=1) for n in (50, 950))
    alarms = np.zeros(runs, dtype=bool)
    for look in range(1, looks + 1):  # each pair of counts is judged once
        pairs, run = np.unique(
            np.stack((slow, rest))[:, :, look - 1], axis=1, return_inverse=True
        )
        alarms |= np.array(
            [by_chance(a, 50 * look, b, 950 * look) < alpha for a, b in pairs.T]
        )[run]
    return float(alarms.mean())


def facts() -> dict[str, str]:
    """Numbers that the page states about looks."""
    return {
        "peeking": f"{false_alarms(0.05):.0%}",
        "corrected": f"{false_alarms(0.05 / 20):.0%}",
    }


if __name__ == "__main__":
    example_hidden()
    example_rollback()
