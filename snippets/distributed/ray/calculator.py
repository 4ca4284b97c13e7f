"""Ray: what a lost worker costs, and how long a task must be. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated


def useful(task: float, cores: int, driver: float, worker: float) -> float:
    """Share of the cores' time that goes into tasks, for a driver that submits one after another.

    Args:
        task: Seconds of work in one task.
        cores: Cores that run tasks.
        driver: Seconds of the driver for each task.
        worker: Seconds of a core for each task, beyond its work.
    """
    return task / max(cores * driver, task + worker)


def granularity(
    task: Annotated[float, "ms", (0.001, 1_000_000.0)] = 10.0,
    cores: Annotated[int, "", (1, 100_000)] = 64,
    driver: Annotated[float, "µs", (0.1, 100_000.0)] = 50.0,
    worker: Annotated[float, "µs", (0.1, 1_000_000.0)] = 1000.0,
) -> dict[str, object]:
    """Is a task long enough, and is one driver enough?

    Args:
        task: Work in one task.
        cores: Cores that run tasks.
        driver: Driver's time to submit a task.
        worker: Core's time lost with each task.
    """

    def share(milliseconds: float, many: int = cores) -> float:
        return useful(milliseconds * 1e-3, many, driver * 1e-6, worker * 1e-6)

    fed = (task * 1e3 + worker) / driver
    enough = max(9 * worker, 0.9 * cores * driver) / 1e3
    times = [10 ** (exponent / 4) for exponent in range(-8, 17)]  # ms
    counts = sorted({8, cores, 1024})
    return {
        "useful share of the cores": f"{share(task):.1%}",
        "limited by": "the driver" if fed < cores else "the cores",
        "cores that one driver can feed": f"{fed:,.0f}",
        "tasks per second": f"{min(1e6 / driver, cores * 1e6 / (task * 1e3 + worker)):,.0f}",
        "shortest task for a share of 90%": f"{enough:,.3g} ms",
        "lines": {
            "x": "ms of work in a task",
            "y": "useful share, %",
            "log": "x",
            "series": {
                f"{many} cores": [(ms, 100 * share(ms, many)) for ms in times]
                for many in counts
            },
            "points": {"yours": (task, 100 * share(task))},
        },
    }


def lost_worker(
    steps: Annotated[int, "", (2, 200)] = 24,
    every: Annotated[int, "steps", (1, 200)] = 5,
    killed: Annotated[int, "steps", (1, 199)] = 17,
    restart: Annotated[float, "steps", (0.0, 1000.0)] = 4.0,
    workers: Annotated[int, "", (2, 6)] = 2,
) -> dict[str, object]:
    """What does the loss of one worker cost all of them?

    Args:
        steps: Steps of the whole run.
        every: Interval of checkpoints.
        killed: Moment of the loss. Steps done when the last worker is lost.
        restart: Time until a new group trains.
        workers: Workers of the group.
    """
    if killed >= steps:
        raise ValueError(f"a run of {steps} steps is over after {killed} steps.")
    saved = killed // every * every
    back = killed + restart
    again = back + killed - saved
    end = back + steps - saved
    spans: list[tuple[float, float, str]] = [
        (float(first), min(first + every, killed), "S") for first in range(0, killed, every)
    ]
    spans.append((killed, back, "W"))
    if killed > saved:
        spans.append((back, again, "R"))
    first = killed
    while first < steps:
        last = min(first // every * every + every, steps)
        spans.append((again + first - killed, again + last - killed, "S"))
        first = last
    lost = workers * (restart + killed - saved)
    return {
        "steps that run twice": str(killed - saved),
        "continues after step": str(saved),
        "time of the run": f"{end:g} steps instead of {steps}",
        "lost by all workers together": f"{lost:g} worker-steps",
        "timeline": {
            "unit": "steps",
            "lanes": {f"worker {worker}": spans for worker in range(workers)},
            "names": {"S": "steps", "W": "waits for a new group", "R": "runs again"},
        },
    }


def facts() -> dict[str, str]:
    """Numbers of the rule, from the defaults of the calculator."""
    found = granularity()
    return {
        "fed": str(found["cores that one driver can feed"]),
        "useful": str(found["useful share of the cores"]),
    }
