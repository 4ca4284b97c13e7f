"""Serving systems: many adapters on one base model, in one batch."""

from __future__ import annotations

import torch

GB = 1e9
# Llama 3 70B: layers, and (inputs, outputs) of the seven matrices of a layer
LAYERS = 80
MATRICES = (
    [(8192, 8192), (8192, 1024), (8192, 1024), (8192, 8192)]
    + [(8192, 28672)] * 2
    + [(28672, 8192)]
)


# --8<-- [start:lora]
def multi_lora(
    x: torch.Tensor,
    weight: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    who: torch.Tensor,
) -> torch.Tensor:
    """One product with the shared weight, two thin ones with each row's own adapter.

    Args:
        x: Inputs, one row a request. [B, in]
        weight: The base model's matrix. [in, out]
        a: First factors of all adapters. [N, in, r]
        b: Second factors, scaled. [N, r, out]
        who: Adapter of each row. [B]
    """
    low = torch.einsum("bi,bir->br", x, a[who])  # [B, r]
    return x @ weight + torch.einsum("br,bro->bo", low, b[who])


def adapter_bytes(rank: int, bytes_per_value: float = 2.0) -> float:
    """An adapter on every matrix of Llama 3 70B."""
    return (
        LAYERS
        * sum(rank * (inputs + outputs) for inputs, outputs in MATRICES)
        * bytes_per_value
    )


# --8<-- [end:lora]


def example_adapters() -> None:
    """Size of an adapter, and what 32 requests add to the 141 GB that a step reads anyway."""
    print(f"{'rank':>4s}{'one, MB':>9s}{'32 alike':>10s}{'32 different':>14s}")
    for rank in (8, 16, 64):
        one = adapter_bytes(rank)
        alike, different = one / (141.1 * GB), 32 * one / (141.1 * GB)
        print(f"{rank:4d}{one / 1e6:9.0f}{alike:10.2%}{different:14.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about adapters."""
    return {
        "adapter": f"{adapter_bytes(16) / 1e6:.0f} MB",
        "copies": f"{141.1 * GB / adapter_bytes(16):.0f}",
        "different": f"{32 * adapter_bytes(16) / (141.1 * GB):.0%}",
    }


if __name__ == "__main__":
    example_adapters()
