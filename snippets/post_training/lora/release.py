"""Four matrices of a release, as a checker that compares them with their base found them."""

from __future__ import annotations

from snippets.post_training.lora.four_bit import quantize
from snippets.post_training.lora.shipping import NF4, drawn, kept, shipped

SIZES = {"q_proj": 0.002, "up_proj": 0.01, "down_proj": 0.02, "v_proj": 0.15}


def levels_moved(size: float) -> float:
    """Share of the numbers that have another of the sixteen values than before."""
    got, base = shipped(size, 0)[NF4]
    return float((quantize(got)[0] != quantize(base)[0]).float().mean())


def arrived(size: float) -> float:
    """Share of the adapter that arrived."""
    got, base = shipped(size, 0)[NF4]
    return kept(got, base, drawn(size, 0)[1])


def example_release() -> None:
    """Each matrix: size of its adapter, numbers with another value, and what arrived."""
    print(f"{'matrix':11s}{'adapter / weight':>17s}{'values moved':>14s}{'arrived':>9s}")
    for name, size in SIZES.items():
        print(f"{name:11s}{size:17.1%}{levels_moved(size):14.1%}{arrived(size):9.1%}")


if __name__ == "__main__":
    example_release()
