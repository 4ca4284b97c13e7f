"""Ray: a data set that is computed on its way to the workers, in an order that can be repeated."""

# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np
import ray.data
from ray.data import RandomSeedConfig

from snippets.distributed.ray.session import session

ROWS = 96


# --8<-- [start:data]
def features(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Inputs and targets of some rows; runs as a task, on any node with a free CPU."""
    number = rows["id"]  # [B]
    x = np.sin(np.outer(number + 1, np.arange(1, 9))).astype(np.float32)  # [B, 8]
    return {"id": number, "x": x, "y": x.sum(axis=1) / 2}


def dataset() -> ray.data.Dataset:
    """A plan. Nothing is computed before somebody iterates."""
    session()
    options = ray.data.DataContext.get_current().execution_options
    options.preserve_order = True  # else: blocks in the order in which they get ready
    return ray.data.range(ROWS, override_num_blocks=8).map_batches(
        features, batch_size=None
    )


# --8<-- [end:data]


def megabytes(rows: dict[str, np.ndarray], folder: str) -> dict[str, np.ndarray]:
    """4 MB for each row, and a trace in a folder."""
    for number in rows["id"]:
        Path(folder, str(number)).touch()
    return {"x": np.ones((len(rows["id"]), 1_000_000), dtype=np.float32)}


BLOCKS = 24


def ahead(folder: Path, limit: float, pauses: tuple[int, ...] = (1, 9)) -> list[int]:
    """Blocks computed when a reader has taken so many, and then waits until no more come."""
    session()
    folder.mkdir()
    plan = ray.data.range(BLOCKS, override_num_blocks=BLOCKS)
    plan = plan.map_batches(partial(megabytes, folder=str(folder)), batch_size=None)
    options = plan.context.execution_options
    options.resource_limits = options.resource_limits.copy(object_store_memory=limit)
    computed = []
    for taken, _ in enumerate(plan.iter_batches(batch_size=1), 1):
        if taken in pauses:
            computed.append(at_rest(folder))
        if taken == max(pauses):
            return computed
    raise ValueError("fewer blocks than that")


def at_rest(folder: Path, seconds: float = 2) -> int:
    """How many there are when so long nothing was added."""
    count, since = 0, time.monotonic()
    while count < BLOCKS and time.monotonic() < since + seconds:
        time.sleep(0.05)
        now = len(list(folder.iterdir()))
        if now != count:
            count, since = now, time.monotonic()
    return count


@ray.remote(num_cpus=0)
def read(rows: ray.data.DataIterator, epochs: tuple[int, ...]) -> list[list[int]]:
    """What one worker sees: the numbers of its rows, in the order of each epoch."""
    return [
        [
            int(number)
            for batch in rows.iter_batches(
                batch_size=4, local_shuffle_buffer_size=ROWS, local_shuffle_seed=epoch
            )
            for number in batch["id"]
        ]
        for epoch in epochs
    ]


def workers_read(epochs: tuple[int, ...]) -> list[list[list[int]]]:
    """The orders of two workers: rows by worker and epoch."""
    shards = dataset().streaming_split(2, equal=True)
    return ray.get([read.remote(shard, epochs) for shard in shards])


def reseeded(epochs: int) -> list[list[int]]:
    """Orders of a shuffle that takes its seed from a count of epochs which Ray Data keeps."""
    seed = RandomSeedConfig(seed=7, reseed_after_execution=True)
    plan = dataset().random_shuffle(seed=seed)
    return [[int(row["id"]) for row in plan.iter_rows()] for _ in range(epochs)]


def orders() -> list[str]:
    """The first rows of each worker in two epochs and after a restart, as text."""
    first, again = workers_read((0, 1)), workers_read((1,))
    lines = [f"epoch {e}, worker {w}: {first[w][e][:6]}" for e in (0, 1) for w in (0, 1)]
    lines += [f"restart, worker {w}: {again[w][0][:6]}" for w in (0, 1)]
    kept, fresh = reseeded(2), reseeded(1)
    lines += ["reseed_after_execution:", *(f"epoch {e}: {kept[e][:6]}" for e in (0, 1))]
    return [*lines, f"restart: {fresh[0][:6]}"]
