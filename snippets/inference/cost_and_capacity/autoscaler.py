"""An autoscaler that follows the load, and the minutes that a new copy takes to start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Outcome(NamedTuple):
    """What an autoscaler did over a day."""

    worst_wait: float  # seconds
    waiting: int  # minutes in which somebody waited
    copy_hours: float


# --8<-- [start:follow]
def follow(demand: Sequence[float], rate: float, target: float, start: int) -> Outcome:
    """Scale copies to the demand, minute by minute.

    Args:
        demand: Requests per second in each minute.
        rate: Requests per second of one copy, at its objective.
        target: Utilization that the autoscaler aims at.
        start: Minutes from the order of a copy until it serves.
    """
    wanted = [math.ceil(d / (rate * target)) for d in demand]
    backlog, worst, waiting, hours = 0.0, 0.0, 0, 0.0
    for minute, arriving in enumerate(demand):
        ready = wanted[max(0, minute - start)]
        if wanted[minute] < ready:  # a copy stops at once
            ready = wanted[minute]
        backlog = max(0.0, backlog + 60 * (arriving - ready * rate))
        worst, waiting = max(worst, backlog / (ready * rate)), waiting + (backlog > 0)
        hours += max(ready, wanted[minute]) / 60  # what starts is paid as well
    return Outcome(worst, waiting, hours)


# --8<-- [end:follow]


TIGHT, RIGHT = 0.9, 0.75  # targets of the autoscaler


def day(low: float = 100.0, high: float = 200.0, ramp: int = 30) -> list[float]:
    """A night, a morning that takes `ramp` minutes, and a day: requests per second."""
    night, busy = [low] * 480, [high] * (960 - ramp)
    return night + [low + (high - low) * i / ramp for i in range(ramp)] + busy


def example_headroom() -> None:
    """Load doubles within 30 minutes; a copy serves 5 requests/s and starts in 10 minutes."""
    ideal = sum(day()) / 5 / 60
    print(f"{'target':8s}{'worst wait':>11s}{'minutes':>9s}{'copy-hours':>12s}")
    for target in (0.95, TIGHT, 0.8, RIGHT, 0.6):
        o = follow(day(), 5.0, target, 10)
        print(
            f"{target:4.0%}    {o.worst_wait:9.0f} s{o.waiting:9d}{o.copy_hours / ideal:11.2f}×"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about the autoscaler."""
    tight, right = (follow(day(), 5.0, target, 10) for target in (TIGHT, RIGHT))
    return {
        "target_tight": f"{TIGHT:.0%}",
        "target_right": f"{RIGHT:.0%}",
        "wait_tight": f"{tight.worst_wait:.0f} s",
        "minutes_tight": f"{tight.waiting}",
        "cost_right": f"{right.copy_hours / tight.copy_hours - 1:.0%}",
    }


if __name__ == "__main__":
    example_headroom()
