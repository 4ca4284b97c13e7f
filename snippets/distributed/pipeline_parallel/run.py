"""Pipeline parallelism for real: our lists and PyTorch's schedules on several processes."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.pipeline_parallel.schedules import Action, one_f_one_b

MICROS, WIDTH = 8, 32


def stages() -> list[nn.Sequential]:
    """A model of four stages, the same on every rank."""
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()) for _ in range(RANKS)]


def batch() -> tuple[Tensor, Tensor]:
    """Inputs and targets of one step."""
    torch.manual_seed(1)
    return torch.randn(4 * MICROS, WIDTH), torch.randn(4 * MICROS, WIDTH)


def gradients(module: nn.Module) -> Tensor:
    """All gradients as one vector."""
    return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])


# --8<-- [start:run]
def run(order: list[Action], stage: nn.Module, rank: int) -> float:
    """Work through a rank's list: receive, compute, send. The loss, on the last rank."""
    x, y = (t.chunk(MICROS) for t in batch())
    kept: dict[int, tuple[Tensor, Tensor]] = {}
    sent: list[tuple[dist.Work | None, Tensor]] = []  # a tensor must live until it has left
    loss = 0.0
    for kind, i, _ in order:
        if kind == "F":
            inputs = x[i] if rank == 0 else receive(x[i], rank - 1)
            outputs = stage(inputs.requires_grad_())
            kept[i] = inputs, outputs
            if rank < RANKS - 1:
                sent.append((dist.isend(outputs.detach(), rank + 1), outputs))
        else:
            inputs, outputs = kept.pop(i)
            if rank == RANKS - 1:
                part = F.mse_loss(outputs, y[i]) / MICROS
                part.backward()
                loss += part.item()
            else:
                outputs.backward(receive(outputs, rank + 1))
            if rank > 0 and inputs.grad is not None:
                sent.append((dist.isend(inputs.grad, rank - 1), inputs.grad))
    for handle, _ in sent:
        if handle:
            handle.wait()
    return loss


# --8<-- [end:run]


def receive(like: Tensor, source: int) -> Tensor:
    """A tensor of the same shape from another rank."""
    buffer = torch.empty_like(like)
    dist.recv(buffer, source)
    return buffer


def ours(rank: int, folder: Path) -> None:
    """1F1B by our list."""
    stage = stages()[rank]
    loss = run(one_f_one_b(rank, RANKS, MICROS), stage, rank)
    torch.save((loss, gradients(stage)), folder / f"{rank}.pt")


def single() -> tuple[float, Tensor]:
    """Loss and gradients of the whole model in one process."""
    model = nn.Sequential(*stages())
    x, y = batch()
    loss = F.mse_loss(model(x), y)
    loss.backward()
    return loss.item(), gradients(model)


def example_run() -> None:
    """One step by four processes, and by one."""
    folder = launch(ours)
    parts = [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]
    loss, whole = single()  # last, because a process that has used autograd must not fork
    print(f"one process     loss {loss:.5f}")
    same = torch.allclose(
        torch.cat([grads for _, grads in parts]), whole, rtol=0, atol=1e-7
    )
    print(f"four processes  loss {parts[-1][0]:.5f}, gradients within 1e-7: {same}")


if __name__ == "__main__":
    example_run()
