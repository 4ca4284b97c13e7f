"""Model serving: the same two questions to Ray Serve's own batcher, in this process."""

# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from types import SimpleNamespace

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray import serve
from ray.serve import context

# The batcher asks its replica for its name and its limit. Here is no replica to ask.
context._INTERNAL_REPLICA_CONTEXT = SimpleNamespace(  # type: ignore[assignment]
    app_name="page",
    deployment="squares",
    replica_tag="here",
    replica_id=None,
    _deployment_config=SimpleNamespace(max_ongoing_requests=64),
)


class Squares:
    """A model that has company: Serve gathers its callers and passes a list."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    # --8<-- [start:batched]
    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.05)
    async def model(self, rows: Sequence[int]) -> list[int]:
        """Squares. Raises if any row is negative."""
        self.sizes.append(len(rows))
        if min(rows) < 0:
            raise ValueError("a row is bad")
        return [row * row for row in rows]

    # --8<-- [end:batched]


async def ask(model: Squares, rows: Sequence[int]) -> list[object]:
    """One caller for each row; what each of them is told."""
    callers = (model.model(row) for row in rows)
    return list(await asyncio.gather(*callers, return_exceptions=True))


async def both() -> None:
    """Two full batches and a rest of good rows; then a batch with one bad row."""
    model = Squares()
    good = await ask(model, range(20))
    print("20 good rows:", sum(a == n * n for n, a in enumerate(good)), "right answers")
    mixed = await ask(model, (1, 2, 3, 4, -5, 6, 7, 8))
    errors = sum(isinstance(answer, ValueError) for answer in mixed)
    print("7 good rows and a bad one:", errors, "callers get its ValueError")
    print("rows per call:", *model.sizes)


def example_ray() -> None:
    """Ray Serve's code, without its cluster."""
    asyncio.run(both())


if __name__ == "__main__":
    example_ray()
