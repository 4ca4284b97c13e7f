"""The loop as a drawing: what moves from where to where, and what must hold at each place."""

from __future__ import annotations

from snippets.transformers.training_a_gpt.model import level

MUTED = "var(--fg-muted)"
WIDE, HIGH = 112, 34


def text(
    x: float, y: float, words: str, fill: str = "currentColor", anchor: str = "middle"
) -> str:
    """Words with their baseline at y."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="11">{words}</text>'


def box(x: float, y: float, title: str, color: str, *lines: str) -> str:
    """A stage of the loop, and below it what must hold there."""
    drawn = (
        f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="4" fill="none" stroke="{color}" stroke-width="2"/>'
        + text(x + WIDE / 2, y + 21, title)
    )
    return drawn + "".join(
        text(x + WIDE / 2, y + HIGH + 14 + 13 * i, line, MUTED)
        for i, line in enumerate(lines)
    )


def arrow(path: str) -> str:
    """A line with a head at its end."""
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.3" marker-end="url(#tip)"/>'


def figure_loop() -> str:
    """Six stages in a ring; those that a checkpoint must hold are colored."""
    kept, plain = "var(--fg-s1)", "currentColor"
    top, low, left, middle, right = 8, 128, 6, 144, 282
    stages = [
        box(left, top, "data order", kept, "no window twice", "in an epoch"),
        box(
            middle,
            top,
            "model",
            plain,
            f"first loss: ln V = {level():.2f}",
            "no place sees its target",
        ),
        box(right, top, "loss", plain, "sum of all tokens", "over their number"),
        box(right, low, "gradient", plain, "micro-batches add,", "one length for all"),
        box(middle, low, "AdamW", kept, "two moments,", "count of updates"),
        box(left, low, "weights in fp32", kept, "no update is below", "half a spacing"),
    ]
    y, z = top + HIGH / 2, low + HIGH / 2
    ways = [
        arrow(f"M{left + WIDE} {y}H{middle - 4}"),
        arrow(f"M{middle + WIDE} {y}H{right - 4}"),
        arrow(f"M{right + WIDE / 2} {top + HIGH + 34}V{low - 4}"),
        arrow(f"M{right} {z}H{middle + WIDE + 4}"),
        arrow(f"M{middle} {z}H{left + WIDE + 4}"),
        arrow(f"M{left + WIDE / 2} {low}V{low - 18}H{middle + WIDE / 2}V{top + HIGH + 36}"),
    ]
    head = '<marker id="tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z" fill="currentColor"/></marker>'
    note = text(
        200, 214, "colored: what a checkpoint must hold, with the random state", kept
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 224" font-family="sans-serif">'
        f"<defs>{head}</defs>{''.join(stages)}{''.join(ways)}{note}</svg>"
    )
