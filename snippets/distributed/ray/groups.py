"""Ray: resources reserved together, and what a task costs that does nothing."""

# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import time

import ray
from ray.exceptions import GetTimeoutError
from ray.util import placement_group, remove_placement_group
from ray.util.placement_group import PlacementGroup


# --8<-- [start:groups]
def granted(group: PlacementGroup, seconds: float = 1.0) -> bool:
    """Whether all bundles of a group are reserved before our patience ends."""
    try:
        ray.get(group.ready(), timeout=seconds)
    except GetTimeoutError:
        return False
    return True


# --8<-- [end:groups]


@ray.remote
def nothing() -> None:
    """A task that does nothing, to see what is left."""


def strategies() -> dict[str, bool]:
    """Two bundles of one CPU each, on one node."""
    results = {}
    for strategy in ("PACK", "STRICT_PACK", "SPREAD", "STRICT_SPREAD"):
        group = placement_group([{"CPU": 1}] * 2, strategy=strategy)
        results[strategy] = granted(group, 1 if strategy == "STRICT_SPREAD" else 30)
        remove_placement_group(group)
    return results


def gangs() -> list[str]:
    """Two jobs that need two CPUs each, where there are three."""
    first, second = placement_group([{"CPU": 1}] * 2), placement_group([{"CPU": 1}] * 2)
    lines = [f"first: {granted(first, 30)}, second: {granted(second)}"]
    ray.get(nothing.remote(), timeout=60)
    lines.append("a task finds the third CPU free")
    remove_placement_group(first)
    lines.append(f"first is done, second: {granted(second, 30)}")
    remove_placement_group(second)
    return lines


def overhead(tasks: int = 2000) -> tuple[float, float, float]:
    """Seconds of the driver for one submission, of the node for one task, and of one round trip."""
    ray.get([nothing.remote() for _ in range(100)])
    began = time.perf_counter()
    waiting = [nothing.remote() for _ in range(tasks)]
    submitted = time.perf_counter()
    ray.get(waiting)
    done = time.perf_counter()
    for _ in range(100):
        ray.get(nothing.remote())
    trips = time.perf_counter()
    return (submitted - began) / tasks, (done - began) / tasks, (trips - done) / 100
