"""Evaluation: where the error of a score comes from, drawn for the planted test."""

from __future__ import annotations

from html import escape

from snippets.post_training.evaluation.passages import PASSAGES, PER_PASSAGE, parts

WIDE, ROW, LEFT, BAR = 380, 46, 118, 246  # units: drawing, row, text, bars
UNIT = 36  # of one percentage point
INK, MUTED = "currentColor", "var(--fg-muted)"


def text(x: float, y: float, words: str, fill: str = INK, style: str = "") -> str:
    """Words with their baseline at `y`."""
    return f'<text x="{x:g}" y="{y:g}" font-size="11" fill="{fill}"{style}>{escape(words)}</text>'


def dot(x: float, y: float, filled: bool) -> str:
    """A question, drawn into the test or not."""
    paint = 'fill="var(--fg-s0)"' if filled else f'fill="none" stroke="{MUTED}"'
    return f'<circle cx="{x:g}" cy="{y:g}" r="3" {paint}/>'


def groups(y: float, drawn: tuple[int, ...]) -> str:
    """Passages of four questions; those in `drawn` are in the test."""
    return "".join(
        dot(10 + 25 * g + 9 * (i % 2), y + 9 * (i // 2), g in drawn)
        for g in range(4)
        for i in range(4)
    )


def answers(y: float) -> str:
    """One question, and three answers of which one is graded."""
    lines = "".join(
        f'<path d="M14 {y + 4:g}L62 {y - 8 + 12 * i:g}" stroke="{MUTED}"/>'
        for i in range(3)
    )
    return dot(10, y + 4, True) + lines + "".join(
        dot(66, y - 8 + 12 * i, i == 1) for i in range(3)
    )  # fmt: skip


def verdict(y: float) -> str:
    """An answer, and a verdict that lies beside it."""
    path = f'<path d="M16 {y + 4:g}H58L54 {y + 1:g}M58 {y + 4:g}L54 {y + 7:g}" fill="none" stroke="{MUTED}"/>'
    mark = f'<rect x="64" y="{y - 6:g}" width="20" height="20" fill="var(--fg-s1)" rx="2"/>'
    return dot(10, y + 4, True) + path + mark


def figure_flow() -> str:
    """Three draws that more of something makes smaller, and one shift that stays."""
    sizes = parts()
    rows = [
        ("which passages", f"{PASSAGES} drawn", groups(34, (1, 2)), sizes["passages"]),
        ("which questions", f"{PER_PASSAGE} of each", groups(34 + ROW, (0,)), sizes["questions"]),
        ("which answer", "1 sampled", answers(36 + 2 * ROW), sizes["answers"]),
        ("whose verdict", "judge, leak, dead", verdict(34 + 3 * ROW), None),
    ]  # fmt: skip
    drawn = [
        text(LEFT, 12, "what decides", MUTED),
        text(BAR, 12, "error, points", MUTED),
    ]
    for i, (name, count, picture, size) in enumerate(rows):
        y = 36 + ROW * i
        drawn += [picture, text(LEFT, y, name), text(LEFT, y + 14, count, MUTED)]
        if size is None:
            drawn += [
                text(BAR, y, "a shift"),
                text(BAR, y + 14, "that questions keep", MUTED),
            ]
        else:
            wide = UNIT * size
            drawn.append(
                f'<rect x="{BAR}" y="{y - 10}" width="{wide:g}" height="20" fill="var(--fg-s0)"/>'
            )
            drawn.append(text(BAR + wide + 4, y + 4, f"{size:.1f}"))
    high = 4 * ROW + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {high}" '
        f'font-family="sans-serif">{"".join(drawn)}</svg>'
    )
