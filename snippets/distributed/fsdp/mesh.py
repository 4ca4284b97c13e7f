"""FSDP: a mesh of two dimensions, and precision by what a number is for."""

# /// fieldguide
# timeout_s = 300
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.fsdp.wire import Wire, batch, local, network

MESHES = {"FSDP, 4 shards": (1, 4), "HSDP, 2 x 2 shards": (2, 2), "DDP-like, 4 x 1": (4, 1)}


# --8<-- [start:mesh]
def hybrid(replicas: int, shards: int) -> tuple[dict[str, float], int]:
    """Bytes sent in a step by each dimension of the mesh, and bytes of weights held."""
    device, names = torch.get_default_device().type, ("replicate", "shard")
    mesh = init_device_mesh(device, (replicas, shards), mesh_dim_names=names)
    model = network()
    for module in [*list(model.children())[:-1], model]:
        fully_shard(module, mesh=mesh)
    x, y = batch(dist.get_rank(), dist.get_world_size())  # all ranks have other samples
    with Wire() as wire:
        F.mse_loss(model(x), y).backward()
    groups = {
        name: tuple(dist.get_process_group_ranks(mesh.get_group(name))) for name in names
    }
    sent = {
        name: sum(size for _, ranks, size in wire.calls if ranks == group)
        for name, group in groups.items()
    }
    return sent, sum(local(p).nbytes for p in model.parameters())


# --8<-- [end:mesh]

BF16, FP32 = torch.bfloat16, torch.float32
POLICIES = {
    "fp32": MixedPrecisionPolicy(),
    "bf16, reduce fp32": MixedPrecisionPolicy(param_dtype=BF16, reduce_dtype=FP32),
    "bf16, reduce bf16": MixedPrecisionPolicy(param_dtype=BF16),
}


# --8<-- [start:policy]
def gradient(policy: MixedPrecisionPolicy) -> tuple[Tensor, float, float, set[str]]:
    """The whole gradient, bytes gathered and reduced, and the types held."""
    model = network()
    for module in [*list(model.children())[:-1], model]:
        fully_shard(module, mp_policy=policy)
    x, y = batch(dist.get_rank(), dist.get_world_size())
    with Wire() as wire:
        F.mse_loss(model(x).float(), y).backward()
    grads = [p.grad for p in model.parameters()]
    whole = [g.full_tensor().flatten() for g in grads if isinstance(g, DTensor)]
    types = {str(t.dtype) for t in [*model.parameters(), *grads] if t is not None}
    return torch.cat(whole), wire.sent("gather"), wire.sent("reduce"), types


# --8<-- [end:policy]


# --8<-- [start:stall]
def ring_sum(numbers: Tensor, dtype: torch.dtype) -> Tensor:
    """A row from each rank, added hop by hop, rounded at each."""
    total = torch.zeros_like(numbers[0], dtype=dtype)
    for row in numbers.to(dtype):
        total += row
    return total.double()


# --8<-- [end:stall]


def stalled() -> float:
    """Where a sum of more ones than bf16 can count stops."""
    return ring_sum(torch.ones(1024, 1, device="cpu"), BF16).item()


def measure(rank: int, folder: Path) -> None:
    """All meshes and all policies."""
    meshes = {name: hybrid(*shape) for name, shape in MESHES.items()}
    policies = {name: gradient(policy) for name, policy in POLICIES.items()}
    torch.save((meshes, policies), folder / f"{rank}.pt")


def results() -> tuple[
    dict[str, tuple[dict[str, float], int]],
    dict[str, tuple[Tensor, float, float, set[str]]],
]:
    """Of rank 0."""
    meshes, policies = torch.load(launch(measure, RANKS) / "0.pt")
    return meshes, policies


def example_mesh() -> None:
    """Three meshes of four ranks."""
    print(
        f"{'bytes':20s}{'within shards':>14s}{'across replicas':>17s}{'weights held':>14s}"
    )
    for name, (sent, held) in results()[0].items():
        print(f"{name:20s}{sent['shard']:14,.0f}{sent['replicate']:17,.0f}{held:14,}")


def example_policy() -> None:
    """The error of a gradient, and its price."""
    policies = results()[1]
    exact = policies["fp32"][0]
    print(f"{'':20s}{'gathered':>9s}{'reduced':>9s}{'error':>8s}")
    for name, (grad, gathered, reduced, _) in policies.items():
        error = ((grad - exact).norm() / exact.norm()).item()
        print(f"{name:20s}{gathered:9,.0f}{reduced:9,.0f}{error:8.2%}")


def example_stall() -> None:
    """What rounding at each hop does to ones, and to noise."""
    print("ranks   sum of ones, bf16   noise: error in bf16   in fp32")
    for ranks in (4, 64, 256, 1024):
        ones = ring_sum(torch.ones(ranks, 1, device="cpu"), BF16).item()
        generator = torch.Generator("cpu").manual_seed(0)
        noise = torch.randn(ranks, 1000, generator=generator, device="cpu")
        exact = noise.to(BF16).double().sum(0)
        error = [
            ((ring_sum(noise.to(BF16), dtype) - exact).norm() / exact.norm()).item()
            for dtype in (BF16, FP32)
        ]
        print(f"{ranks:5d}{ones:20.0f}{error[0]:23.1%}{error[1]:10.0e}")


def facts() -> dict[str, str]:
    """Numbers that the page states about precision."""
    return {"stall": f"{stalled():.0f}"}


if __name__ == "__main__":
    example_mesh()
    example_policy()
    example_stall()
