"""A quantized KV cache: along which axis, with how many bits, and at what error."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


# x: [..., S, d], keys or values of one head. The numbers along `dim` share a scale and a zero
# point: -1 gives each token its own, -2 each channel. As in Liu et al. 2024.
# --8<-- [start:quantize]
def fake_quantize(x: Tensor, bits: int, dim: int) -> Tensor:
    """Round to 2^bits levels between minimum and maximum along `dim`, and back."""
    low, high = x.amin(dim, keepdim=True), x.amax(dim, keepdim=True)
    scale = (high - low).clamp(min=1e-12) / (2**bits - 1)
    return ((x - low) / scale).round() * scale + low


def per_channel(x: Tensor, bits: int, group: int = 64) -> Tensor:
    """Each channel with a scale of its own for every `group` tokens."""
    groups = x.unflatten(-2, (-1, group))  # [..., S/group, group, d]
    return fake_quantize(groups, bits, dim=-2).flatten(-3, -2)


# --8<-- [end:quantize]


def cache(tokens: int = 256, outlier: float = 20.0) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of one head, d=64; two channels of the keys are `outlier` times larger."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 1, tokens, 64, generator=generator) for _ in range(3))
    k[..., [5, 40]] *= outlier
    q[..., [5, 40]] /= outlier  # the scores stay of order one, as in a trained model
    return q, k, v


def error(k: Tensor, v: Tensor, q: Tensor, k_stored: Tensor, v_stored: Tensor) -> float:
    """Relative error of the attention output when the cache holds `k_stored` and `v_stored`."""
    right = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    got = F.scaled_dot_product_attention(q, k_stored, v_stored, is_causal=True)
    return float((got - right).norm() / right.norm())


def example_axes() -> None:
    """Error of the attention output; keys and values quantized one at a time, 64 numbers a scale."""
    q, k, v = cache()
    print(
        f"{'bits':>4s}{'keys/token':>13s}{'keys/channel':>14s}{'values/token':>14s}{'values/channel':>16s}"
    )
    for bits in (8, 4, 2):
        row = [
            error(k, v, q, fake_quantize(k, bits, -1), v),
            error(k, v, q, per_channel(k, bits), v),
            error(k, v, q, k, fake_quantize(v, bits, -1)),
            error(k, v, q, k, per_channel(v, bits)),
        ]
        print(f"{bits:4d}{row[0]:13.1%}{row[1]:14.1%}{row[2]:14.1%}{row[3]:16.1%}")


def example_fp8() -> None:
    """A cache in float8, cast by PyTorch with a scale of 1, as vLLM does without calibration."""
    q, k, v = cache()
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
        stored = [x.to(dtype).to(torch.float32) for x in (k, v)]
        print(
            f"{str(dtype).removeprefix('torch.'):15s} error {error(k, v, q, *stored):.1%}"
        )


# Bits of a number, and numbers that share a scale and a zero point.
FOUR_BITS, TWO_BITS = (4, 32), (2, 32)


def bits_per_value(bits: int, group: int, scale_bits: int = 32) -> float:
    """Bits stored per number: each group of `group` numbers shares a scale and a zero point."""
    return bits + scale_bits / group


def key_gain(bits: int = 4) -> float:
    """How many times smaller the error is with keys quantized per channel than per token."""
    q, k, v = cache()
    token, channel = fake_quantize(k, bits, -1), per_channel(k, bits)
    return error(k, v, q, token, v) / error(k, v, q, channel, v)


def facts() -> dict[str, str]:
    """Numbers that the page states about quantization."""
    return {
        "key_gain": f"{key_gain():.0f}",
        "group_bits": f"{bits_per_value(*FOUR_BITS):.0f}",
        "group_bits_2": f"{bits_per_value(*TWO_BITS):.0f}",
    }


if __name__ == "__main__":
    example_axes()
    example_fp8()
