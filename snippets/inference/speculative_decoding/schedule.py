"""Speculative decoding: the best draft length for each batch size, and what changes with experts."""

from __future__ import annotations

from dataclasses import replace

from snippets.inference.speculative_decoding.batch import (
    EIGHT_H100,
    LLAMA3_8B,
    LLAMA3_70B,
    ONE_LAYER,
    Chip,
    Model,
    speedup_under_load,
)
from snippets.shapes import models as shapes


def schedule(
    alpha: float,
    target: Model,
    draft: Model,
    chip: Chip,
    context: int,
    largest: int,
    longest: int = 5,
) -> list[tuple[int, int, int]]:
    """Ranges of batch size and the draft length that is best in each: (first, last, k)."""
    ranges: list[tuple[int, int, int]] = []
    for batch in range(1, largest + 1):
        k = max(
            range(longest + 1),
            key=lambda k: speedup_under_load(alpha, k, target, draft, chip, batch, context),
        )
        if ranges and ranges[-1][2] == k:
            ranges[-1] = (ranges[-1][0], batch, k)
        else:
            ranges.append((batch, batch, k))
    return ranges


def experts_read(experts: int, active: int, tokens: int) -> float:
    """Share of the experts that `tokens` tokens wake, if each picks `active` of them evenly."""
    return 1 - (1 - active / experts) ** tokens


V3 = shapes.MODELS["DeepSeek-V3"]
# the draft: one more layer, the same output head
MTP = replace(V3, layers=1, dense_layers=0)


def parameters_read(m: shapes.Shape, tokens: int) -> float:
    """Parameters that a pass over `tokens` tokens reads: all that are shared, and experts that wake."""
    woken = m.experts * experts_read(m.experts, m.active, tokens)
    sparse = m.layers - m.dense_layers
    return shapes.active_params(m) + sparse * shapes.expert_params(m) * (woken - m.active)


def guess_gain(kept: float, batch: int) -> float:
    """Speed-up of DeepSeek-V3 by its MTP module's one guess, if time is weights read."""
    check = parameters_read(V3, 2 * batch) + parameters_read(MTP, batch)
    return (1 + kept) * parameters_read(V3, batch) / check


def example_schedule() -> None:
    """The best draft length by batch size, as a server would be told."""
    print(f"{'draft':12s}{'context':>7s}   batch sizes: draft length")
    for name, draft in {"Llama 3 8B": LLAMA3_8B, "one layer": ONE_LAYER}.items():
        for context, largest in ((1024, 256), (8192, 128)):
            found = schedule(0.8, LLAMA3_70B, draft, EIGHT_H100, context, largest)
            ranges = "  ".join(f"{a}-{b}: {k}" for a, b, k in found)
            print(f"{name:12s}{context:7,d}   {ranges}")


def facts() -> dict[str, str]:
    """Numbers that the page states about experts."""
    least = min(range(1, 65), key=lambda batch: guess_gain(0.85, batch))
    return {
        "experts_1": f"{experts_read(256, 8, 2) / experts_read(256, 8, 1):.2f}",
        "weights_1": f"{parameters_read(V3, 2) / parameters_read(V3, 1):.2f}",
        "experts_64": f"{experts_read(256, 8, 64):.0%}",
        "guess_1": f"{guess_gain(0.85, 1):.2f}",
        "guess_least_at": f"{least}",
        "guess_least": f"{guess_gain(0.85, least):.2f}",
        "guess_64": f"{guess_gain(0.85, 64):.2f}",
    }


if __name__ == "__main__":
    example_schedule()
