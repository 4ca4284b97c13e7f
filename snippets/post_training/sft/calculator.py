"""The calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated

from snippets.post_training.sft.packing import cells_packed, cells_padded, draw, tokens

DRAWN = 512  # conversations that stand for all


def epochs(
    conversations: Annotated[int, "", (100, 100_000_000)] = 100_000,
    median: Annotated[int, "tokens", (10, 100_000)] = 400,
    replies: Annotated[float, "%", (1.0, 100.0)] = 40.0,
    step: Annotated[int, "tokens", (1_000, 100_000_000)] = 262_144,
    *,
    spread: Annotated[float, "", (0.0, 2.5)] = 1.0,
    row: Annotated[int, "tokens", (64, 262_144)] = 4096,
    batch: Annotated[int, "", (1, 256)] = 16,
    rounds: Annotated[int, "", (1, 20)] = 2,
) -> dict[str, object]:
    """How many steps is the run, and how much of it is padding?

    Args:
        conversations: Conversations in the data set.
        median: Median length of a conversation.
        replies: Share of tokens that the model wrote. Only these train.
        step: Tokens in a step, padding left out. On all accelerators together.
        spread: Spread of the lengths. Standard deviation of their logarithm; 0 makes all equal.
        row: Length of a row. Longer conversations are cut.
        batch: Conversations in a padded batch.
        rounds: Epochs.
    """
    lengths = draw(DRAWN, median, spread)
    real = tokens(lengths, row)
    padded, packed = cells_padded(lengths, row, batch), cells_packed(lengths, row)
    total = real / DRAWN * conversations * rounds
    steps = max(1, round(total / step))
    return {
        "steps": f"{steps:,}",
        "tokens that train, in a step": f"{min(step, total) * replies / 100:,.0f}",
        "conversations in a step": f"{step / (real / DRAWN):,.0f}",
        "tokens that are no padding, padded": f"{real / padded:.1%}",
        "tokens that are no padding, packed": f"{real / packed:.1%}",
        "packing computes fewer tokens by": f"{padded / packed:.2f}×",
        "conversations cut": f"{sum(n > row for n in lengths) / DRAWN:.1%}",
    }
