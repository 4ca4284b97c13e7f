"""FSDP: in which order gradients leave under DDP, and weights arrive under FSDP."""

# /// fieldguide
# timeout_s = 300
# memory_mb = 4000
# ///

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.fsdp import fully_shard
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from snippets.distributed.collectives.ranks import launch
from snippets.distributed.fsdp.wire import Block, Wire, batch, network


# --8<-- [start:buckets]
def buckets(cap_mb: float) -> list[tuple[int, int, int]]:
    """All-reduces of a DDP step: tensors, bytes, and how many gradients were ready."""
    model = DistributedDataParallel(network(), bucket_cap_mb=cap_mb)
    ready: list[Tensor] = []
    sent: list[tuple[int, int, int]] = []

    def hook(
        _: object,
        bucket: dist.GradBucket,  # type: ignore[name-defined]
    ) -> torch.futures.Future[torch.Tensor]:
        sent.append((len(bucket.gradients()), bucket.buffer().nbytes, len(ready)))
        work = dist.all_reduce(bucket.buffer(), async_op=True)
        return work.get_future().then(lambda done: done.value()[0] / dist.get_world_size())

    for parameter in model.parameters():
        parameter.register_hook(ready.append)
    model.register_comm_hook(None, hook)
    x, y = batch(dist.get_rank(), dist.get_world_size())
    for _ in range(2):  # after the first step DDP orders buckets as gradients arrived
        ready.clear()
        sent.clear()
        F.mse_loss(model(x), y).backward()
    return sent


# --8<-- [end:buckets]


class Log(Wire):
    """Adds what is called to a list of events."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self.events = events

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        before = len(self.calls)
        result = super().__torch_dispatch__(func, types, args, kwargs)
        names = {"all_gather": "gather", "reduce_scatter": "reduce"}
        self.events += [names[kind] for kind, _, _ in self.calls[before:]]
        return result


# --8<-- [start:prefetch]
def order(ahead: int) -> list[str]:
    """Forward and backward pass: what is issued, in which order."""
    model, events = network(), list[str]()
    blocks = [fully_shard(block) for block in model if isinstance(block, Block)]
    fully_shard(model)
    for i, block in enumerate(blocks):
        if following := blocks[i + 1 : i + 1 + ahead]:
            block.set_modules_to_forward_prefetch(list(following))
        watch(block, f"{i}", events)
    # --8<-- [end:prefetch]
    with Log(events):
        loss = model(batch()[0]).sum()
        forward = list(events)
        loss.backward()
    return [short(forward), short(events[len(forward) :])]


def watch(block: object, name: str, events: list[str]) -> None:
    """Notes when the block computes, forward and backward."""
    assert isinstance(block, Block)
    block.norm.register_forward_pre_hook(lambda *_: events.append(name))
    block.down.register_full_backward_pre_hook(lambda *_: events.append(name))


def short(events: list[str]) -> str:
    """The first letter of each event, or its digit."""
    return " ".join(event[0] for event in events)


def measure(rank: int, folder: Path) -> None:
    """Buckets of two sizes, prefetch of no and one block."""
    saved = ({cap: buckets(cap) for cap in (25, 0.03)}, {n: order(n) for n in (0, 1, 2)})
    torch.save(saved, folder / f"{rank}.pt")


def results() -> tuple[dict[float, list[tuple[int, int, int]]], dict[int, list[str]]]:
    """Of rank 0."""
    caps, orders = torch.load(launch(measure, 2) / "0.pt")
    return caps, orders


def example_buckets() -> None:
    """DDP's all-reduces, in order."""
    total = len(list(network().parameters()))
    for cap, sent in results()[0].items():
        print(f"bucket_cap_mb={cap}")
        for i, (count, size, ready) in enumerate(sent):
            print(
                f"  all-reduce {i}: {count:2d} gradients, {size:7,} bytes, at {ready:2d} of {total} ready"
            )


def example_prefetch() -> None:
    """What is issued in which order, four blocks and a root."""
    print("g: gather, r: reduce-scatter, a digit: a block computes")
    for ahead, (forward, backward) in results()[1].items():
        print(f"{ahead} ahead  forward {forward}")
        if not ahead:
            print(f"{'':9s}backward {backward}")


if __name__ == "__main__":
    example_buckets()
    example_prefetch()
