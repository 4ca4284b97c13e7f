"""Where memory goes: a validation loop that keeps every graph it makes."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor, nn


class Saved:
    """A tensor that autograd keeps, wrapped so that its end can be noticed."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


# --8<-- [start:validate]
def validate(steps: int, detached: bool) -> list[int]:
    """Sum a loss over batches; bytes that autograd holds after each of them."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 1))
    live, held = 0, list[int]()

    def pack(tensor: Tensor) -> Saved:
        nonlocal live
        live += tensor.nbytes
        saved = Saved(tensor)
        weakref.finalize(saved, forget, tensor.nbytes)
        return saved

    def forget(size: int) -> None:
        nonlocal live
        live -= size

    total: float | Tensor = 0.0
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.tensor):
        for _ in range(steps):
            loss = model(torch.randn(32, 64)).square().mean()
            total = total + (loss.item() if detached else loss)  # the whole bug is here
            held.append(live)
    return held


# --8<-- [end:validate]


def example_leak() -> None:
    """Kilobytes held after each batch, with and without `.item()`."""
    print("batch      " + "".join(f"{n:8d}" for n in range(1, 7)))
    for name, detached in (("total += loss", False), (".item()", True)):
        print(
            f"{name:14s}"
            + "".join(f"{size / 1e3:8.0f}" for size in validate(6, detached))[3:]
        )


if __name__ == "__main__":
    example_leak()
