"""Ray: the same training in plain PyTorch, in one process, on rows in a given order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from snippets.distributed.ray_feed import features
from snippets.distributed.ray_training import WORKERS, network

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
