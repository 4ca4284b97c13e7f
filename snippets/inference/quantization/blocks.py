"""Quantization: blocks of numbers that share a scale, and the bytes that they take."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from statistics import NormalDist

from snippets.inference.quantization.formats import E2M1, E4M3, decode, decode_scale, encode

Store = Callable[[Sequence[float]], list[float]]


def bits_per_weight(bits: float, scale_bits: float, block: int) -> float:
    """Bits stored per number when `block` numbers share `scale_bits` bits of scale and zero point."""
    return bits + scale_bits / block


def weight_bytes(parameters: Sequence[tuple[float, float]]) -> float:
    """Bytes of a checkpoint given as (parameters, bits of each) per part of the model."""
    return sum(count * bits for count, bits in parameters) / 8


# --8<-- [start:blocks]
def mxfp4(block: Sequence[float]) -> list[float]:
    """32 numbers through MXFP4 and back: E2M1 codes under an E8M0 scale.

    The scale is the largest power of two in the block, over the largest in E2M1: 4.
    """
    largest = max(map(abs, block))
    exponent = math.frexp(largest)[1] - 1 - 2 if largest else -127
    scale = decode_scale(min(max(exponent + 127, 0), 254))
    return [scale * decode(encode(x / scale, E2M1), E2M1) for x in block]


def nvfp4(block: Sequence[float], tensor_scale: float = 1.0) -> list[float]:
    """16 numbers through NVFP4 and back: E2M1 codes under an E4M3 scale.

    With a tensor_scale of the tensor's largest magnitude over 6 · 448, the largest block
    scale is the top of E4M3.
    """
    code = encode(max(map(abs, block)) / 6 / tensor_scale, E4M3)
    scale = tensor_scale * decode(max(code, 8), E4M3)  # code 8 is 2^-6, the least normal
    return [scale * decode(encode(x / scale, E2M1), E2M1) for x in block]


# --8<-- [end:blocks]


def nf4_table() -> list[float]:
    """The 16 values of NF4: quantiles of a normal distribution, scaled to [-1, 1], zero among them.

    Source: Dettmers et al. 2023, appendix E; `offset` as in bitsandbytes.
    """
    offset = (1 - 1 / 32 + 1 - 1 / 30) / 2
    normal = NormalDist()
    positive = [normal.inv_cdf(offset + (0.5 - offset) * i / 8) for i in range(8)]
    negative = [-normal.inv_cdf(offset + (0.5 - offset) * i / 7) for i in range(7)]
    return sorted(x / positive[0] for x in [*positive, 0.0, *negative])


def nf4(block: Sequence[float]) -> list[float]:
    """Numbers through NF4 and back, under the largest magnitude of the block."""
    largest, table = max(map(abs, block)) or 1.0, nf4_table()
    return [largest * min(table, key=lambda v: abs(v - x / largest)) for x in block]


def int4(block: Sequence[float]) -> list[float]:
    """Numbers through integers from -8 to 7 and back, absmax."""
    scale = max(map(abs, block)) / 7.5 or 1.0
    return [scale * min(max(round(x * (1 / scale)), -8), 7) for x in block]


def error(numbers: Sequence[float], store: Store, block: int) -> float:
    """Relative error of all but every 64th number when each block goes through `store`."""
    stored = [
        y for i in range(0, len(numbers), block) for y in store(numbers[i : i + block])
    ]
    pairs = [p for i, p in enumerate(zip(numbers, stored, strict=True)) if i % 64 != 9]
    return math.dist(*zip(*pairs, strict=True)) / math.hypot(*(x for x, _ in pairs))


def example_blocks() -> None:
    """Error of normal numbers in 4 bits, alone and with one in 64 enlarged twenty times."""
    rng = random.Random(0)
    plain = [rng.gauss(0, 1) for _ in range(4096)]
    spiky = [x * (20 if i % 64 == 9 else 1) for i, x in enumerate(plain)]
    print(f"{'':16s}{'bits':>5s}{'alone':>9s}{'with outliers':>15s}")
    for name, store, scale_bits, block in FORMATS:
        bits = bits_per_weight(4, scale_bits, block)
        row = error(plain, store, block), error(spiky, store, block)
        print(f"{name:16s}{bits:5.2f}{row[0]:9.1%}{row[1]:15.1%}")


FORMATS: list[tuple[str, Store, int, int]] = [
    ("int4, one scale", int4, 16, 4096),
    ("int4, 128", int4, 16, 128),
    ("int4, 32", int4, 16, 32),
    ("int4, 16", int4, 16, 16),
    ("NF4, 32", nf4, 16, 32),
    ("MXFP4, 32", mxfp4, 8, 32),
    ("NVFP4, 16", nvfp4, 8, 16),
]


def facts() -> dict[str, str]:
    """Numbers that the page states about blocks and bytes."""
    gpt_oss = weight_bytes(
        [(114.71e9, bits_per_weight(4, 8, 32)), (116.83e9 - 114.71e9, 16)]
    )
    return {
        "mxfp4_bits": f"{bits_per_weight(4, 8, 32):g}",
        "nvfp4_bits": f"{bits_per_weight(4, 8, 16):g}",
        "int4_bits": f"{bits_per_weight(4, 16, 32):g}",
        "int4_wide_bits": f"{bits_per_weight(4, 16, 128):g}",
        "fp8_block_bits": f"{bits_per_weight(8, 32, 128 * 128):.3f}",
        "gpt_oss": f"{gpt_oss / 2**30:.1f} GiB",
        "gpt_oss_bf16": f"{116.83e9 * 2 / 1e9:.0f} GB",
        "mxfp4_top": f"{1 - 6 / 8:.0%}",
    }


if __name__ == "__main__":
    example_blocks()
