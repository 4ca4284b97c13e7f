"""Quantization: floating-point formats of four to eight bits, encoded and decoded from their definition."""

from __future__ import annotations

import math
from dataclasses import dataclass


# --8<-- [start:decode]
@dataclass(frozen=True)
class Format:
    """A binary float: one sign bit, then exponent, then mantissa.

    `specials`: "ieee" keeps the largest exponent for infinity and NaN, "nan" only the
    all-ones code for NaN, "none" nothing.
    """

    exponent_bits: int
    mantissa_bits: int
    specials: str = "none"

    @property
    def bias(self) -> int:
        """What is subtracted from the stored exponent."""
        return 2 ** (self.exponent_bits - 1) - 1

    @property
    def largest_code(self) -> int:
        """Code of the largest finite value, sign bit clear."""
        ones = 2 ** (self.exponent_bits + self.mantissa_bits) - 1
        return ones - {"ieee": 2**self.mantissa_bits, "nan": 1, "none": 0}[self.specials]


def decode(code: int, f: Format) -> float:
    """The number that a code stands for."""
    m = f.mantissa_bits
    negative, magnitude = divmod(code, 2 ** (f.exponent_bits + m))
    exponent, mantissa = divmod(magnitude, 2**m)
    if magnitude > f.largest_code:
        value = math.inf if f.specials == "ieee" and mantissa == 0 else math.nan
    elif exponent == 0:  # subnormal: no leading 1
        value = math.ldexp(mantissa, 1 - f.bias - m)
    else:
        value = math.ldexp(2**m + mantissa, exponent - f.bias - m)
    return -value if negative else value


# --8<-- [end:decode]


def encode(x: float, f: Format, saturate: bool = True) -> int:
    """The code nearest to x; a tie goes to the even code.

    What overflows becomes the largest finite value or, unless `saturate`, infinity or
    NaN, where the format has one.
    """
    m = f.mantissa_bits
    sign = 2 ** (f.exponent_bits + m) if math.copysign(1.0, x) < 0 else 0
    all_ones = 2 ** (f.exponent_bits + m) - 1
    if math.isnan(x):
        if f.specials == "none":
            raise ValueError("the format has no code for NaN")
        return sign | all_ones
    magnitude = f.largest_code + 1  # too large, unless a place is found for it
    if x == 0:
        magnitude = 0
    elif math.isfinite(x):
        # exponent of the leading bit, never below that of the subnormals
        leading = max(math.frexp(x)[1] - 1, 1 - f.bias)
        steps = round(math.ldexp(abs(x), m - leading))  # Python rounds ties to even
        magnitude = steps + ((leading + f.bias - 1) << m)  # a carry raises the exponent
    if magnitude > f.largest_code:
        overflow = all_ones if f.specials == "nan" else f.largest_code + 1
        magnitude = f.largest_code if saturate or f.specials == "none" else overflow
    return sign | magnitude


E5M2, E4M3 = Format(5, 2, "ieee"), Format(4, 3, "nan")
E3M2, E2M3, E2M1 = Format(3, 2), Format(2, 3), Format(2, 1)


def decode_scale(code: int) -> float:
    """E8M0, the scale of the MX formats: a bare exponent, so a power of two. No zero, no sign."""
    return math.nan if code == 255 else math.ldexp(1.0, code - 127)


def encode_scale(x: float) -> int:
    """The nearest power of two as E8M0; halfway between two goes up."""
    if not math.isfinite(x):
        return 255
    mantissa, exponent = math.frexp(abs(x))  # mantissa in [0.5, 1)
    code = max(exponent - 1 + 127 + (mantissa >= 0.75), 0)
    return min(code, 255) if x else 0


FORMATS = {"E5M2": E5M2, "E4M3": E4M3, "E3M2": E3M2, "E2M3": E2M3, "E2M1": E2M1}


def example_formats() -> None:
    """What each format can say, and by how much rounding can change a number of normal size."""
    print(f"{'':6s}{'bits':>5s}{'largest':>9s}{'least':>10s}{'rounding':>10s}")
    for name, f in FORMATS.items():
        bits = 1 + f.exponent_bits + f.mantissa_bits
        largest, off = decode(f.largest_code, f), 2.0 ** -(f.mantissa_bits + 1)
        print(f"{name:6s}{bits:5d}{largest:9g}{decode(1, f):10.2g}{off:10.2%}")
    print("E2M1: " + " ".join(f"{decode(code, E2M1):g}" for code in range(8)))


def example_overflow() -> None:
    """What becomes of a number that is too large."""
    print(f"{'':>6s}{'E4M3':>7s}{'unclamped':>11s}{'E5M2':>9s}{'unclamped':>11s}")
    for x in (440.0, 460.0, 500.0, 60_000.0, 70_000.0):
        row = [
            decode(encode(x, f, clamp), f) for f in (E4M3, E5M2) for clamp in (True, False)
        ]
        print(f"{x:6,.0f}{row[0]:7g}{row[1]:11g}{row[2]:9g}{row[3]:11g}")


def facts() -> dict[str, str]:
    """Numbers that the page states about formats."""
    return {
        "e4m3_max": f"{decode(E4M3.largest_code, E4M3):g}",
        "e5m2_max": f"{decode(E5M2.largest_code, E5M2):,.0f}",
        "e2m1_max": f"{decode(E2M1.largest_code, E2M1):g}",
        "e4m3_off": f"{2.0 ** -(E4M3.mantissa_bits + 1):.2%}",
        "e2m1_off": f"{2.0 ** -(E2M1.mantissa_bits + 1):.0%}",
    }


if __name__ == "__main__":
    example_formats()
    example_overflow()
