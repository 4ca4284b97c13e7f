"""Ray: objects, tasks, actors and placement groups, with what each does when a process is lost."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, RayActorError
from ray.util import placement_group, remove_placement_group
from ray.util.placement_group import PlacementGroup


class Seen(NamedTuple):
    """How one process sees an object."""

    process: int
    place: tuple[str, int]
    writable: bool


# --8<-- [start:objects]
def seen(array: np.ndarray) -> Seen:
    """Process, place in shared memory, and whether writing is allowed."""
    address = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        ends, _, offset, _, inode, *_ = line.split()
        start, end = (int(text, 16) for text in ends.split("-"))
        if start <= address < end:  # the same file and offset: the same memory
            place = (inode, int(offset, 16) + address - start)
            return Seen(os.getpid(), place, array.flags.writeable)
    raise ValueError("no such address")


@ray.remote(num_cpus=0.5)
class Reader:
    """A process of its own that looks at an object."""

    def look(self, array: np.ndarray) -> Seen:
        """Where the array is."""
        return seen(array)


# --8<-- [end:objects]


def shared() -> list[Seen]:
    """One array of 80 MB, and the three processes that hold it."""
    array = ray.put(np.ones(10_000_000))
    readers = [Reader.remote(), Reader.remote()]  # type: ignore[attr-defined]
    looks = ray.get([reader.look.remote(array) for reader in readers])
    return [seen(ray.get(array)), *looks]


# --8<-- [start:task]
@ray.remote(max_retries=3)
def square(number: int, fuse: str) -> int:
    """A task whose process is lost the first time."""
    if not Path(fuse).exists():
        Path(fuse).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


# --8<-- [end:task]


# --8<-- [start:actor]
@ray.remote(num_cpus=0)
class Counter:
    """State in a process. With a file it survives the process."""

    def __init__(self, file: str = "") -> None:
        self.file = Path(file) if file else None
        saved = self.file is not None and self.file.exists()
        self.total = int(self.file.read_text()) if self.file and saved else 0

    def add(self, number: int, fuse: str = "") -> int:
        """Add, and say the total. With a fuse, the process is lost before it can answer."""
        self.total += number
        if self.file:
            self.file.write_text(str(self.total))
        if fuse and not Path(fuse).exists():
            Path(fuse).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.total


# --8<-- [end:actor]


def after_loss(folder: Path, saves: bool = False, **options: int) -> list[str]:
    """Add 10, then 5 in a call that is lost, then 1."""
    file = str(folder / "total") if saves else ""
    actor = Counter.options(**options).remote(file)  # type: ignore[attr-defined]
    answers = []
    for number, fuse in ((10, ""), (5, str(folder / "fuse")), (1, "")):
        try:
            answers.append(str(ray.get(actor.add.remote(number, fuse))))
        except RayActorError as error:
            answers.append(type(error).__name__)
            wait_for(actor)
    return answers


def wait_for(actor: Any) -> None:
    """Until an actor is there again, or is known to be gone for good."""
    while True:
        try:
            ray.get(actor.__ray_ready__.remote())
            return
        except ActorDiedError:
            return
        except RayActorError:
            time.sleep(0.1)


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
