"""The mechanism: pressure moves a hill of scores, and the gold is what the curve says above it."""

from __future__ import annotations

import math

WIDE, LEFT, BASE, UNIT, STEEP = 400, 70, 200, 62.0, 30  # pixels of a deviation
PRESSED = 2.0


def mean_gold(kind: str, score: float) -> float:
    """Two curves: one keeps rising, the other turns."""
    return 0.55 * score if kind == "rises" else 0.6 * score - 0.36 * score**2


def under(kind: str, shift: float) -> float:
    """Mean of the curve over a hill of scores that pressure has moved."""
    grid = [k / 50 for k in range(-250, 251)]
    weights = [math.exp(-x * x / 2) for x in grid]
    total = sum(w * mean_gold(kind, shift + x) for w, x in zip(weights, grid, strict=True))
    return total / sum(weights)


def line(points: list[tuple[float, float]], stroke: str, more: str = "") -> str:
    """A line through points of score and height."""
    places = " ".join(f"{LEFT + UNIT * (x + 1):.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{stroke}" stroke-width="2"{more}/>'


def words(
    x: float, y: float, said: str, fill: str = "currentColor", end: str = "middle"
) -> str:
    """Text at a score and a height."""
    at = LEFT + UNIT * (x + 1)
    return f'<text x="{at:.1f}" y="{y:.1f}" fill="{fill}" font-size="11" text-anchor="{end}">{said}</text>'


def figure_pressure() -> str:
    """Two hills of scores below, two curves of gold above, and the gold of either policy on them."""
    muted = "var(--fg-muted)"
    grid = [k / 20 for k in range(-24, 81)]
    drawn = ""
    for shift, dash in ((0.0, ' stroke-dasharray="4 3"'), (PRESSED, "")):
        hill = [(x, BASE - 46 * math.exp(-((x - shift) ** 2) / 2)) for x in grid]
        drawn += line(hill, muted, dash)
    drawn += words(0, BASE + 14, "reference", muted) + words(
        PRESSED, BASE + 14, "under pressure", muted
    )
    drawn += f'<path d="M{LEFT + UNIT * 1.5:g} {BASE - 12}h{UNIT:g}m-6 -4l6 4l-6 4" fill="none" stroke="{muted}"/>'
    for kind, color, said, at in (
        ("rises", "var(--fg-s0)", "score still means gold", 24),
        ("turns", "var(--fg-s1)", "score means less gold", 92),
    ):  # fmt: skip
        shown = [(x, 100 - STEEP * mean_gold(kind, x)) for x in grid]
        drawn += line([place for place in shown if place[1] < 140], color)
        drawn += words(4, at, said, color, "end")
        for shift in (0.0, PRESSED):
            x, y = LEFT + UNIT * (shift + 1), 100 - STEEP * under(kind, shift)
            fill = "var(--md-default-bg-color)" if shift == 0 else color
            drawn += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{color}" stroke-width="2"/>'
    drawn += f'<path d="M8 {BASE}H{WIDE - 4}" stroke="currentColor"/>'
    drawn += '<text x="4" y="96" fill="currentColor" font-size="11">gold</text>'
    drawn += f'<text x="4" y="{BASE + 14}" fill="currentColor" font-size="11">score</text>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {BASE + 22}" font-family="sans-serif">{drawn}</svg>'
