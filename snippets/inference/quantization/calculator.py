"""Quantization: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

import math
import random
from bisect import bisect
from typing import Annotated, Literal

SCALE_BITS = {"fp16": 16, "E4M3": 8, "E8M0": 8}


def values(exponent_bits: int, mantissa_bits: int) -> list[float]:
    """Non-negative values of a small float without infinities."""
    bias = 2 ** (exponent_bits - 1) - 1
    steps = 2**mantissa_bits
    return [
        math.ldexp(m + (steps if e else 0), max(e, 1) - bias - mantissa_bits)
        for e in range(2**exponent_bits)
        for m in range(steps)
    ]


E2M1, E4M3 = values(2, 1), values(4, 3)[:-1]  # the last code of E4M3 is NaN


def nearest(x: float, table: list[float]) -> float:
    """The value of a sorted table nearest to x; a tie goes to the even code, overflow to the largest."""
    i = min(bisect(table, abs(x)), len(table) - 1)
    low, high = table[i - 1], table[i]
    even = i - 1 if i % 2 else i
    down, up = abs(x) - low, high - abs(x)
    return math.copysign(table[even] if down == up else low if down < up else high, x)


def store(
    block: list[float], numbers: str, scale_type: str, asymmetric: bool
) -> list[float]:
    """One block through its codes and back."""
    low, high = min(0.0, *block), max(0.0, *block)
    if not asymmetric:
        high = max(-low, high)
        low = -high
    bits = int(numbers[3:]) if numbers.startswith("int") else 0
    top = {"fp8 E4M3": 448.0, "fp4 E2M1": 6.0}.get(numbers, (2**bits - 1) / 2)
    scale = ((high - low) / 2 / top) or 1.0
    if (
        scale_type == "E8M0"
    ):  # the power of two under the largest, over the one under the top
        scale = 2.0 ** (math.frexp(scale * top)[1] - math.frexp(top)[1])
    elif (
        scale_type == "E4M3"
    ):  # under a second scale, one for the tensor, that this draws as 1/64
        scale = max(nearest(scale * 64, E4M3), E4M3[8]) / 64
    if not bits:
        return [
            scale * nearest(x / scale, E2M1 if "fp4" in numbers else E4M3) for x in block
        ]
    least = -(2 ** (bits - 1))
    zero = least - round(low / scale) if asymmetric else 0
    return [
        (min(max(round(x * (1 / scale)) + zero, least), -least - 1) - zero) * scale
        for x in block
    ]


def quantization(
    numbers: Literal["int8", "int4", "int3", "fp8 E4M3", "fp4 E2M1"] = "int4",
    scale: Literal["fp16", "E4M3", "E8M0"] = "fp16",
    block: Literal["16", "32", "64", "128", "1024"] = "1024",
    asymmetric: bool = False,
    outlier: Annotated[float, "standard deviations", (0.0, 200.0)] = 20.0,
    *,
    seed: Annotated[int, "", (0, 1000)] = 0,
) -> dict[str, object]:
    """What becomes of 1,024 normal numbers, one in 128 of them an outlier?

    Args:
        numbers: Format of the numbers.
        scale: Format of the scales. E8M0 is a power of two.
        block: Numbers that share a scale. 1024 is the whole tensor.
        asymmetric: Zero point. For integers, of 8 bits: the grid spans minimum to maximum.
        outlier: Size of each outlier. All have one sign.
        seed: Random seed. Another one gives other numbers.
    """
    rng = random.Random(seed)
    x = [rng.gauss(0, 1) for _ in range(1024)]
    for i in range(40, 1024, 128):
        x[i] = outlier
    size, zero_point = int(block), asymmetric and numbers.startswith("int")
    y = [
        v
        for i in range(0, 1024, size)
        for v in store(x[i : i + size], numbers, scale, zero_point)
    ]
    inner = [(a, b) for i, (a, b) in enumerate(zip(x, y, strict=True)) if i % 128 != 40]
    error = math.sqrt(sum((a - b) ** 2 for a, b in inner) / sum(a * a for a, _ in inner))
    bits = {"fp8 E4M3": 8, "fp4 E2M1": 4}.get(numbers) or int(numbers[3:])
    bits_each = bits + (SCALE_BITS[scale] + 8 * zero_point) / size
    lost = sum(b == 0 for _, b in inner) / len(inner)
    drawn = [[(i, round(v[i], 2)) for i in range(24, 56)] for v in (x, y)]
    return {
        "error of the numbers that are no outliers": f"{error:.1%}",
        "of those, stored as zero": f"{lost:.1%}",
        "different values in use": f"{len(set(y)):,}",
        "bits per number": f"{bits_each:.3f}",
        "70 billion weights": f"{70 * bits_each / 8:.1f} GB",
        "lines": {
            "x": "numbers 24 to 55", "y": "value",
            "series": {"original": drawn[0], "stored": drawn[1]},
        },
        "unused": [] if numbers.startswith("int") else ["asymmetric"],
    }  # fmt: skip
