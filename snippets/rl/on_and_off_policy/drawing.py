"""Plain axes for plots, and the page's mechanism, as SVG text."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

MUTED = "var(--fg-muted)"


def plain(figure: Figure) -> Axes:
    """The axes of a figure, without the upper and the right line."""
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def text(x: float, y: float, words: str, fill: str = "currentColor", more: str = "") -> str:
    """Words with their baseline at `y`."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" font-size="11"{more}>{words}</text>'


def box(x: float, y: float, wide: float, high: float, stroke: str) -> str:
    """An empty rectangle with round corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="4" '
        f'fill="none" stroke="{stroke}" stroke-width="1.5"/>'
    )


def bracket(x1: float, x2: float, y: float, stroke: str) -> str:
    """A bracket below two boxes."""
    return f'<path d="M{x1:g} {y:g}v8H{x2:g}v-8" fill="none" stroke="{stroke}" stroke-width="1.5"/>'


MIDDLE = ' text-anchor="middle"'
BOLD = ' font-weight="bold"'
RECENT = 'π<tspan dy="3" font-size="8">r</tspan>'


def figure_policies() -> str:
    """Three policies score one reply; the two ratios between them have two jobs."""
    rows = [
        (2, "sampler", "μ", "wrote the reply", "engine, old weights", "var(--fg-s0)"),
        (
            134,
            "recent",
            RECENT,
            "starts the update",
            "trainer, at first",
            "var(--fg-s1)",
        ),
        (266, "now", "π", "is being updated", "trainer, by now", "var(--fg-s2)"),
    ]
    drawn = ""
    for x, name, letter, does, where, color in rows:
        drawn += box(x, 4, 122, 74, color)
        drawn += text(x + 8, 22, name, color, BOLD) + text(
            x + 114, 22, letter, color, ' text-anchor="end"' + BOLD
        )
        drawn += text(x + 8, 45, does) + text(x + 8, 66, where, MUTED)
    drawn += bracket(63, 188, 84, "var(--fg-s3)") + bracket(202, 327, 84, "var(--fg-s4)")
    for x, ratio, job, how in (
        (
            125,
            f'{RECENT}<tspan dy="-3"> / μ</tspan>',
            "corrects: weight",
            "cut, or drop above a cap",
        ),
        (265, f"π / {RECENT}", "holds back: ratio", "clip to 1 ± 0.2"),
    ):
        drawn += text(x, 110, ratio, more=MIDDLE + BOLD)
        drawn += text(x, 127, job, more=MIDDLE) + text(x, 144, how, MUTED, MIDDLE)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 392 152" '
        f'font-family="sans-serif">{drawn}</svg>'
    )
