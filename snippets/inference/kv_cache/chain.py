"""How names of blocks chain: three prompts, and which blocks each of them finds."""

from __future__ import annotations

from snippets.inference.kv_cache.prefix import block_hashes, cached_tokens
from snippets.inference.kv_cache.strokes import (
    BOLD,
    MUTED,
    SMALL,
    arrow,
    box,
    frame,
    picture,
    series,
    text,
)

BLOCK = 4
PROMPTS = {
    "first": ["You are a bot.", "Reply in a line.", "What is a block?"],
    "same start": ["You are a bot.", "Reply in a line.", "What is a name?"],
    "other start": ["You are a poet.", "Reply in a line.", "What is a block?"],
}
WIDE, HIGH, RIGHT = 100, 36, 378


def tokens(blocks: list[str]) -> list[int]:
    """A number for each word: four words in a block."""
    words = sorted(
        {word for prompt in PROMPTS.values() for part in prompt for word in part.split()}
    )
    return [words.index(word) for part in blocks for word in part.split()]


def names(prompt: str) -> list[str]:
    """Names of the blocks of one prompt."""
    return block_hashes(tokens(PROMPTS[prompt]), BLOCK)


def block(x: float, y: float, words: str, name: str, hit: bool) -> str:
    """A block with its words and the head of its name, filled if it is found."""
    filled = box(x, y, WIDE, HIGH, series(2), ' opacity="0.25" rx="2"') if hit else ""
    middle = x + WIDE / 2
    return (
        arrow(x - 22, y + 24, x - 1)
        + filled
        + frame(x, y, WIDE, HIGH, series(2) if hit else MUTED)
        + text(middle, y + 15, words, anchor="middle", size=SMALL)
        + text(middle, y + 29, name[:8], anchor="middle", size=SMALL)
    )


def figure_chain() -> str:
    """One row for each prompt, in the order in which they arrive."""
    drawn, known = "", set[str]()
    for row, (prompt, blocks) in enumerate(PROMPTS.items()):
        y, found = 26 + 78 * row, cached_tokens(known, names(prompt), BLOCK)
        reused = f"{found} of {BLOCK * len(blocks)} tokens reused"
        drawn += text(4, y - 8, prompt, style=BOLD) + text(
            RIGHT, y - 8, reused, MUTED, "end"
        )
        drawn += text(4, y + 15, "salt", MUTED, size=SMALL)
        for i, (words, name) in enumerate(zip(blocks, names(prompt), strict=True)):
            drawn += block(32 + 123 * i, y, words, name, name in known)
        known.update(names(prompt))
    bottom = 26 + 78 * len(PROMPTS) - 24
    drawn += text(
        RIGHT, bottom, "the first prompt's words, other names", MUTED, "end", SMALL
    )
    return picture(RIGHT + 4, bottom + 6, drawn)
