"""Rounding the angles of RoPE to bf16: before the product, or after the cosine."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from snippets.transformers.position_encoding.frequencies import frequencies

D, BASE = 64, 10_000.0


# --8<-- [start:table]
def table(position: int, frequency: torch.dtype, angle: torch.dtype) -> Tensor:
    """Cosine and sine of each pair at one position: [2, d/2]."""
    w = torch.tensor(frequencies(D, BASE)).to(frequency)
    turned = torch.tensor(position).to(angle) * w.to(angle)
    return torch.stack([turned.float().cos(), turned.float().sin()])


# --8<-- [end:table]


def error(
    position: int, frequency: torch.dtype, angle: torch.dtype, result: torch.dtype
) -> float:
    """Mean distance of a pair's (cosine, sine) from the right one."""
    right = table(position, torch.float64, torch.float64)
    got = table(position, frequency, angle).to(result).float()
    return float((got - right).norm(dim=0).mean())


def moved(dtype: torch.dtype) -> float:
    """Largest relative change of the library's frequencies after `.to(dtype)`, and back."""
    rope = LlamaRotaryEmbedding(LlamaConfig(hidden_size=D, num_attention_heads=1))
    before = rope.inv_freq.clone()
    after = rope.to(dtype).float().inv_freq
    return float((after / before - 1).abs().max())


def example_rounding() -> None:
    """Error at the last position of three lengths; a wrong quarter turn would be 1.41."""
    full, half = torch.float32, torch.bfloat16
    print("rounded to bf16         256    2,048    8,192")
    for name, types in (
        ("the cosines", (full, full, half)),
        ("the frequencies", (half, full, full)),
        ("everything", (half, half, half)),
    ):
        row = (error(length - 1, *types) for length in (256, 2_048, 8_192))
        print(f"{name:17s}" + "".join(f"{x:9.3f}" for x in row))
    print(
        f"LlamaRotaryEmbedding after .to(bfloat16).float(): off by up to {moved(half):.2%}"
    )


if __name__ == "__main__":
    example_rounding()
