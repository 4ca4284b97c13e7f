"""Pictures of the page: the conversation as tokens, and rows padded and packed."""

from __future__ import annotations

from snippets.post_training.sft.masks import TALK, Token, tokens
from snippets.post_training.sft.packing import best_fit, draw

WIDTH = 400
LENGTHS = draw(12, median=400, spread=0.9, seed=3)
ROW, BATCH = 1600, 6


def text(x: float, y: float, words: str, fill: str = "currentColor", size: int = 11) -> str:
    """A line of text."""
    words = words.replace("<", "&lt;").replace(">", "&gt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}">{words}</text>'


def svg(height: float, parts: list[str]) -> str:
    """A drawing."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}"'
    return f'{head} font-family="sans-serif">{"".join(parts)}</svg>'


def box(x: float, y: float, width: float, token: Token) -> list[str]:
    """One token: filled if it trains."""
    fill = "var(--fg-s0)" if token.trains else "none"
    edge = "var(--fg-s0)" if token.trains else "var(--fg-muted)"
    shape = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="18" rx="3" fill="{fill}"'
        f' fill-opacity="0.25" stroke="{edge}"/>'
    )
    return [shape, text(x + 4, y + 13, token.text, size=10)]


def figure_talk() -> str:
    """The conversation, a box for each token, those that train filled."""
    parts: list[str] = []
    y = 4.0
    found = tokens(TALK)
    for turn, message in enumerate(TALK):
        author = {"user": "a user wrote", "tool": "a program wrote"}
        label = author.get(message["role"], "the model wrote: trains")
        fill = "var(--fg-s0)" if message["role"] == "assistant" else "var(--fg-muted)"
        parts.append(text(4, y + 11, label, fill))
        y += 17
        x = 4.0
        for token in (t for t in found if t.turn == turn):
            width = 9 + (5.8 if token.text.startswith("<") else 6.8) * len(token.text)
            if x + width > WIDTH - 4:
                x, y = 4.0, y + 22
            parts += box(x, y, width, token)
            x += width + 3
        y += 30
    return svg(y - 6, parts)


def bars(rows: list[list[int]], y: float, row: float, scale: float) -> list[str]:
    """Rows of conversations; the outline is what the model computes."""
    parts = []
    for lengths in rows:
        x = 4.0
        parts.append(
            f'<rect x="4" y="{y:.1f}" width="{row * scale:.1f}" height="11" fill="none" stroke="var(--fg-muted)"/>'
        )
        for n in lengths:
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{n * scale:.1f}" height="11" fill="var(--fg-s0)"'
                ' fill-opacity="0.45" stroke="var(--md-default-bg-color)"/>'
            )
            x += n * scale
        y += 14
    return parts


def figure_rows() -> str:
    """The same twelve conversations, padded in two batches and packed."""
    cut = [min(n, ROW) for n in LENGTHS]
    scale = (WIDTH - 8) / ROW
    parts, y = [text(4, 14, "padded to the longest of six: one conversation a row")], 20.0
    for i in range(0, len(cut), BATCH):
        batch = cut[i : i + BATCH]
        parts += bars([[n] for n in batch], y, max(batch), scale)
        y += 14 * len(batch) + 5
    packed = best_fit(LENGTHS, ROW)
    parts.append(text(4, y + 14, "packed, longest first, each where it fits best"))
    parts += bars(packed, y + 20, ROW, scale)
    return svg(y + 24 + 14 * len(packed), parts)
