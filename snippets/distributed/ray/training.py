"""Ray: a training job on two workers, fed by Ray Data, that can lose a worker at any step."""

# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import os
import signal
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import ray.train
import torch
from ray.train.torch import TorchTrainer, prepare_model
from torch import nn
from torch.distributed import ReduceOp, all_reduce
from torch.optim import SGD, Optimizer

from snippets.distributed.ray.feed import ROWS, dataset

WORKERS, BATCH, EPOCHS = 2, 4, 2
STEPS = ROWS // (WORKERS * BATCH)  # of an epoch
SAVE_EVERY = 5
COMMITTED = ray.train.CheckpointConsistencyMode.COMMITTED


def network() -> tuple[nn.Module, Optimizer]:
    """The same start on every rank. The dropout makes the run depend on random state too."""
    torch.manual_seed(0)
    layers = [nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1)]
    model = nn.Sequential(*layers)
    return model, SGD(model.parameters(), lr=0.1, momentum=0.9)


# --8<-- [start:train]
def train(config: dict[str, Any]) -> None:
    """What every worker runs, at the start and again after a loss."""
    rank = ray.train.get_context().get_world_rank()
    shard = ray.train.get_dataset_shard("rows")
    model, optimizer = network()
    parallel = prepare_model(model)  # DistributedDataParallel; moves the weights, so first
    torch.manual_seed(rank)
    losses = restore(model, optimizer, rank)
    for epoch in range(len(losses) // STEPS, EPOCHS):
        batches = shard.iter_torch_batches(
            batch_size=BATCH, local_shuffle_buffer_size=ROWS, local_shuffle_seed=epoch
        )
        for batch in islice(batches, len(losses) % STEPS, None):
            if rank == 1 and len(losses) == config["kill_at"]:
                die_once(config["log"])
            loss = nn.functional.mse_loss(parallel(batch["x"])[:, 0], batch["y"])
            optimizer.zero_grad()
            loss.backward()  # averages the gradients of both workers
            optimizer.step()
            losses.append(mean(loss))
            log(config["log"], rank, len(losses), batch["id"].tolist())
            if len(losses) % SAVE_EVERY == 0 or len(losses) == EPOCHS * STEPS:
                save(model, optimizer, rank, losses)


# --8<-- [end:train]


def random_state() -> list[torch.Tensor]:
    """Of the generators that dropout may draw from: on the CPU, and on this worker's GPU."""
    gpu = [torch.cuda.get_rng_state()] if torch.cuda.is_available() else []
    return [torch.get_rng_state(), *gpu]


# --8<-- [start:checkpoint]
def save(model: nn.Module, optimizer: Optimizer, rank: int, losses: list[float]) -> None:
    """Everything that the next step depends on. The number of losses is the place in the data."""
    with tempfile.TemporaryDirectory() as folder:
        torch.save(random_state(), Path(folder, f"random-{rank}.pt"))
        if rank == 0:
            state = [model.state_dict(), optimizer.state_dict(), losses]
            torch.save(state, Path(folder, "state.pt"))
        checkpoint = ray.train.Checkpoint.from_directory(folder)
        ray.train.report({"step": len(losses)}, checkpoint)  # waits for all workers


def restore(model: nn.Module, optimizer: Optimizer, rank: int) -> list[float]:
    """Continue from the latest checkpoint that all workers have reported, if there is one."""
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return []
    with checkpoint.as_directory() as folder:
        weights, momenta, losses = torch.load(Path(folder, "state.pt"), map_location="cpu")
        cpu, *gpu = torch.load(Path(folder, f"random-{rank}.pt"))
    torch.set_rng_state(cpu)
    for state in gpu:
        torch.cuda.set_rng_state(state)
    model.load_state_dict(weights)
    optimizer.load_state_dict(momenta)
    return list(losses)


# --8<-- [end:checkpoint]


# --8<-- [start:kill]
def die_once(folder: str) -> None:
    """What a power cut does: no exception, no clean-up, no message."""
    fuse = Path(folder, "killed")
    if not fuse.exists():
        fuse.touch()
        ray.train.get_all_reported_checkpoints(COMMITTED)  # see below
        os.kill(os.getpid(), signal.SIGKILL)


# --8<-- [end:kill]


def mean(loss: torch.Tensor) -> float:
    """The loss over the batches of all workers."""
    total = loss.detach().clone()
    all_reduce(total, ReduceOp.SUM)
    return total.item() / WORKERS


def log(folder: str, rank: int, step: int, ids: list[int]) -> None:
    """Outlives the worker: which step ran, on which rows."""
    with Path(folder, f"rank-{rank}.log").open("a") as file:
        file.write(f"{step} {ids}\n")


# --8<-- [start:fit]
def fit(folder: Path, kill_at: int = -1) -> ray.train.Result:
    """Train on two workers; a lost one costs the steps since the last checkpoint."""
    (folder / "log").mkdir(parents=True)
    trainer = TorchTrainer(
        train,
        train_loop_config={"kill_at": kill_at, "log": str(folder / "log")},
        datasets={"rows": dataset()},
        scaling_config=ray.train.ScalingConfig(num_workers=WORKERS),
        run_config=ray.train.RunConfig(
            name="run",
            storage_path=str(folder),  # on a cluster: s3://, or a folder that all nodes see
            failure_config=ray.train.FailureConfig(max_failures=1),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
        ),
    )
    return trainer.fit()


# --8<-- [end:fit]
