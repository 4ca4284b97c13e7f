"""FLOPs and MFU: where the time of one training step goes, by PyTorch's profiler."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

KINDS = {
    "matrix products": ("::mm", "::addmm", "::bmm", "::baddbmm"),
    "softmax": ("softmax",),
    "number by number": ("bernoulli", "::div_", "::mul"),
}


def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor) -> None:
    """Forward, backward, update."""
    optimizer.zero_grad()
    F.mse_loss(model(x), x).backward()
    optimizer.step()


# --8<-- [start:shares]
def shares(model: nn.Module, x: torch.Tensor) -> dict[str, float]:
    """Share of the time of one step by kind of operator; an operator counts without its children."""
    optimizer = torch.optim.AdamW(model.parameters())
    step(model, optimizer, x)  # the first step also allocates
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        step(model, optimizer, x)
    spent = dict.fromkeys([*KINDS, "everything else"], 0.0)
    for event in recorded.key_averages():
        kind = next(
            (k for k, names in KINDS.items() if any(name in event.key for name in names)),
            "everything else",
        )
        spent[kind] += event.self_cpu_time_total
    total = sum(spent.values())
    return {kind: time / total for kind, time in spent.items()}


# --8<-- [end:shares]


def example_profile() -> None:
    """One layer, 512 tokens, one thread of a processor."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True, norm_first=True)
    for kind, share in shares(layer, torch.randn(1, 512, 256)).items():
        print(f"{kind:16s} {share:4.0%}  # measured")


if __name__ == "__main__":
    example_profile()
