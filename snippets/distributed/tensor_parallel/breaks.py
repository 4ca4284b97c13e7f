"""Tensor parallelism: three mistakes, each trained for a while."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.tensor_parallel.layer import Layer
from snippets.distributed.tensor_parallel.operators import Leave
from snippets.distributed.tensor_parallel.split import Part, SplitLayer

SEQ, BATCH, HIDDEN, HEADS, STEPS = 32, 4, 32, 4, 30


# --8<-- [start:mistakes]
class BiasInEveryTerm(SplitLayer):
    """Adds the bias before the sum."""

    def row(self, x: Tensor, part: Part) -> Tensor:
        """Every rank adds it, so the sum has it t times."""
        return Leave.apply(F.linear(x, part.weight, part.bias), self.group)


class NormsNotSummed(SplitLayer):
    """Forgets what comes after the backward pass."""

    def finish(self) -> None:
        """Every rank steps with the gradient of its own part of the sequence."""


class OwnMasks(SplitLayer):
    """Uses a rank's own random numbers everywhere."""

    def masked(self, x: Tensor) -> Tensor:
        """The same activations on all ranks, but masked differently."""
        with self.own:
            return super().masked(x)


# --8<-- [end:mistakes]
Outcome = tuple[float, dict[str, Tensor], Tensor]  # loss, weights, output without dropout
RUNS: dict[str, tuple[type[SplitLayer], bool, float]] = {  # with split sequence? dropout
    "none": (SplitLayer, True, 0.0),
    "norms not summed": (NormsNotSummed, True, 0.0),
    "bias in every term": (BiasInEveryTerm, False, 0.0),
    "dropout, no mistake": (SplitLayer, False, 0.1),
    "own masks": (OwnMasks, False, 0.1),
}


def data() -> tuple[Tensor, Tensor]:
    """Inputs, and what another layer makes of them."""
    torch.manual_seed(1)
    teacher = Layer(HIDDEN, HEADS, HEADS)
    nn.init.uniform_(teacher.norm1.weight, 0.0, 3.0)
    nn.init.normal_(teacher.mlp.down.bias)
    x = torch.randn(SEQ, BATCH, HIDDEN)
    with torch.no_grad():
        return x, teacher(x)


def student(dropout: float = 0.0) -> Layer:
    """A fresh layer with biases of zero, as most are initialized."""
    torch.manual_seed(0)
    layer = Layer(HIDDEN, HEADS, HEADS, dropout)
    for name, parameter in layer.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
    return layer


def train(run: str) -> Outcome:
    """Some steps of Adam. The loss is the mean over all ranks' parts."""
    kind, sequence, dropout = RUNS[run]
    rank, ranks = dist.get_rank(), dist.get_world_size()
    x, y = data()
    part = kind(student(dropout), sequence=sequence)
    if sequence:
        x, y = x.chunk(ranks)[rank], y.chunk(ranks)[rank]
    adam = torch.optim.Adam(part.parameters(), 0.02)
    for _ in range(STEPS):
        adam.zero_grad()
        loss = (part(x) - y).square().mean() / (ranks if sequence else 1)
        loss.backward()
        part.finish()
        adam.step()
    if sequence:
        dist.all_reduce(loss := loss.detach())
    part.dropout = 0.0
    with torch.no_grad():
        out = part(x)
    return loss.item(), {n: p.detach().cpu() for n, p in part.named_parameters()}, out


def merged(ranks: list[dict[str, Tensor]]) -> Layer:
    """The checkpoint: cut weights put together, the others from rank 0."""
    first, layer = ranks[0], student()
    a, m = layer.attention, layer.mlp
    for end in ("weight", "bias"):
        parts = [rank[f"qkv.{end}"].chunk(3) for rank in ranks]
        for linear, pieces in zip((a.q, a.k, a.v), zip(*parts, strict=True), strict=True):
            getattr(linear, end).data = torch.cat(pieces)
        getattr(m.up, end).data = torch.cat([rank[f"up.{end}"] for rank in ranks])
        for norm in ("norm1", "norm2"):
            getattr(getattr(layer, norm), end).data = first[f"{norm}.{end}"]
    a.out.weight.data = torch.cat([rank["out.weight"] for rank in ranks], 1)
    m.down.weight.data = torch.cat([rank["down.weight"] for rank in ranks], 1)
    a.out.bias.data, m.down.bias.data = first["out.bias"], first["down.bias"]
    return layer


def work(rank: int, folder: Path) -> None:
    """All runs, one after the other."""
    torch.save({run: train(run) for run in RUNS}, folder / f"{rank}.pt")


def outcomes() -> dict[str, tuple[float, float, float]]:
    """Loss in training, loss of the merged checkpoint, and how far copies are apart."""
    folder = launch(work)
    saved = [torch.load(folder / f"{r}.pt") for r in range(RANKS)]
    found, (x, y) = {}, data()
    for run in RUNS:
        ranks = [outcome[run][1] for outcome in saved]
        with torch.no_grad():
            loss = (merged(ranks)(x) - y).square().mean().item()
        kept = [torch.cat([r["norm1.weight"], r["down.bias"]]) for r in ranks]
        apart = (torch.stack(kept) - kept[0]).abs().max().item()
        found[run] = saved[0][run][0], loss, apart
    return found


def example_mistakes() -> None:
    """Thirty steps on four ranks."""
    print(f"{'':20s}{'loss':>8s}{'merged':>9s}{'copies apart':>14s}")
    for run, (loss, whole, apart) in outcomes().items():
        print(f"{run:20s}{loss:8.3f}{whole:9.3f}{apart:14.2f}")


if __name__ == "__main__":
    example_mistakes()
