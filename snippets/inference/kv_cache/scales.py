"""Which numbers of a key cache share a scale, drawn over the keys of the example."""

from __future__ import annotations

from torch import Tensor

from snippets.inference.kv_cache.quantization import (
    cache,
    error,
    fake_quantize,
    per_channel,
)
from snippets.inference.kv_cache.strokes import (
    BOLD,
    MUTED,
    SMALL,
    box,
    frame,
    picture,
    series,
    text,
)

TOKENS, CHANNELS, BITS = 8, 10, 4
FIRST = 36  # channel that is drawn first; an outlier is among them
CELL = 15


def drawn_keys() -> Tensor:
    """Sizes of the keys in the picture: [tokens, channels]."""
    _, keys, _ = cache()
    return keys[0, 0, :TOKENS, FIRST : FIRST + CHANNELS].abs()


def errors() -> tuple[float, float]:
    """Relative error of attention's output with keys in 4 bits, per token and per channel."""
    q, k, v = cache()
    stored = fake_quantize(k, BITS, -1), per_channel(k, BITS)
    return error(k, v, q, stored[0], v), error(k, v, q, stored[1], v)


def cells(left: float, top: float) -> str:
    """The keys as cells: the larger the number, the stronger."""
    keys = drawn_keys()
    shades = (0.1 + 0.9 * (keys / keys.max()).sqrt()).tolist()
    return "".join(
        box(
            left + CELL * c,
            top + CELL * t,
            CELL - 2,
            CELL - 2,
            series(1),
            f' opacity="{shade:.2f}"',
        )
        for t, row in enumerate(shades)
        for c, shade in enumerate(row)
    )


def figure_scales() -> str:
    """The same keys twice: rows that share a scale, and columns that do."""
    wide, high, top = CELL * CHANNELS, CELL * TOKENS, 42
    left, right = 22.0, 202.0
    drawn = cells(left, top) + cells(right, top)
    for t in range(TOKENS):
        drawn += frame(left - 2, top + CELL * t - 1.5, wide + 2, CELL - 1, series(0))
    for c in range(CHANNELS):
        drawn += frame(right + CELL * c - 1.5, top - 2, CELL - 1, high + 2, series(0))
    names = ("one scale per token", "one scale per channel")
    for x, name, wrong in zip((left, right), names, errors(), strict=True):
        middle = x + wide / 2 - 1
        drawn += text(middle, 14, name, anchor="middle", style=BOLD)
        drawn += text(middle, 32, "channels", MUTED, "middle", SMALL)
        drawn += text(
            middle, top + high + 18, f"error at {BITS} bits: {wrong:.1%}", anchor="middle"
        )
    turn = f' transform="rotate(-90 12 {top + high / 2:g})"'
    drawn += text(12, top + high / 2, "tokens", MUTED, "middle", SMALL, turn)
    return picture(358, top + high + 28, drawn)
