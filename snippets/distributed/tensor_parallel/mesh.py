"""Tensor parallelism: two dimensions, with FSDP over the other."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import parallelize_module

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.tensor_parallel.engine import HIDDEN, batch, plan, whole_layer

ROWS = torch.arange(4 * HIDDEN)


# --8<-- [start:mesh]
def train_2d(x: Tensor, tensor: int = 2) -> tuple[nn.Module, Tensor]:
    """One backward pass with TP over neighbors and FSDP over the rest. x [S, B, H]: all data."""
    shape = (dist.get_world_size() // tensor, tensor)
    mesh = init_device_mesh(x.device.type, shape, mesh_dim_names=("dp", "tp"))
    layer = whole_layer()
    parallelize_module(layer, mesh["tp"], plan(sequence=True))  # first: cut each matrix
    fully_shard(layer, mesh=mesh["dp"])  # then: cut what is left of it
    dp, tp = divmod(dist.get_rank(), tensor)
    mine = x.chunk(shape[0], 1)[dp].chunk(tensor)[tp]  # some sequences; of them a part
    layer(mine).square().sum().backward()
    return layer, ROWS.chunk(tensor)[tp].chunk(shape[0])[dp]


# --8<-- [end:mesh]


def compare(rank: int, folder: Path) -> None:
    """The gradients of four ranks beside those of one."""
    layer, rows = train_2d(batch())
    whole = whole_layer()
    whole(batch()).square().sum().backward()
    held, apart = {}, 0.0
    largest = max(
        p.grad.abs().max().item() for p in whole.parameters() if p.grad is not None
    )
    for (name, p), theirs in zip(layer.named_parameters(), whole.parameters(), strict=True):
        assert isinstance(p, DTensor) and isinstance(p.grad, DTensor)
        assert theirs.grad is not None
        ours = p.grad.full_tensor() * 2  # FSDP takes the mean over its ranks
        apart = max(apart, (ours - theirs.grad).abs().max().item() / largest)
        held[name] = (str(p.placements), p.to_local().detach())
    # The rows that PyTorch holds are those that we say
    torch.testing.assert_close(held["mlp.up.weight"][1], whole.mlp.up.weight.detach()[rows])
    found = int(rows[0]), int(rows[-1])
    torch.save((apart, held, found), folder / f"{rank}.pt")


def example_mesh() -> None:
    """Who holds which rows of the up-projection, of 256."""
    folder = launch(compare)
    ranks = [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]
    print(f"{'rank':5s}{'(dp, tp)':10s}{'rows of mlp.up':16s}{'bytes held':>10s}")
    for rank, (_, parts, (first, last)) in enumerate(ranks):
        held = sum(part.nbytes for _, part in parts.values())
        print(f"{rank:<5d}{divmod(rank, 2)!s:10s}{first:4d} to {last:<8d}{held:10,d}")
    for name in ("mlp.up.weight", "mlp.down.weight", "norm1.weight"):
        print(f"{name:16s}{ranks[0][1][name][0]}")
    same = all(apart < 1e-5 for apart, _, _ in ranks)
    print(f"gradients of one device, within 1e-5: {same}")


if __name__ == "__main__":
    example_mesh()
