"""NF4: sixteen values out of the normal distribution, and the bits that its scales cost."""

from __future__ import annotations

from itertools import pairwise
from statistics import NormalDist

OFFSET = 0.9677083  # of bitsandbytes: the outermost quantile


# --8<-- [start:values]
def side(offset: float, steps: int) -> list[float]:
    """Normal quantiles from `offset` down to the median, which is left out."""
    spaced = (offset + (0.5 - offset) * i / steps for i in range(steps))
    return [NormalDist().inv_cdf(p) for p in spaced]


def nf4_values(offset: float = OFFSET, negative: int = 7, positive: int = 8) -> list[float]:
    """Levels on either side of zero, and zero, scaled so that the largest is 1."""
    above, below = side(offset, positive), side(offset, negative)
    top = max(above + below)
    return [-x / top for x in below] + [0.0] + [x / top for x in reversed(above)]


# --8<-- [end:values]


# --8<-- [start:bits]
def scale_bits(
    block: int = 64, bits: int = 32, group: int = 0, second_bits: int = 32
) -> float:
    """Bits of scales for each number; `group` scales share a scale of their own."""
    return bits / block + (second_bits / (block * group) if group else 0)


def nf4_bits(doubly: bool = True) -> float:
    """Bits of one number in NF4, its share of the scales included."""
    return 4 + (scale_bits(bits=8, group=256) if doubly else scale_bits())


def stored_bytes(numbers: float, bits: float) -> float:
    """Bytes of so many numbers."""
    return numbers * bits / 8


# --8<-- [end:bits]


def saved_bits(before: float, after: float) -> float:
    """Bits that the second quantization saves for each number."""
    return before - after


def gaps(values: list[float]) -> list[float]:
    """Distances between neighbors."""
    return [b - a for a, b in pairwise(values)]


def half_gaps() -> tuple[float, float]:
    """Half of the smallest and of the largest gap, in units of the block's maximum."""
    wide = gaps(nf4_values())
    return min(wide) / 2, max(wide) / 2


def example_values() -> None:
    """The sixteen values, eight in a line, and the gap above each but the last."""
    values = nf4_values()
    for row in (values[:8], values[8:]):
        print("value" + "".join(f"{x:8.4f}" for x in row))
        above = gaps(values)[values.index(row[0]) :][:8]
        print("gap  " + "".join(f"{x:8.4f}" for x in above))


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    least, most = half_gaps()
    return {
        "plain_bits": f"{nf4_bits(doubly=False):.1f}",
        "double_bits": f"{nf4_bits():.3f}",
        "least_half_gap": f"{least:.3f}",
        "most_half_gap": f"{most:.3f}",
    }


if __name__ == "__main__":
    example_values()
