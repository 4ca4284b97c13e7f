"""Speculative decoding: the best draft length for each batch size, and what changes with experts."""

from __future__ import annotations

from snippets.inference.speculative_decoding_batch import (
    EIGHT_H100,
    LLAMA3_8B,
    LLAMA3_70B,
    ONE_LAYER,
    Chip,
    Model,
    speedup_under_load,
    tokens_until_busy,
)


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
    one, two = (experts_read(256, 8, n * 64) for n in (1, 2))
    batch = int(tokens_until_busy(LLAMA3_70B, EIGHT_H100) / 2)  # a dense check of one guess
    late, check = (experts_read(256, 8, n * batch) for n in (1, 2))
    return {
        "experts_1": f"{experts_read(256, 8, 2) / experts_read(256, 8, 1):.2f}",
        "experts_64": f"{one:.0%}",
        "experts_batch": f"{batch}",
        "experts_late": f"{check / late - 1:.1%}",
        "experts_more": f"{two / one - 1:.0%}",
    }


if __name__ == "__main__":
    example_schedule()
