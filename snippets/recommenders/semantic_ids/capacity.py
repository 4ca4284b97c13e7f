"""How many tuples there are, how many titles share one by chance, and what codes weigh."""

from __future__ import annotations

import math


# --8<-- [start:capacity]
def capacity(levels: int, size: int) -> int:
    """Tuples that `levels` codes out of `size` can form."""
    return size**levels


def alone(items: int, tuples: int) -> float:
    """Expected share of items that share their tuple with none, if tuples are drawn at random."""
    return (1 - 1 / tuples) ** (items - 1)


def distinct(items: int, tuples: int) -> float:
    """Expected number of different tuples, divided by the number of items."""
    return tuples * (1 - (1 - 1 / tuples) ** items) / items


# --8<-- [end:capacity]
def atomic_bytes(items: int, width: int, number: float) -> float:
    """A table with a vector for each item."""
    return items * width * number


def coded_bytes(items: int, levels: int, size: int, width: int, number: float) -> float:
    """A table with a vector for each code, and the codes of each item, packed into bits."""
    return levels * size * width * number + items * levels * math.ceil(math.log2(size)) / 8


def gigabytes(size: float) -> float:
    """Bytes in units of 10 to the power of 9."""
    return size / 1e9


def change(before: list[float], after: list[float]) -> list[float]:
    """By how many percent each metric changes."""
    return [100 * (b / a - 1) for a, b in zip(before, after, strict=True)]


TIGER = {  # recall@5, recall@10, NDCG@5, NDCG@10 on Amazon Beauty
    "SASRec in the paper": [0.0387, 0.0605, 0.0249, 0.0318],
    "TIGER in the paper": [0.0454, 0.0648, 0.0321, 0.0384],
    "SASRec, full softmax": [0.0543, 0.0821, 0.0315, 0.0405],
}


def tiger_over(baseline: str) -> list[float]:
    """By how many percent TIGER's four metrics differ from a baseline's."""
    return change(TIGER[baseline], TIGER["TIGER in the paper"])


def example_baselines() -> None:
    """TIGER's gain over two versions of one baseline."""
    print("TIGER against               R@5    R@10     N@5    N@10")
    for name in ("SASRec in the paper", "SASRec, full softmax"):
        print(f"{name:22s}" + "".join(f"{percent:+7.1f}%" for percent in tiger_over(name)))


def facts() -> dict[str, str]:
    """Numbers that the page states about capacity."""
    return {
        "tuples_tiger": f"{capacity(3, 256):,}",
        "tuples_ours": f"{capacity(3, 16):,}",
        "distinct_ours": f"{distinct(300, capacity(3, 16)):.3f}",
        "atomic": f"{gigabytes(atomic_bytes(10_000_000, 128, 2)):.2f} GB",
        "coded": f"{gigabytes(coded_bytes(10_000_000, 4, 256, 128, 2)):.2f} GB",
        "gain_paper": f"{tiger_over('SASRec in the paper')[1]:+.0f}%",
        "gain_softmax": f"{tiger_over('SASRec, full softmax')[1]:+.0f}%".replace("-", "−"),
    }


if __name__ == "__main__":
    example_baselines()
