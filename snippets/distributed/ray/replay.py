"""Ray: the same training in plain PyTorch, in one process, on rows in a given order."""

# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from snippets.distributed.ray.feed import features
from snippets.distributed.ray.training import WORKERS, fit, network

Order = list[list[list[int]]]  # [step][worker][B]


def logged(folder: Path) -> tuple[list[int], Order]:
    """Steps as they ran, and the rows of each step, the last time that it ran."""
    steps: list[int] = []
    rows: dict[int, list[list[int]]] = {}
    for rank in range(WORKERS):
        for line in (folder / "log" / f"rank-{rank}.log").read_text().splitlines():
            step, ids = line.split(" ", 1)
            rows.setdefault(int(step), [[]] * WORKERS)
            rows[int(step)] = [
                *rows[int(step)][:rank],
                [int(i) for i in ids[1:-1].split(",")],
            ]
            if rank == 0:
                steps.append(int(step))
    return steps, [rows[step] for step in sorted(rows)]


# --8<-- [start:replay]
def replay(order: Order) -> list[float]:
    """Losses of two workers that average their gradients, without workers."""
    model, optimizer = network()
    weights = list(model.parameters())
    random = []
    for rank in range(WORKERS):
        torch.manual_seed(rank)
        random.append(torch.get_rng_state())
    losses = []
    for step in order:
        total, gradients = 0.0, [torch.zeros_like(weight) for weight in weights]
        for rank, ids in enumerate(step):
            torch.set_rng_state(random[rank])
            rows = {k: torch.tensor(v) for k, v in features({"id": np.array(ids)}).items()}
            loss = torch.nn.functional.mse_loss(model(rows["x"])[:, 0], rows["y"])
            for kept, new in zip(
                gradients, torch.autograd.grad(loss, weights), strict=True
            ):
                kept += new / WORKERS
            total += loss.item()
            random[rank] = torch.get_rng_state()
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        optimizer.step()
        losses.append(total / WORKERS)
    return losses


# --8<-- [end:replay]


@cache
def runs(kill_at: int) -> tuple[list[list[float]], list[list[int]], Order]:
    """Losses of a run that was never killed and of one that was, steps as they ran, rows of each."""
    losses, ran = [], []
    for name, last in (("whole", -1), ("killed", kill_at)):
        result = fit(Path(name).absolute(), last)
        assert result.checkpoint is not None
        with result.checkpoint.as_directory() as folder:
            losses.append(torch.load(Path(folder, "state.pt"))[2])
        steps, order = logged(Path(name))
        ran.append(steps)
    return losses, ran, order


def worst(one: list[float], other: list[float]) -> float:
    """The largest difference of two curves."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
