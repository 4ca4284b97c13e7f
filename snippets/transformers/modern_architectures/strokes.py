"""The few strokes of which the page's drawings are made, as SVG text."""

from __future__ import annotations

from html import escape

INK, MUTED = "currentColor", "var(--fg-muted)"
CHECKED, SILENT = "var(--fg-s0)", "var(--fg-s1)"  # by the loader, by nobody


def text(
    x: float, y: float, words: str, fill: str = INK, anchor: str = "start", size: int = 11
) -> str:
    """Words with their baseline at `y`."""
    placed = f'x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {placed}>{escape(words)}</text>"


def box(x: float, y: float, wide: float, high: float, stroke: str = INK) -> str:
    """An empty rectangle with round corners."""
    size = f'x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}"'
    return f'<rect {size} rx="3" fill="none" stroke="{stroke}"/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = MUTED) -> str:
    """A straight line."""
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" fill="none" stroke="{stroke}"/>'


def square(x: float, y: float, filled: bool = True) -> str:
    """A mark of what a loader checks: refused if filled, reported if not."""
    fill = CHECKED if filled else "none"
    at = f'x="{x - 3.5:g}" y="{y - 3.5:g}" width="7" height="7"'
    return f'<rect {at} fill="{fill}" stroke="{CHECKED}"/>'


def dot(x: float, y: float) -> str:
    """A mark of what nobody checks."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="4.5" fill="{SILENT}"/>'


def picture(wide: float, high: float, *strokes: str) -> str:
    """The strokes in one SVG document."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" '
        f'font-family="sans-serif">{"".join(strokes)}</svg>'
    )
