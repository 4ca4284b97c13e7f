"""Speculative decoding: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

CHIPS = {  # dense bf16 TFLOP/s, TB/s
    "H100": (989.0, 3.35), "H200": (989.0, 4.8), "B200": (2250.0, 8.0), "A100": (312.0, 2.0), "MI300X": (1300.0, 5.3),
}  # fmt: skip


def speculative(
    length: Annotated[int, "tokens", (0, 16)] = 4,
    acceptance: Annotated[float, "", (0.0, 0.99)] = 0.8,
    batch: Annotated[int, "sequences", (1, 2048)] = 1,
    context: Annotated[int, "tokens", (0, 1_000_000)] = 1024,
    params: Annotated[float, "billion", (0.1, 5000.0)] = 70.6,
    chip: Literal["H100", "H200", "B200", "A100", "MI300X"] = "H100",
    *,
    cost: Annotated[float, "of a target step", (0.0, 1.0)] = 0.05,
    cache: Annotated[float, "KiB", (0.0, 10_000.0)] = 320.0,
) -> dict[str, object]:
    """How many tokens per step do drafts give, and how much faster is that on a loaded chip?

    Args:
        length: Draft length, $\\gamma$. Draft tokens per step.
        acceptance: Rate of acceptance, $\\alpha$. Probability that a draft token is kept.
        batch: Size of the batch, $B$. Decoded together.
        context: Length of the context, $S$. Tokens of each sequence.
        params: Parameters of the target, $N$. All used for each token (dense), in bf16.
        chip: Accelerator. Several share bytes and work evenly and change no ratio; memory is
            not checked.
        cost: Time of one draft step, $c$. At the same batch.
        cache: Cache of one token, $m_\\text{kv}$. A check reads it once, like a plain step.
    """
    peak, bandwidth = CHIPS[chip][0] * 1e12, CHIPS[chip][1] * 1e12

    def seconds(tokens: int) -> float:
        read, work = 2e9 * params / bandwidth, 2e9 * params * batch * tokens / peak
        return max(read, work) + batch * context * cache * 1024 / bandwidth

    def mean(k: int) -> float:
        return sum(acceptance**i for i in range(k + 1))

    def gain(k: int) -> float:
        return mean(k) * seconds(1) / (seconds(k + 1) + k * cost * seconds(1))

    best = max(range(17), key=gain)
    free = peak / bandwidth / (length + 1)
    return {
        f"speed-up with drafts of {length}": f"{gain(length):.2f}×",
        "tokens per step of the target": f"{mean(length):.2f}",
        "verifying costs": f"{seconds(length + 1) / seconds(1):.2f} plain steps",
        "verifying is free up to": f"{int(free):,} sequences",
        "best draft length": f"{best} ({gain(best):.2f}×)" if best else "0: do not speculate",
        "lines": {
            "x": "draft length", "y": "speed-up",
            "series": {f"batch {batch}": [(k, gain(k)) for k in range(17)], "no drafts": [(0, 1.0), (16, 1.0)]},
            "points": {"yours": (length, gain(length))},
        },
        "unused": [] if context else ["cache"],
    }  # fmt: skip
