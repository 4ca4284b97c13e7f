"""The page's mechanism: a vector becomes codes, and a trie says which codes may follow."""

from __future__ import annotations

import numpy as np

from snippets.recommenders.semantic_ids.residual import Array, encode, fit
from snippets.recommenders.semantic_ids.trie import Trie

WIDE, HIGH, LEFT, SIDE = 118, 112, 4, 134  # a panel, its place, and the way to the next
MUTED, BACK = "var(--fg-muted)", "var(--md-default-bg-color)"


def text(x: float, y: float, words: str, fill: str = "currentColor", more: str = "") -> str:
    """Words, centered at `x`, with their baseline at `y`."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="11" text-anchor="middle"{more}>{words}</text>'


def panel(level: int, rests: Array, centers: Array, title: int) -> str:
    """What is left over at this level, the centers, and the way from the chosen one to a title."""
    x0, y0 = LEFT + level * SIDE, 22
    reach = max(np.abs(rests).max(), np.abs(centers).max()) * 1.18
    middle = np.array([x0 + WIDE / 2, y0 + HIGH / 2])
    place = lambda v: middle + v / reach * np.array([WIDE / 2, HIGH / 2])  # noqa: E731
    code = int(((rests[title] - centers) ** 2).sum(1).argmin())
    drawn = f'<rect x="{x0}" y="{y0}" width="{WIDE}" height="{HIGH}" rx="4" fill="none" stroke="{MUTED}"/>'
    for x, y in map(place, rests):
        drawn += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6" fill="{MUTED}"/>'
    (ax, ay), (bx, by) = place(centers[code]), place(rests[title])
    drawn += f'<path d="M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}" stroke="var(--fg-s1)" stroke-width="2"/>'
    for number, (x, y) in enumerate(map(place, centers)):
        fill = "var(--fg-s0)" if number == code else BACK
        ink = BACK if number == code else "var(--fg-s0)"
        drawn += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7.5" fill="{fill}" stroke="var(--fg-s0)"/>'
        drawn += text(x, y + 3.8, str(number), ink)
    return drawn + f'<circle cx="{bx:.1f}" cy="{by:.1f}" r="3.4" fill="var(--fg-s1)"/>'


def choices(level: int, allowed: list[int], chosen: int, size: int) -> str:
    """A box for each code: filled if chosen, dashed and pale if no title lies that way."""
    drawn = ""
    for code in range(size):
        x, y = LEFT + level * SIDE + 3 + code * 29, 160
        solid = code in allowed
        stroke = "var(--fg-s0)" if solid else MUTED
        fill = "var(--fg-s0)" if code == chosen else "none"
        dash = "" if solid else ' stroke-dasharray="3 3"'
        drawn += f'<rect x="{x}" y="{y}" width="25" height="20" rx="3" fill="{fill}" stroke="{stroke}"{dash}/>'
        ink = BACK if code == chosen else "currentColor" if solid else MUTED
        drawn += text(x + 12.5, y + 14, str(code), ink)
    return drawn


def small_catalog(items: int = 24, size: int = 4) -> tuple[Array, Array, int]:
    """A small catalog in the plane, its codebooks, and a title whose prefix leaves few ways on."""
    draw = np.random.default_rng(3)
    groups = draw.normal(size=(6, 2))
    vectors = groups[draw.integers(6, size=items)] + 0.35 * draw.normal(size=(items, 2))
    return vectors, fit(vectors, 3, size, 0), 17


def figure_codes() -> str:
    """Three levels of residual codes, and the codes that a trie allows after each prefix."""
    vectors, books, title = small_catalog()
    codes = encode(vectors, books)
    trie, row = Trie(codes), codes[title].tolist()
    drawn, rest = "", vectors
    for level, centers in enumerate(books):
        drawn += text(
            LEFT + level * SIDE + WIDE / 2,
            14,
            ("vectors", "what is left", "what is still left")[level],
        )
        drawn += panel(level, rest, centers, title)
        drawn += choices(level, trie.allowed(tuple(row[:level])), row[level], len(centers))
        rest = rest - centers[codes[:, level]]
    names = ", ".join(str(code) for code in row)
    drawn += text(LEFT + SIDE + WIDE / 2, 151, "which codes may follow", MUTED)
    drawn += text(
        LEFT + SIDE + WIDE / 2,
        200,
        f"codes of the title: ({names})",
        more=' font-weight="bold"',
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 394 208">{drawn}</svg>'
