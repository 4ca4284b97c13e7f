"""The few strokes of which the page's drawings are made, as SVG text."""

from __future__ import annotations

from html import escape

INK, MUTED, GROUND = "currentColor", "var(--fg-muted)", "var(--md-default-bg-color)"


def series(index: int) -> str:
    """Color of one series, in either palette."""
    return f"var(--fg-s{index})"


def text(
    x: float,
    y: float,
    words: str,
    fill: str = INK,
    anchor: str = "start",
    size: int = 12,
    style: str = "",
) -> str:
    """Words with their baseline at `y`; `style` holds further attributes."""
    placed = f'x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {placed}{style}>{escape(words)}</text>"


def box(x: float, y: float, wide: float, high: float, fill: str, style: str = "") -> str:
    """A filled rectangle; `style` holds further attributes."""
    return f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" fill="{fill}"{style}/>'


def frame(
    x: float, y: float, wide: float, high: float, stroke: str = MUTED, style: str = ""
) -> str:
    """An empty rectangle with round corners."""
    outline = f' stroke="{stroke}" rx="2"{style}'
    return box(x, y, wide, high, "none", outline)


def line(
    x1: float, y1: float, x2: float, y2: float, stroke: str = MUTED, style: str = ""
) -> str:
    """A straight line."""
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" fill="none" stroke="{stroke}"{style}/>'


def arrow(x1: float, y: float, x2: float, stroke: str = INK) -> str:
    """A line to the right that ends in a head."""
    head = f'<path d="M{x2 - 5:g} {y - 3:g}L{x2:g} {y:g}L{x2 - 5:g} {y + 3:g}z" fill="{stroke}"/>'
    return line(x1, y, x2 - 4, y, stroke) + head


def dot(x: float, y: float, radius: float, fill: str) -> str:
    """A filled circle."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}"/>'


def picture(wide: float, high: float, *strokes: str) -> str:
    """The strokes in one SVG document."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" '
        f'font-family="sans-serif">{"".join(strokes)}</svg>'
    )


SMALL = 11  # size of secondary text
BOLD = ' font-weight="bold"'
DASHED = ' stroke-dasharray="2 2"'
