"""What is left of an adapter after it is merged: into 16 bits, into 4, and back out again."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from snippets.post_training.lora.codebook import half_gaps, nf4_bits
from snippets.post_training.lora.four_bit import BLOCK, quantize, through_nf4

WIDTH, RANK, SEEDS = 256, 16, range(5)
SIZES = (0.001, 0.01, 0.03, 0.1, 0.3)  # of the adapter, over the weight


def in_bf16(weight: Tensor) -> Tensor:
    """To bf16 and back."""
    return weight.bfloat16().float()


def lost(shipped: Tensor, wanted: Tensor, delta: Tensor) -> float:
    """Distance of two weights, in units of what the adapter adds."""
    return float((shipped - wanted).norm() / delta.norm())


def kept(shipped: Tensor, base: Tensor, delta: Tensor) -> float:
    """The adapter's share in what has really changed: 1 if all of it arrived."""
    return float(((shipped - base) * delta).sum() / delta.square().sum())


# --8<-- [start:bounds]
def bf16_bound(wanted: Tensor, delta: Tensor) -> float:
    """No number is off by more than half of its last place."""
    half = torch.exp2(torch.frexp(wanted).exponent - 9.0)  # of eight significant bits
    return float(half.norm() / delta.norm())


def nf4_bound(base: Tensor, delta: Tensor) -> float:
    """The nearest level is at most half a gap away, and no further than the level of the base."""
    was, now = (quantize(w)[1] for w in (base, base + delta))  # scales [blocks, 1]
    moved = base.reshape(-1, BLOCK).abs() * (now / was - 1).abs()  # the level of the base
    furthest = torch.minimum(delta.reshape(-1, BLOCK).abs() + moved, half_gaps()[1] * now)
    return float(furthest.norm() / delta.norm())


# --8<-- [end:bounds]


@cache
def drawn(size: float, seed: int) -> tuple[Tensor, Tensor]:
    """A normal weight in bf16, and an adapter of rank 16 of this relative size."""
    random = torch.Generator().manual_seed(seed)
    weight = in_bf16(0.02 * torch.randn(WIDTH, WIDTH, generator=random))
    b = torch.randn(WIDTH, RANK, generator=random)
    delta = b @ torch.randn(RANK, WIDTH, generator=random)
    return weight, delta * (size * weight.norm() / delta.norm())


# --8<-- [start:ways]
BF16, DEQUANTIZED = "LoRA, merged in bf16", "QLoRA, merged in bf16"
NF4, ORIGINAL = "QLoRA, merged into NF4", "QLoRA, on the original"


def ways(weight: Tensor, delta: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What is shipped in each way, and the base on which the adapter was trained."""
    four = through_nf4(weight)
    return {
        BF16: (in_bf16(weight + delta), weight),
        DEQUANTIZED: (in_bf16(four + delta), four),
        NF4: (through_nf4(four + delta), four),
        ORIGINAL: (in_bf16(weight + delta), four),
    }


# --8<-- [end:ways]


@cache
def shipped(size: float, seed: int) -> dict[str, tuple[Tensor, Tensor]]:
    """The four ways for a drawn weight and adapter."""
    return ways(*drawn(size, seed))


def lost_by(way: str, size: float, seed: int) -> float:
    """What one way of shipping loses."""
    (got, base), delta = shipped(size, seed)[way], drawn(size, seed)[1]
    return lost(got, base + delta, delta)


def kept_by(way: str, size: float, seed: int) -> float:
    """What one way of shipping keeps."""
    (got, base), delta = shipped(size, seed)[way], drawn(size, seed)[1]
    return kept(got, base, delta)


def limit_of(way: str, size: float, seed: int) -> float:
    """The bound of a way that stays on its base."""
    delta, base = drawn(size, seed)[1], shipped(size, seed)[way][1]
    return nf4_bound(base, delta) if way == NF4 else bf16_bound(base + delta, delta)


def average(measure: Callable[[str, float, int], float], way: str, size: float) -> float:
    """Over five weights and adapters."""
    return statistics.mean(measure(way, size, seed) for seed in SEEDS)


def example_bounds() -> None:
    """Bound and loss by size of the adapter: bf16, then NF4 and what it keeps."""
    print(
        f"{'size':>6s}{'bf16 bound':>12s}{'lost':>8s}{'NF4 bound':>12s}{'lost':>8s}{'kept':>8s}"
    )
    for size in SIZES:
        row = f"{size:6.1%}"
        for way, wide in ((BF16, 1), (NF4, 0)):
            bound, loss = (average(f, way, size) for f in (limit_of, lost_by))
            row += f"{bound:12.{wide}%}{loss:8.{wide}%}"
        print(row + f"{average(kept_by, NF4, size):8.1%}")


def example_ways() -> None:
    """An adapter of 3%: distance from what was evaluated, least and most, and what is kept."""
    print(f"{'':24s}{'bits':>5s}{'lost':>9s}{'least':>9s}{'most':>9s}{'kept':>9s}")
    for way in (BF16, DEQUANTIZED, NF4, ORIGINAL):
        runs = [lost_by(way, 0.03, seed) for seed in SEEDS]
        row = (statistics.mean(runs), min(runs), max(runs), average(kept_by, way, 0.03))
        bits = f"{nf4_bits(False):.1f}" if way == NF4 else "16"
        print(f"{way:24s}{bits:>5s}" + "".join(f"{share:9.1%}" for share in row))


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    return {
        "bf16_lost": f"{average(lost_by, BF16, 0.01):.0%}",
        "bf16_bound": f"{average(limit_of, BF16, 0.01):.0%}",
        "nf4_kept": f"{average(kept_by, NF4, 0.01):.1%}",
        "original_off": f"{average(lost_by, ORIGINAL, 0.03):.1f}",
    }


if __name__ == "__main__":
    example_bounds()
    example_ways()
