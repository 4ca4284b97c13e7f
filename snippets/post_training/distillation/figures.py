"""The drawing of the page: who writes, and who judges what was written."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from html import escape

import torch

from snippets.post_training.distillation.losses import chosen, kl
from snippets.post_training.distillation.replies import REPLIES, model, tokens

INK, MUTED, TEACHER, STUDENT = "currentColor", "var(--fg-muted)", "var(--fg-s0)", "var(--fg-s1)"  # fmt: skip
SEED = 0


def text(x: float, y: float, words: str, fill: str = INK, anchor: str = "middle", bold: bool = False) -> str:  # fmt: skip
    """Words with their baseline at `y`."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="11"{weight}>{escape(words)}</text>'


def box(x: float, y: float, wide: float, words: str, stroke: str) -> str:
    """A model or a token."""
    frame = f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="24" fill="none" stroke="{stroke}" rx="3"/>'
    return frame + text(x + wide / 2, y + 16, words, stroke if wide > 30 else INK)


def arrow(x1: float, y: float, x2: float) -> str:
    """To the right."""
    return f'<path d="M{x1:g} {y:g}H{x2 - 4:g}M{x2 - 6:g} {y - 3:g}L{x2:g} {y:g}L{x2 - 6:g} {y + 3:g}" stroke="{INK}" fill="none"/>'


def judged() -> list[tuple[list[int], list[float]]]:
    """The likeliest reply of the teacher with forward KL at each place, then the student's with the gaps."""
    student, teacher = (tokens(model(2 * SEED + i)) for i in (0, 1))
    rows = []
    for writer, values in (
        (teacher, kl(teacher, student)),
        (student, chosen(teacher, REPLIES) - chosen(student, REPLIES)),
    ):
        best = int(torch.argmax(chosen(writer, REPLIES).sum(1)))
        rows.append((REPLIES[best].tolist(), values[best].tolist()))
    return rows


def lane(y: float, title: str, writer: str, reader: str, ids: list[int], values: list[float], loss: str) -> str:  # fmt: skip
    """A writer, its reply, a reader, and what is said of each token."""
    colors = {"teacher": TEACHER, "student": STUDENT}
    drawn = text(4, y, title, anchor="start", bold=True)
    drawn += box(4, y + 12, 62, writer, colors[writer]) + arrow(68, y + 24, 92)
    for i, (word, value) in enumerate(zip(ids, values, strict=True)):
        x = 96 + 48 * i
        drawn += box(x + 7, y + 12, 26, "abc"[word], MUTED)
        drawn += text(x + 20, y + 52, f"{value:+.2f}" if value < 0 else f"{value:.2f}")
    drawn += arrow(238, y + 24, 262) + box(264, y + 12, 62, reader, colors[reader])
    drawn += text(4, y + 52, loss, MUTED, "start")
    return drawn


def figure_writers() -> str:
    """Off-policy above, on-policy below."""
    (taught, away), (own, gaps) = judged()
    drawn = lane(14, "off-policy: the teacher writes, the student reads", "teacher", "student", taught, away, "forward KL")  # fmt: skip
    drawn += text(4, 86, "each token: how badly would the student have expected it?", MUTED, "start")  # fmt: skip
    drawn += lane(120, "on-policy: the student writes, the teacher reads", "student", "teacher", own, gaps, "gap, ln p/q")  # fmt: skip
    drawn += text(4, 192, "each token: how much more would the teacher have said it?", MUTED, "start")  # fmt: skip
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 340 200" font-family="sans-serif">{drawn}</svg>'
