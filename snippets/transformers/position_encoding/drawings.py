"""Two drawings: the angles that training shows, and the two layouts of pairs."""

from __future__ import annotations

import math

from snippets.transformers.position_encoding.shape import (
    TRAINED,
    W,
    is_new,
    scalings,
    share_of_angles,
)

WANTED = 32_768  # distance of the needles
PAIRS = (0, 36, 42, 63)
RADIUS = 22
MUTED = "var(--fg-muted)"


def text(
    x: float, y: float, words: str, fill: str = "currentColor", anchor: str = "middle"
) -> str:
    """Words with their baseline at y."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="11">{words}</text>'


def point(x: float, y: float, angle: float, radius: float) -> str:
    """Coordinates at an angle, clockwise from the top."""
    return f"{x + radius * math.sin(angle):.1f} {y - radius * math.cos(angle):.1f}"


def sector(
    x: float, y: float, angle: float, radius: float, style: str, start: str = "M"
) -> str:
    """An arc from the top, clockwise; a wedge if it starts in the middle."""
    angle = min(angle, 2 * math.pi - 0.01)
    begin = f"M{x:g} {y:g}L" if start == "wedge" else "M"
    large = int(angle > math.pi)
    arc = f"A{radius} {radius} 0 {large} 1 {point(x, y, angle, radius)}"
    return f'<path d="{begin}{point(x, y, 0, radius)}{arc}{"z" if start == "wedge" else ""}" {style}/>'


def dial(x: float, y: float, trained: float, scaled: float) -> str:
    """Angles seen in training as a ring, the angle at `WANTED` as a needle, one token as a wedge."""
    new = is_new(trained, scaled, WANTED)
    color = "var(--fg-s3)" if new else "currentColor"
    seen = 2 * math.pi * share_of_angles(trained, TRAINED)
    ring = 'fill="none" stroke="var(--fg-s0)" stroke-width="5"'
    needle = point(x, y, WANTED * scaled, RADIUS + 4)
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS}" fill="none" stroke="{MUTED}"/>'
        + sector(x, y, seen, RADIUS, ring)
        + sector(x, y, scaled, RADIUS - 5, 'fill="var(--fg-s1)"', "wedge")
        + f'<path d="M{x:g} {y:g}L{needle}" stroke="{color}" stroke-width="2"/>'
        + (text(x + RADIUS + 7, y - RADIUS + 6, "new", color, "start") if new else "")
    )


def figure_dials() -> str:
    """Four pairs of Llama 3 8B under four scalings, at four times the trained length."""
    rows = ["none", "interpolation", "NTK", "YaRN"]
    drawn = "".join(text(116 + 74 * i, 14, f"pair {pair}") for i, pair in enumerate(PAIRS))
    for j, name in enumerate(rows):
        y = 48 + 64 * j
        drawn += text(4, y + 4, name, anchor="start")
        for i, pair in enumerate(PAIRS):
            drawn += dial(116 + 74 * i, y, W[pair], scalings()[name][pair])
    return picture(402, 274, drawn)


def layout_row(y: float, order: list[int], step: int, title: str) -> str:
    """Components of a head as boxes colored by their pair; arcs join what is rotated together."""
    drawn = text(4, y - 34, title, anchor="start")
    for place, component in enumerate(order):
        x = 20 + 44 * place
        drawn += f'<rect x="{x}" y="{y}" width="36" height="22" rx="3" fill="none" stroke-width="2.5" '
        drawn += f'stroke="var(--fg-s{component // 2})"/>' + text(
            x + 18, y + 15, str(component)
        )
    starts = range(0, 8, 2) if step == 1 else range(4)
    for a in starts:
        left, right = 38 + 44 * a, 38 + 44 * (a + step)
        high = y - (14 if step == 1 else 24 - 3 * a)
        drawn += f'<path d="M{left} {y - 2}C{left} {high} {right} {high} {right} {y - 2}" '
        drawn += f'fill="none" stroke="{MUTED}"/>'
    return drawn


def figure_layouts() -> str:
    """A head of eight components: as published, read by the other layout, and converted."""
    return picture(
        380,
        226,
        layout_row(46, list(range(8)), 1, "published: adjacent pairs")
        + layout_row(122, list(range(8)), 4, "loaded as it is: halves mix the pairs")
        + layout_row(
            198, [0, 2, 4, 6, 1, 3, 5, 7], 4, "converted: halves join each pair again"
        ),
    )


def picture(wide: float, high: float, drawn: str) -> str:
    """The strokes in one SVG document."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" font-family="sans-serif">{drawn}</svg>'
