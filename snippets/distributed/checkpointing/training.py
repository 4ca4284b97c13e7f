"""Checkpointing: a training run that may be killed at any time, and goes on as if nothing had happened."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # once here, or again in every rank
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from snippets.distributed.checkpointing.loading import latest, load
from snippets.distributed.checkpointing.saving import save
from snippets.distributed.collectives.ranks import launch

WIDTH, SAMPLES, BATCH, STEPS, EVERY = 16, 40, 8, 12, 4


class Net(nn.Module):
    """Two layers with dropout, whose mask comes from outside."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, hidden)
        self.second = nn.Linear(hidden, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Rows of x, [B, W], with a mask of [B, H]."""
        out: Tensor = self.second(torch.relu(self.first(x)) * mask)
        return out


class Run:
    """All that a training run remembers from one step to the next."""

    def __init__(self, hidden: int = 90) -> None:
        torch.manual_seed(0)
        self.model = Net(hidden)
        mesh = init_device_mesh(torch.get_default_device().type, (dist.get_world_size(),))
        for module in (self.model.first, self.model.second, self.model):
            fully_shard(module, mesh=mesh)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.005)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, STEPS)
        self.noise = torch.Generator().manual_seed(1)  # draws alike on all ranks
        self.random = self.noise.get_state()
        self.seen = 0  # samples, by all ranks together
        for p in self.model.parameters():
            self.optimizer.state[p] = {
                "step": torch.tensor(0.0, device="cpu"),
                "exp_avg": torch.zeros_like(p),
                "exp_avg_sq": torch.zeros_like(p),
            }

    # --8<-- [start:state]
    def tensors(self) -> dict[str, Tensor]:
        """By name; DTensors where each rank has a part."""
        self.random.copy_(self.noise.get_state())
        named = {"random": self.random}
        for name, p in self.model.named_parameters():
            named[f"model.{name}"] = p
            for key, value in self.optimizer.state[p].items():
                named[f"optimizer.{name}.{key}"] = value
        return named

    def rest(self) -> dict[str, Any]:
        """What is not a tensor."""
        return {"seen": self.seen, "schedule": self.schedule.state_dict()}

    # --8<-- [end:state]

    def restore(self, rest: dict[str, Any]) -> None:
        """After the tensors have been filled."""
        self.noise.set_state(self.random)
        self.seen = rest["seen"]
        self.schedule.load_state_dict(rest["schedule"])
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.get_last_lr()[0]


def batch(run: Run) -> tuple[Tensor, Tensor]:
    """This rank's rows of the global batch, and of its mask."""
    epoch, first = divmod(run.seen, SAMPLES)
    hidden = run.model.first.out_features
    with torch.device("cpu"):  # where the generators are; the default may be a GPU
        order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(epoch))
        mask = torch.rand(BATCH, hidden, generator=run.noise) < 0.9  # for all ranks
        x = torch.randn(SAMPLES, WIDTH, generator=torch.Generator().manual_seed(2))
    rows = order[first : first + BATCH].chunk(dist.get_world_size())[dist.get_rank()]
    return x[rows], mask.chunk(dist.get_world_size())[dist.get_rank()]


def step(run: Run) -> float:
    """One step on this rank's rows of the global batch."""
    x, mask = (t.to(torch.get_default_device()) for t in batch(run))
    loss = (run.model(x, mask / 0.9) - x.roll(1, dims=1)).square().mean()
    run.optimizer.zero_grad()
    loss.backward()
    run.optimizer.step()
    run.schedule.step()
    run.seen += BATCH
    total = loss.detach()
    dist.all_reduce(total)
    return total.item() / dist.get_world_size()


def agreed(home: Path) -> Path | None:
    """The newest checkpoint that rank 0 sees; others may see another one for a while."""
    newest = [latest(home) if dist.get_rank() == 0 else None]
    dist.broadcast_object_list(newest)
    return newest[0]


Strike = Callable[[int, str], None]  # told the step, and the tensor that was just written


# --8<-- [start:train]
def train(home: Path, strike: Strike, rank: int, folder: Path) -> None:
    """From the newest complete checkpoint to the end."""
    run = Run()
    if newest := agreed(home):
        run.restore(load(newest, run.tensors()))
    while (done := run.seen // BATCH) < STEPS:
        loss = step(run)
        if rank == 0:
            with (home / "losses").open("a") as log:
                print(done + 1, dist.get_world_size(), loss, file=log)
        strike(done + 1, "")
        if (done + 1) % EVERY == 0:
            to = home / str(done + 1)
            save(to, run.tensors(), run.rest(), partial(strike, done + 1))


# --8<-- [end:train]


def peace(step: int, name: str) -> None:
    """Nobody is killed."""


if __name__ == "__main__":  # under torchrun; the folder is one that all nodes see
    home = Path(os.environ["CHECKPOINTS"])
    home.mkdir(exist_ok=True)
    launch(partial(train, home, peace))
