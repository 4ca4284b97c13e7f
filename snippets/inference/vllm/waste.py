"""vLLM: how much of the cache's memory holds tokens, by three ways of reserving it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

LONGEST = 2048  # tokens that the server allows
Reserve = Callable[[int, int], int]  # tokens now, tokens at the end -> slots held now


def whole(length: int, final: int) -> int:
    """Room for the longest sequence that is allowed, from the first token on."""
    return LONGEST


def power_of_two(length: int, final: int) -> int:
    """Room that doubles when it is full."""
    return max(1, 1 << (length - 1).bit_length())


def oracle(length: int, final: int) -> int:
    """Room for exactly the final length, which nobody knows."""
    return final


def blocks_of(size: int) -> Reserve:
    """Room by the block, one ahead of need at most."""
    return lambda length, final: -(-length // size) * size


def requests(count: int, seed: int = 0) -> list[tuple[int, int]]:
    """Prompt and final length, log-normal around 160 and 160 + 180 tokens."""
    draw = random.Random(seed)
    sizes = [
        (draw.lognormvariate(5.1, 0.9), draw.lognormvariate(5.2, 0.7)) for _ in range(count)
    ]
    return [
        (min(1000, round(p) + 1), min(LONGEST, round(p) + round(o) + 2)) for p, o in sizes
    ]


def used_share(reserve: Reserve, lengths: Iterable[tuple[int, int]]) -> float:
    """Tokens over slots reserved, each request counted at every step of its life."""
    tokens = slots = 0
    for prompt, final in lengths:
        for length in range(prompt, final + 1):
            tokens += length
            slots += reserve(length, final)
    return tokens / slots


def example_waste() -> None:
    """1,000 requests of chat, at most 2,048 tokens each."""
    lengths = requests(1000)
    rows: dict[str, Reserve] = {
        "longest allowed": whole,
        "doubling": power_of_two,
        "oracle": oracle,
    }
    rows |= {f"blocks of {size}": blocks_of(size) for size in (256, 64, 32, 16, 1)}
    print(f"{'reserved':17s}{'holds tokens':>13s}{'sequences':>11s}")
    for name, reserve in rows.items():
        share = used_share(reserve, lengths)
        print(f"{name:17s}{share:13.1%}{share / used_share(whole, lengths):10.1f}×")


def facts() -> dict[str, str]:
    """Numbers that the page states about waste."""
    lengths = requests(1000)
    first, blocks = used_share(whole, lengths), used_share(blocks_of(16), lengths)
    life = [n for prompt, final in lengths for n in range(prompt, final + 1)]
    empty = sum(-n % 16 for n in life) / len(life)
    half = sum(prompt + final for prompt, final in lengths) / 2 / len(lengths)
    return {
        "empty_16": f"{empty:.1f}",
        "held": f"{sum(life) / len(life):.0f}",
        "held_half": f"{half:.0f}",
        "used_whole": f"{first:.0%}",
        "used_16": f"{blocks:.1%}",
        "paging_gain": f"{blocks / first:.1f}",
    }


if __name__ == "__main__":
    example_waste()
