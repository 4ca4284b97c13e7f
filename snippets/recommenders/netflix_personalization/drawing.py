"""The page's mechanism, as SVG text, and plain axes for plots."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snippets.recommenders.netflix_personalization.decoding import decode
from snippets.recommenders.netflix_personalization.home import Home, home

MUTED, FIRST = "var(--fg-muted)", 1
MIDDLE, BOLD = ' text-anchor="middle"', ' font-weight="bold"'


def plain(figure: Figure, columns: int = 1) -> list[Axes]:
    """The axes of a figure side by side, without the upper and the right line."""
    axes = list(figure.subplots(1, columns, squeeze=False, sharey=True)[0])
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return axes


def text(x: float, y: float, words: str, fill: str = "currentColor", more: str = "") -> str:
    """Words with their baseline at `y`."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" font-size="11"{more}>{words}</text>'


def chip(
    x: float, y: float, wide: float, words: str, color: str, dashed: bool = False
) -> str:
    """A token: its name in a box; a dashed box stands for one that shares a pass."""
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    box = f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="24" rx="4" fill="none"'
    box += f' stroke="{color}" stroke-width="1.5"{dash}/>'
    return box + text(x + wide / 2, y + 16, words, more=MIDDLE)


def name(one: Home, token: int) -> str:
    """A letter for a row, a number for an entity."""
    return (
        f"row {'ABCD'[token - one.entities]}" if token >= one.entities else str(token + 1)
    )


def mask(one: Home, page: list[int], y: float) -> str:
    """A cell for each entity: open if it may come next, crossed out if not."""
    drawn = ""
    for token, fits in enumerate(one.allowed(page)[: one.entities]):
        x = 4 + 32 * token
        color = "var(--fg-s2)" if fits else MUTED
        drawn += (
            f'<rect x="{x}" y="{y}" width="28" height="20" fill="none" stroke="{color}"/>'
        )
        drawn += text(x + 14, y + 14, name(one, token), color, MIDDLE)
        if not fits:
            drawn += f'<path d="M{x + 3} {y + 17}L{x + 25} {y + 3}" stroke="{MUTED}"/>'
    return drawn


def figure_tokens() -> str:
    """History as prompt, rows and entities as tokens, and the mask before one of them."""
    one = home(0)
    page, _ = decode(one, FIRST)
    drawn = text(4, 14, "prompt: what the member played", MUTED)
    for at, token in enumerate(one.prompt):
        drawn += chip(4 + 46 * at, 20, 40, name(one, token), "var(--fg-s0)")
    drawn += text(4, 66, "page: one token after the other", MUTED)
    for at, token in enumerate(page):
        row, column = divmod(at, one.width + 1)
        y, x = 72 + 32 * row, 4 if not column else 70 + 52 * (column - 1)
        color = "var(--fg-s1)" if not column else "var(--fg-s2)"
        drawn += chip(x, y, 46 if column else 60, name(one, token), color, column > FIRST)
    drawn += text(236, 88, "solid: a pass for each")
    drawn += text(236, 104, "dashed: one pass for all")
    drawn += text(236, 120, "that are left in the row")
    place = one.width + 1 + 1 + FIRST
    seen = name(one, page[place - FIRST - 1])
    drawn += text(
        4,
        156,
        f"mask before entity {FIRST + 1} of {seen}: shown already, or not of this row",
        MUTED,
    )
    drawn += mask(one, page[:place], 162)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 392 188" '
        f'font-family="sans-serif">{drawn}</svg>'
    )


def ends(
    axes: Axes, words: str, values: list[float], color: str, shift: float = 0.0
) -> None:
    """A label at the last point of a line."""
    axes.annotate(
        words, (len(values) - 1, values[-1] + shift), xytext=(5, 0), textcoords="offset points",
        color=color, va="center", fontsize=8.5, annotation_clip=False,
    )  # fmt: skip


def steps(axes: Axes, names: list[str]) -> None:
    """An axis of named steps."""
    axes.set_xticks(np.arange(len(names)), names)
