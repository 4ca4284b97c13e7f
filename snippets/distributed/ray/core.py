"""Ray: objects, tasks and actors, with what each does when a process is lost."""

# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import ray
from ray.exceptions import ActorDiedError, RayActorError


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


WAYS: dict[str, tuple[bool, dict[str, int]]] = {
    "default": (False, {}),
    "max_restarts=1": (False, {"max_restarts": 1}),
    "and max_task_retries=1": (False, {"max_restarts": 1, "max_task_retries": 1}),
    "and a file": (True, {"max_restarts": 1, "max_task_retries": 1}),
}
