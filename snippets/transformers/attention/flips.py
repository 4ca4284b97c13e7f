"""Greedy tokens that change with the number of splits."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch

from snippets.transformers.attention.decoder import (
    decode,
    decoder,
    prefill,
    prompts,
)

NAMES = {"bf16": torch.bfloat16, "fp32": torch.float32}
SEEDS = range(5)
RUNS = {"bf16": [("bf16", 2), ("bf16", 4), ("bf16", 8), ("fp32", 2)], "fp32": [("fp32", 2)]}


def changed_tokens(seed: int, dtype: str, runs: list[tuple[str, int]]) -> list[float]:
    """Share of prompts whose greedy token is another than with a single split."""
    m, tokens = decoder(seed, NAMES[dtype]), prompts(seed)
    past = prefill(m, tokens)
    one = decode(m, tokens, past).argmax(-1)
    others = [decode(m, tokens, past, n, NAMES[keep]).argmax(-1) for keep, n in runs]
    return [(one != other).float().mean().item() for other in others]


def example_flips() -> None:
    """The next token of 256 prompts in each of five random models, one split against several."""
    print(
        f"{'model':>6s}{'partials':>10s}{'splits':>8s}{'mean':>7s}{'least':>7s}{'most':>6s}"
    )
    for dtype, runs in RUNS.items():
        shares = [changed_tokens(seed, dtype, runs) for seed in SEEDS]
        for (keep, splits), column in zip(runs, zip(*shares, strict=True), strict=True):
            mean = sum(column) / len(column)
            spread = f"{mean:7.1%}{min(column):7.1%}{max(column):6.1%}"
            print(f"{dtype:>6s}{keep:>10s}{splits:8d}{spread}")


if __name__ == "__main__":
    example_flips()
