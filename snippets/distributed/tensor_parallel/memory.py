"""Tensor parallelism: what autograd keeps of a split layer, counted in PyTorch's own tensors."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import parallelize_module

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.memory.activations import activation_bytes
from snippets.distributed.tensor_parallel.engine import plan
from snippets.distributed.tensor_parallel.layer import Layer
from snippets.distributed.tensor_parallel.split import SplitLayer
from snippets.distributed.tensor_parallel.traffic import local

SEQ, BATCH, HIDDEN, HEADS = 256, 2, 64, 8


def saved_bytes(work: Callable[[], object], parameters: Iterable[Tensor]) -> int:
    """As on the page about memory, and for DTensors what this rank holds of them."""
    known = {local(p).untyped_storage().data_ptr() for p in parameters}
    found: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        part = local(tensor)
        part = part.wait() if hasattr(part, "wait") else part  # a collective under way
        if (where := part.untyped_storage().data_ptr()) not in known:
            found[where] = part
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        work()
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


def measure(rank: int, folder: Path) -> None:
    """bf16 and dropout, as in the published formula."""
    ranks, sizes = dist.get_world_size(), {}
    for kind, sequence in (
        ("whole", False), ("ours", False), ("DTensor", False), ("ours", True), ("DTensor", True),
    ):  # fmt: skip
        torch.manual_seed(0)
        layer = Layer(HIDDEN, HEADS, HEADS, 0.1).bfloat16()
        x = torch.randn(SEQ, BATCH, HIDDEN, dtype=torch.bfloat16)
        x = (x.chunk(ranks)[rank] if sequence else x).clone().requires_grad_()
        part: nn.Module = layer
        if kind == "ours":
            part = SplitLayer(layer, sequence=sequence)
        elif kind == "DTensor":
            mesh = init_device_mesh(x.device.type, (ranks,))
            part = parallelize_module(layer, mesh, plan(sequence))
        sizes[kind, sequence] = saved_bytes(partial(part, x), part.parameters())
    torch.save(sizes, folder / f"{rank}.pt")


def activations() -> dict[tuple[str, bool], int]:
    """Bytes that rank 0 keeps."""
    sizes: dict[tuple[str, bool], int] = torch.load(launch(measure) / "0.pt")
    return sizes


def example_activations() -> None:
    """What a rank of four keeps of a layer, without the s x s part of attention."""
    sbh = SEQ * BATCH * HIDDEN
    print(f"{'':20s}{'measured':>10s}{'Korthikanti et al.':>22s}")
    for (kind, sequence), size in activations().items():
        t = 1 if kind == "whole" else RANKS
        squares = 5 * HEADS * SEQ / HIDDEN / t
        formula = activation_bytes(SEQ, BATCH, HIDDEN, HEADS, t, sequence) / sbh - squares
        name = kind + (", sequence" if sequence else "")
        print(f"{name:20s}{size / sbh - squares:6.2f} sbh{formula:18.2f} sbh")


def facts() -> dict[str, str]:
    """Numbers of the page about memory, for GPT-3's layer on eight GPUs."""
    whole, split, both = (
        activation_bytes(2048, 1, 12288, 96, t, s, "selective") / 1e6
        for t, s in ((1, False), (8, False), (8, True))
    )
    kept = 2 * 2 * 2048 * 12288 * (1 - 1 / 8) / 1e6
    return {
        "gpt3_whole": f"{whole:,.0f} MB",
        "gpt3_split": f"{split:,.0f} MB",
        "gpt3_both": f"{both:,.0f} MB",
        "gpt3_kept": f"{kept:,.0f} MB",
    }


if __name__ == "__main__":
    example_activations()
