"""FSDP: four micro-batches in a step, and the norm of gradients that nobody has whole."""

# /// fieldguide
# timeout_s = 300
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import launch
from snippets.distributed.fsdp.wire import Wire, batch, local, network

MICROS = 4
Way = tuple[bool, bool]  # reduce every micro-batch, free after every micro-batch


# --8<-- [start:accumulate]
def accumulate(model: nn.Module, x: Tensor, y: Tensor, every: bool, free: bool) -> int:
    """One step of four micro-batches. Returns bytes of whole gradients before the last."""
    assert isinstance(model, FSDPModule)
    waiting = 0
    for micro, (a, b) in enumerate(zip(x.chunk(MICROS), y.chunk(MICROS), strict=True)):
        last = micro == MICROS - 1
        model.set_requires_gradient_sync(every or last)
        model.set_reshard_after_backward(free or last)
        if not free:
            model.set_reshard_after_forward(False)
        (F.mse_loss(model(a), b) / MICROS).backward()
        if not last:
            waiting = whole_grads(model)
    return waiting


# --8<-- [end:accumulate]


def whole_grads(model: nn.Module) -> int:
    """Bytes of gradients that wait, not yet reduced, in PyTorch's own parameters."""
    total = 0
    for module in model.modules():
        if isinstance(module, FSDPModule):
            group = module._get_fsdp_state()._fsdp_param_group
            for parameter in group.fsdp_params if group else []:
                grads = [parameter.unsharded_accumulated_grad]
                if hasattr(parameter, "_unsharded_param"):
                    grads.append(parameter._unsharded_param.grad)
                total += sum(g.nbytes for g in grads if g is not None)
    return total


# --8<-- [start:norm]
def norm(parameters: list[nn.Parameter]) -> tuple[float, float]:
    """Of this rank's rows, and of the whole gradient: squares are added over ranks."""
    rows = [local(p.grad) for p in parameters if p.grad is not None]
    mine = torch.stack([part.square().sum() for part in rows]).sum()
    total = mine.clone()
    dist.all_reduce(total)
    return mine.sqrt().item(), total.sqrt().item()


# --8<-- [end:norm]

WAYS: dict[str, Way] = {
    "every micro-batch": (True, True),
    "reduce once": (False, True),
    "reduce once, gather once": (False, False),
}


def sharded() -> nn.Module:
    """The model with a unit for each block."""
    model = network()
    for block in [*list(model.children())[:-1], model]:
        fully_shard(block)
    return model


def measure(rank: int, folder: Path) -> None:
    """Each way, and the norms of its gradient."""
    x, y = batch(rank, dist.get_world_size())
    saved = {}
    for name, way in WAYS.items():
        model = sharded()
        with Wire() as wire:
            waiting = accumulate(model, x, y, *way)
        parameters = list(model.parameters())
        mine, total = norm(parameters)
        theirs = nn.utils.clip_grad_norm_(parameters, max_norm=1e9)
        assert isinstance(theirs, DTensor)
        norms = (mine, total, theirs.full_tensor().item())
        saved[name] = (wire.sent("gather"), wire.sent("reduce"), waiting, norms)
    torch.save(saved, folder / f"{rank}.pt")


def single(rank: int, folder: Path) -> None:
    """The norm on one process."""
    model = network()
    x, y = batch()
    F.mse_loss(model(x), y).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    torch.save(nn.utils.get_total_norm(grads), folder / "n.pt")


def results() -> list[dict[str, tuple[float, float, int, tuple[float, ...]]]]:
    """By rank."""
    folder = launch(measure)
    return [torch.load(path) for path in sorted(folder.glob("*.pt"))]


def example_accumulate() -> None:
    """Four micro-batches on four ranks."""
    ranks = results()
    print(f"{'':26s}{'gathered':>9s}{'reduced':>9s}{'whole gradients held':>22s}")
    for name, (gathered, reduced, waiting, _) in ranks[0].items():
        print(f"{name:26s}{gathered:9,.0f}{reduced:9,.0f}{waiting:22,}")


def example_norms() -> None:
    """The same gradient, seen by each rank."""
    for rank, saved in enumerate(results()):
        mine, total, theirs = saved["every micro-batch"][3]
        print(
            f"rank {rank}: norm of its rows {mine:.4f}, of all {total:.4f}, PyTorch's {theirs:.4f}"
        )
    print(f"one process: {torch.load(launch(single, 1) / 'n.pt'):.4f}")


if __name__ == "__main__":
    example_accumulate()
    example_norms()
