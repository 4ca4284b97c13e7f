"""What one layer stores in five designs, drawn to the scale of Llama 3 70B."""

from __future__ import annotations

from snippets.inference.kv_cache.designs import NARROW, OSS, V3, WIDE, token_bytes
from snippets.inference.kv_cache.sizes import LLAMA
from snippets.inference.kv_cache.strokes import (
    BOLD,
    DASHED,
    MUTED,
    SMALL,
    box,
    dot,
    frame,
    line,
    picture,
    series,
    text,
)
from snippets.shapes.models import Shape

HEADS = 16  # query heads that are drawn, of 64
PAIR = 9  # width of one head's key and value in the drawing
RIGHT = 346  # end of the numbers
LEFT, STEP = 106, 11  # x of the first query head, and from one to the next


def layer_numbers(m: Shape) -> int:
    """Numbers that one token adds in one layer."""
    return round(token_bytes(m, width=1.0) / m.layers)


def heads(top: float) -> str:
    """A row of query heads."""
    return "".join(dot(LEFT + STEP * i, top, 4, series(0)) for i in range(HEADS))


def shared(top: float, pairs: int) -> str:
    """Query heads over the pairs of key and value that they share, `pairs` of them."""
    group, drawn = HEADS // pairs, ""
    for pair in range(pairs):
        middle = LEFT + STEP * (group * pair + (group - 1) / 2)
        queries = [LEFT + STEP * (group * pair + i) for i in range(group)]
        drawn += "".join(line(x, top + 4, middle, top + 24) for x in queries)
        drawn += box(middle - PAIR / 2, top + 24, PAIR, PAIR, series(1))
    return drawn + heads(top)


def latent(top: float) -> str:
    """Query heads over one latent and its rotary key, to the scale of the pairs."""
    unit = PAIR / layer_numbers(NARROW)  # width of one number
    wide, small = V3.latent * unit, V3.rope * unit
    left = LEFT + STEP * (HEADS - 1) / 2 - (wide + small) / 2
    rays = (
        line(LEFT + STEP * i, top + 4, left + wide / 2, top + 24, style=DASHED)
        for i in range(HEADS)
    )
    kept = box(left, top + 24, wide, PAIR, series(1)) + box(
        left + wide + 1, top + 24, small, PAIR, series(1)
    )
    return "".join(rays) + kept + heads(top)


def window(top: float, kept: int = 5) -> str:
    """Tokens from the oldest to the newest; the last few are kept, the others forgotten."""
    drawn, newest = "", LEFT + STEP * (HEADS - 1)
    for i in range(HEADS):
        x = LEFT + STEP * i
        if i < HEADS - kept:
            drawn += frame(x - 4, top + 24, 8, PAIR, style=DASHED)
        else:
            drawn += line(newest, top + 4, x, top + 24) + box(
                x - 4, top + 24, 8, PAIR, series(1)
            )
    return (
        drawn
        + dot(newest, top, 4, series(0))
        + text(LEFT - 4, top + 18, "forgotten", MUTED, size=SMALL)
    )


def figure_stored() -> str:
    """Five designs: query heads above, what one layer stores below."""
    rows = [
        ("MHA", f"K = H = {WIDE.kv_heads}", shared(38, HEADS), WIDE),
        (
            "GQA",
            f"K = {LLAMA.kv_heads}",
            shared(96, HEADS * LLAMA.kv_heads // LLAMA.heads),
            LLAMA,
        ),
        ("MQA", f"K = {NARROW.kv_heads}", shared(154, 1), NARROW),
        ("MLA", f"latent {V3.latent} + {V3.rope}", latent(212), V3),
        ("Window", f"of {OSS.window} tokens", window(270), OSS),
    ]
    drawn = text(LEFT - 4, 14, "query heads", series(0), size=SMALL)
    drawn += text(LEFT + 78, 14, "what is stored", series(1), size=SMALL)
    drawn += text(RIGHT, 14, "numbers", MUTED, "end", SMALL)
    for i, (name, how, strokes, model) in enumerate(rows):
        y = 46 + 58 * i
        drawn += text(4, y, name, style=BOLD) + text(4, y + 15, how, MUTED, size=SMALL)
        drawn += strokes + text(
            RIGHT, y + 6, f"{layer_numbers(model):,}", anchor="end", style=BOLD
        )
    return picture(RIGHT + 4, 314, drawn)
