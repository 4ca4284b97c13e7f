"""One tile of queries on its way over the tiles of keys, with the numbers of one query."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from snippets.transformers.attention.tiles import absorb, tensors, tile_scores

TOKENS, SIDE = 16, 4


@dataclass(frozen=True)
class Stop:
    """The state of one query after a tile of keys."""

    highest: float  # score in this tile
    shrink: float  # factor on what was there before
    m: float
    z: float


def stops() -> list[Stop]:
    """What the last query of a sequence keeps after each tile."""
    q, k, v, _ = tensors(TOKENS)
    m = torch.full((1, 1), float("-inf"))
    state, found = (m, torch.zeros(1, 1), torch.zeros(1, v.shape[1])), []
    for left in range(0, TOKENS, SIDE):
        scores = tile_scores(q[-1:], k[left : left + SIDE], TOKENS - 1, left, causal=True)
        before = state[0]
        state = absorb(state, scores, v[left : left + SIDE])
        shrink = (before - state[0]).exp().item()
        found.append(Stop(scores.max().item(), shrink, state[0].item(), state[1].item()))
    return found


def text(
    x: float,
    y: float,
    words: str,
    fill: str = "currentColor",
    anchor: str = "start",
    size: int = 11,
) -> str:
    """Words with their baseline at `y`."""
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="{size}">'
        f"{words}</text>"
    )


def box(x: float, y: float, wide: float, high: float, fill: str, more: str = "") -> str:
    """A rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" fill="{fill}"{more}/>'


MUTED, CELL, LEFT, TOP = "var(--fg-muted)", 30, 26, 26


def grid() -> str:
    """All tiles of the causal matrix; the row of the last tile of queries is on its way."""
    drawn, tiles = "", TOKENS // SIDE
    for row in range(tiles):
        for column in range(tiles):
            x, y = LEFT + CELL * column, TOP + CELL * row
            if column > row:
                drawn += box(
                    x,
                    y,
                    CELL - 3,
                    CELL - 3,
                    "none",
                    f' stroke="{MUTED}" stroke-dasharray="2 3"',
                )
            else:
                color = "var(--fg-s1)" if row == tiles - 1 else "var(--fg-s0)"
                drawn += box(
                    x,
                    y,
                    CELL - 3,
                    CELL - 3,
                    color,
                    "" if row == tiles - 1 else ' opacity="0.45"',
                )
    drawn += text(LEFT, TOP - 8, "tiles of keys", MUTED)
    middle = TOP + CELL * tiles / 2
    return drawn + (
        f'<text x="18" y="{middle:g}" fill="{MUTED}" text-anchor="middle" font-size="11" '
        f'transform="rotate(-90 18 {middle:g})">tiles of queries</text>'
    )


def memory() -> str:
    """What lies in fast memory while the row is computed."""
    x = 168
    drawn = text(x, TOP - 8, "in fast memory, at one time", MUTED)
    held = (
        "one tile of queries",
        "one tile of keys and values",
        "its scores",
        "m, z and o of each query",
    )
    for i, words in enumerate(held):
        y = TOP + 24 * i
        drawn += box(x, y, 12, 12, "var(--fg-s1)") + text(x + 20, y + 11, words)
    drawn += box(x, TOP + 102, 12, 12, "none", f' stroke="{MUTED}" stroke-dasharray="2 3"')
    return drawn + text(x + 20, TOP + 113, "later keys: never computed", MUTED)


def figure_walk() -> str:
    """The grid of tiles, and below it the state of the last query after each tile."""
    drawn, y = grid() + memory(), 182
    drawn += text(4, y, "last query")
    names = ("highest score", "m, the maximum", "old z times", "z, the sum")
    for i, name in enumerate(names):
        drawn += text(4, y + 20 + 18 * i, name, MUTED)
    for i, stop in enumerate(stops()):
        x = 154 + 64 * i
        drawn += text(x, y, f"tile {i + 1}", "var(--fg-s1)", "end")
        shown = (stop.highest, stop.m, stop.shrink, stop.z)
        for j, value in enumerate(shown):
            drawn += text(x, y + 20 + 18 * j, f"{value:.2f}", anchor="end")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 352 262" font-family="sans-serif">'
        f"{drawn}</svg>"
    )
