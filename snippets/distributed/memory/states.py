"""Where memory goes: weights, gradients and optimizer, counted in PyTorch's own tensors."""

from __future__ import annotations

import torch
from torch import nn


# --8<-- [start:states]
def state_bytes(
    dtype: torch.dtype, master: bool = False, freed: str = ""
) -> dict[str, float]:
    """Bytes per parameter after one AdamW step.

    Args:
        dtype: Of the weights.
        master: Step on fp32 copies of weights and gradients.
        freed: What the recipe does not count, since it may live only during the step: any of
            "grads", "fp32 grads", "master".
    """
    model = nn.Linear(256, 256, bias=False, dtype=dtype)
    weight = model.weight
    copy = nn.Parameter(weight.detach().float()) if master else weight
    optimizer = torch.optim.AdamW([copy])
    model(torch.ones(1, 256, dtype=dtype)).sum().backward()
    if master and weight.grad is not None:
        copy.grad = weight.grad.float()
    optimizer.step()
    grads = {"grads": weight.grad, "fp32 grads": copy.grad if master else None}
    held = {
        "weights": [weight],
        "gradients": [
            g
            for name, g in grads.items()
            if g is not None and name not in freed.split(", ")
        ],
        "optimizer": [
            t for s in optimizer.state.values() for t in s.values() if t.numel() > 1
        ],
    }
    if master and "master" not in freed:
        held["optimizer"].append(copy)
    return {
        name: sum(t.nbytes for t in tensors) / weight.numel()
        for name, tensors in held.items()
    }


# --8<-- [end:states]


WAYS: dict[str, tuple[torch.dtype, bool, str]] = {
    "bf16 throughout": (torch.bfloat16, False, ""),
    "bf16, fp32 moments, no grads": (torch.bfloat16, True, "grads, fp32 grads, master"),
    "fp32 throughout": (torch.float32, False, ""),
    "mixed, 16-bit grads": (torch.bfloat16, True, "fp32 grads"),
    "mixed, fp32 grads": (torch.bfloat16, True, "grads"),
    "mixed, both grads": (torch.bfloat16, True, ""),
}


def example_states() -> None:
    """Bytes per parameter of real tensors, after a real step."""
    print(
        f"{'bytes per parameter':29s}{'weights':>8s}{'gradients':>11s}{'optimizer':>11s}{'total':>7s}"
    )
    for name, way in WAYS.items():
        size = state_bytes(*way)
        row = "".join(
            f"{size[key]:{width}.0f}" for key, width in zip(size, (8, 11, 11), strict=True)
        )
        print(f"{name:29s}{row}{sum(size.values()):7.0f}")


if __name__ == "__main__":
    example_states()
