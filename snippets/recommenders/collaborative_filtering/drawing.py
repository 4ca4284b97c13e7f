"""The page's mechanism, as SVG text: what all users share in a half-step, and what is their own."""

from __future__ import annotations

PLAYED = (1, 4, 9)  # of a user's twelve items


def text(x: float, y: float, words: str, fill: str = "currentColor", more: str = "") -> str:
    """Words with their baseline at `y`."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" font-size="11"{more}>{words}</text>'


def box(
    x: float, y: float, wide: float, high: float, stroke: str, fill: str = "none"
) -> str:
    """A rectangle."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="2" '
        f'fill="{fill}" fill-opacity="0.35" stroke="{stroke}" stroke-width="1.2"/>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line with a head at its end, straight down or to the right."""
    head = f"M{x2 - 4:g} {y2 - 5:g}L{x2:g} {y2:g}L{x2 + 4:g} {y2 - 5:g}" if x1 == x2 else (
        f"M{x2 - 5:g} {y2 - 4:g}L{x2:g} {y2:g}L{x2 - 5:g} {y2 + 4:g}"
    )  # fmt: skip
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}{head}" fill="none" stroke="var(--fg-muted)" stroke-width="1.2"/>'


def figure_gram() -> str:
    """Twelve items, three of them played: one shared matrix, and three products of the user's own."""
    middle, muted = ' text-anchor="middle"', "var(--fg-muted)"
    drawn = text(6, 16, "one user's row: 12 items, 3 played")
    for item in range(12):
        own = item in PLAYED
        drawn += box(
            6 + 31 * item,
            26,
            27,
            22,
            "var(--fg-s1)" if own else "var(--fg-s0)",
            "var(--fg-s1)" if own else "none",
        )
    drawn += arrow(66, 52, 66, 84) + arrow(240, 52, 240, 84)
    drawn += text(76, 72, "weight 1 for all", "var(--fg-s0)") + text(
        250, 72, "extra for the 3", "var(--fg-s1)"
    )
    drawn += box(34, 90, 64, 64, "var(--fg-s0)", "var(--fg-s0)")
    drawn += text(66, 126, "F × F", more=middle)
    drawn += text(140, 128, "+", more=middle + ' font-weight="bold"')
    for place in range(len(PLAYED)):
        drawn += box(172 + 46 * place, 104, 36, 36, "var(--fg-s1)", "var(--fg-s1)")
    drawn += text(66, 172, "Gram matrix: once", more=middle) + text(
        66, 187, "for all users", muted, middle
    )
    drawn += text(236, 172, "3 products, F × F each", more=middle) + text(
        236, 187, "each user pays for its plays", muted, middle
    )
    drawn += arrow(316, 122, 340, 122)
    drawn += text(362, 118, "solve", more=middle) + text(362, 133, "F × F", muted, middle)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 386 196" font-family="sans-serif">{drawn}</svg>'
