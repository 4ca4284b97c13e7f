"""Batching: what one step of an engine costs, from a model's shape and a chip's datasheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


# --8<-- [start:engine]
@dataclass(frozen=True)
class Engine:
    """Four constants, in seconds; a real server's are fitted to its log."""

    weights: float  # a: read every weight once, whoever is in the step
    token: float  # b: one token through the weights
    cached: float  # c: read one cached token
    pair: float  # d: one query against one key

    def parts(self, batch: Sequence[tuple[int, int]]) -> tuple[float, float]:
        """Seconds of memory traffic and of arithmetic; `batch` is [(cached, new), …]."""
        memory = self.weights + self.cached * sum(cached for cached, _ in batch)
        pairs = sum(new * (cached + new / 2) for cached, new in batch)
        return memory, self.token * sum(new for _, new in batch) + self.pair * pairs

    def seconds(self, batch: Sequence[tuple[int, int]]) -> float:
        """One step if nothing overlaps: the sum."""
        return sum(self.parts(batch))

    def work(self, prompt: int, output: int) -> float:
        """Seconds that one request adds to its steps, beyond the weights."""
        steps = output - 1  # the last token is never fed back
        cached = steps * prompt + steps * (steps - 1) / 2
        pairs = prompt**2 / 2 + cached + steps / 2
        return self.token * (prompt + steps) + self.cached * cached + self.pair * pairs

    def bound(self, batch: Sequence[tuple[int, int]]) -> float:
        """One step if everything overlaps: the larger of the two, the roofline."""
        return max(self.parts(batch))


# --8<-- [end:engine]


def engine(
    params: float, layers: int, width: int, kv_bytes: int, bandwidth: float, flops: float
) -> Engine:
    """bf16 weights, `kv_bytes` of cache a token, `flops` as achieved."""
    return Engine(
        weights=2 * params / bandwidth,
        token=2 * params / flops,
        cached=kv_bytes / bandwidth,
        pair=4 * layers * width / flops,
    )


H100_LLAMA3_8B = engine(8_030_261_248, 32, 4096, 131_072, 3.35e12, 0.5 * 989e12)


def capacity(slots: float, weights: float, steps: float, work: float) -> float:
    """Requests a second when `slots` sequences are always busy; at most 1 / `work`.

    Args:
        slots: Sequences at once, n.
        weights: Seconds to read the weights, a.
        steps: Steps that one request stays, about its output tokens.
        work: Seconds that one request adds to its steps, w.
    """
    return slots / (weights * steps + slots * work)


def example_step() -> None:
    """Milliseconds of one step: sequences that decode at 1,024 tokens, and a piece of prompt."""
    print(
        f"{'decoding':>8s}{'prompt':>8s}{'memory':>9s}{'arithmetic':>12s}{'max':>7s}{'sum':>7s}"
    )
    for decoding, prompt in (
        (1, 0),
        (32, 0),
        (128, 0),
        (32, 128),
        (32, 512),
        (32, 2048),
        (32, 32768),
    ):
        batch = [(1024, 1)] * decoding + [(0, prompt)]
        memory, arithmetic = H100_LLAMA3_8B.parts(batch)
        row = (
            memory,
            arithmetic,
            H100_LLAMA3_8B.bound(batch),
            H100_LLAMA3_8B.seconds(batch),
        )
        ms = [1e3 * x for x in row]
        print(f"{decoding:8d}{prompt:8,d}{ms[0]:9.1f}{ms[1]:12.1f}{ms[2]:7.0f}{ms[3]:7.0f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about one step."""
    e = H100_LLAMA3_8B
    long = [(1024, 1)] * 32 + [(0, 32768)]
    return {
        "weights_ms": f"{e.weights * 1e3:.1f} ms",
        "token_us": f"{e.token * 1e6:.1f} µs",
        "cached_ns": f"{e.cached * 1e9:.0f} ns",
        "free_tokens": f"{e.weights / e.token:.0f}",
        "pair_ns": f"{e.pair * 1e9:.2f} ns",
        "long_step": f"{e.seconds(long):.2f} s",
        "budget_50": f"{(0.05 - e.weights) / e.token:,.0f}",
        "budget_50_long": f"{(0.05 - e.weights) / (e.token + e.pair * 32768):,.0f}",
    }


if __name__ == "__main__":
    example_step()
