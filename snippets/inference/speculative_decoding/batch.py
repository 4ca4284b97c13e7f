"""Speculative decoding under load: when does verifying stop being free?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """Parameters, cache bytes of one token, query heads per key/value head."""

    params: float
    cache: float
    group: int
    bytes_per_param: float = 2.0


@dataclass(frozen=True)
class Chip:
    """Peak FLOP/s and bytes/s of all chips together."""

    peak: float
    bandwidth: float


def pass_seconds(model: Model, chip: Chip, batch: int, tokens: int, context: int) -> float:
    """Lower bound of one pass that adds `tokens` tokens to each of `batch` sequences.

    Weights are read once for the batch, the cache once per sequence, however many
    tokens are added. A query head spends one FLOP per byte of a bf16 cache and token.
    """
    weights = model.params * model.bytes_per_param / chip.bandwidth
    matmuls = 2 * model.params * batch * tokens / chip.peak
    cached = batch * context * model.cache
    attention = cached * max(1 / chip.bandwidth, model.group * tokens / chip.peak)
    return max(weights, matmuls) + attention


def tokens_until_busy(model: Model, chip: Chip) -> float:
    """Tokens in one pass, of all sequences together, at which the matmuls catch up with the weights."""
    return chip.peak / chip.bandwidth * model.bytes_per_param / 2


def speedup_under_load(
    alpha: float, k: int, target: Model, draft: Model, chip: Chip, batch: int, context: int
) -> float:
    """Tokens per second with drafts of `k` tokens, over tokens per second without."""
    mean = sum(alpha**i for i in range(k + 1))
    plain = pass_seconds(target, chip, batch, 1, context)
    drafting = k * pass_seconds(draft, chip, batch, 1, context)
    return mean * plain / (drafting + pass_seconds(target, chip, batch, k + 1, context))


LLAMA3_70B = Model(70_553_706_496, 327_680, 8)
LLAMA3_8B = Model(8_030_261_248, 131_072, 4)
ONE_LAYER = Model(
    855_654_400 + 8192 * 128_256, 327_680 / 80, 8
)  # a layer of the 70B and its output head
EIGHT_H100 = Chip(8 * 989e12, 8 * 3.35e12)
SPARE = 8 * 80e9 - 2 * (LLAMA3_70B.params + LLAMA3_8B.params)  # bytes for both caches


def example_load() -> None:
    """Llama 3 70B on eight H100, drafts of 4 by Llama 3 8B, 80% kept, two lengths of context."""
    print(f"{'':6s}{'1,024 tokens of context':>28s}{'8,192 tokens of context':>30s}")
    print(f"{'batch':>6s}" + 2 * f"{'verify':>9s}{'draft':>8s}{'speed-up':>12s}")
    for batch in (1, 16, 32, 64, 128, 256):
        line = f"{batch:6d}"
        for context in (1024, 8192):
            if batch * context * (LLAMA3_70B.cache + LLAMA3_8B.cache) > SPARE:
                line += f"{'does not fit':>29s}"
                continue
            step, check = (
                pass_seconds(LLAMA3_70B, EIGHT_H100, batch, n, context) for n in (1, 5)
            )
            draft = pass_seconds(LLAMA3_8B, EIGHT_H100, batch, 1, context)
            gain = speedup_under_load(
                0.8, 4, LLAMA3_70B, LLAMA3_8B, EIGHT_H100, batch, context
            )
            line += f"{check / step:9.2f}{draft / step:8.2f}{gain:12.2f}"
        print(line)


def gain(batch: int) -> float:
    """Speed-up of the example at a batch size, with 1,024 tokens of context."""
    return speedup_under_load(0.8, 4, LLAMA3_70B, LLAMA3_8B, EIGHT_H100, batch, 1024)


def facts() -> dict[str, str]:
    """Numbers that the page states about load."""
    busy = tokens_until_busy(LLAMA3_70B, EIGHT_H100)
    small, large = (
        pass_seconds(m, EIGHT_H100, 128, 1, 8192) for m in (LLAMA3_8B, LLAMA3_70B)
    )
    return {
        "busy": f"{busy:.0f}",
        "busy_batch": f"{busy // 5:.0f}",
        "busy_eagle": f"{busy // 4:.0f}",
        "gain_1": f"{gain(1):.2f}×",
        "gain_128": f"{gain(128):.2f}×",
        "loses_at": f"{next(b for b in range(1, 999) if gain(b) < 1)}",
        "draft_long": f"{small / large:.2f}",
    }


if __name__ == "__main__":
    example_load()
