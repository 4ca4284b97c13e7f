"""The block with its switches: on the left what runs, on the right what decides it."""

from __future__ import annotations

from snippets.transformers.modern_architectures.strokes import (
    CHECKED,
    INK,
    MUTED,
    SILENT,
    box,
    dot,
    line,
    picture,
    square,
    text,
)

# What a box is, the switches that give it tensors or shapes, and those that do not.
STEPS = [
    ("embedding", "vocabulary, width", "times the root of the width"),
    ("norm", "", "1 + w, epsilon"),
    ("attention", "heads, latent, QK-norm, sinks, biases", "windows, rotary pairs, base, score scale"),
    ("second norm", "there or not", "1 + w, epsilon"),
    ("norm", "", "1 + w, epsilon"),
    ("feed-forward", "width, experts, shared expert, biases", "experts per token, router, gate and up"),
    ("second norm", "there or not", "1 + w, epsilon"),
    ("output", "tied to the embedding or not", ""),
]  # fmt: skip
STREAM, LEFT, WIDE, RIGHT, HIGH, STEP = 14, 34, 92, 148, 26, 37


def figure_block() -> str:
    """A residual stream beside the steps of one layer, and the switches of each."""
    top = 34
    drawn = square(RIGHT - 8, 10) + text(RIGHT, 14, "gives a tensor or its shape", CHECKED)
    drawn += dot(RIGHT - 8, 25) + text(RIGHT, 29, "no tensor shows it", SILENT)
    for i, (name, shown, hidden) in enumerate(STEPS):
        y = top + 6 + STEP * i
        middle = y + HIGH / 2
        optional = name == "second norm"
        drawn += box(LEFT, y, WIDE, HIGH, MUTED if optional else INK)
        drawn += text(
            LEFT + WIDE / 2, middle + 4, name, MUTED if optional else INK, "middle"
        )
        if name in ("embedding", "output"):
            drawn += line(STREAM, middle, LEFT, middle)
        rows = [
            (words, mark) for words, mark in ((shown, CHECKED), (hidden, SILENT)) if words
        ]
        for row, (words, color) in enumerate(rows):
            at = middle + (4 if len(rows) == 1 else -3 + 14 * row)
            drawn += (
                square(RIGHT - 8, at - 4) if color == CHECKED else dot(RIGHT - 8, at - 4)
            )
            drawn += text(RIGHT, at, words, color)
    first, last = top + 6 + HIGH / 2, top + 6 + STEP * (len(STEPS) - 1) + HIGH / 2
    drawn += line(STREAM, first, STREAM, last, INK)
    for start in (1, 4):  # each half reads the stream and adds to it
        into, out = top + 6 + STEP * start, top + 6 + STEP * (start + 2) + HIGH
        drawn += line(STREAM, into + HIGH / 2, LEFT, into + HIGH / 2) + line(
            STREAM, out - HIGH / 2, LEFT, out - HIGH / 2
        )
        drawn += line(LEFT + WIDE / 2, into + HIGH, LEFT + WIDE / 2, into + STEP)
        drawn += line(LEFT + WIDE / 2, into + STEP + HIGH, LEFT + WIDE / 2, into + 2 * STEP)
        drawn += text(STREAM - 6, out - HIGH / 2 + 4, "+", INK, "middle", 13)
    return picture(400, last + HIGH / 2 + 6, drawn)
