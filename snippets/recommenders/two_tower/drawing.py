"""Plain axes for plots, and the two drawings of the page, as SVG text."""

from __future__ import annotations

import itertools

from matplotlib.axes import Axes
from matplotlib.figure import Figure

MUTED, OWN, OTHER = "var(--fg-muted)", "var(--fg-s0)", "var(--fg-s1)"
MIDDLE, BOLD = ' text-anchor="middle"', ' font-weight="bold"'
BATCH = (("Ada", "Alien"), ("Ben", "Brazil"), ("Cem", "Alien"), ("Dia", "Clue"))


def plain(figure: Figure) -> Axes:
    """The axes of a figure, without the upper and the right line."""
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def text(x: float, y: float, words: str, fill: str = "currentColor", more: str = "") -> str:
    """Words with their baseline at `y`."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" font-size="11"{more}>{words}</text>'


def box(
    x: float,
    y: float,
    wide: float,
    high: float,
    stroke: str,
    fill: str = "none",
    opacity: float = 1,
) -> str:
    """A rectangle, empty unless it has a filling."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="3" fill="{fill}" '
        f'fill-opacity="{opacity:g}" stroke="{stroke}" stroke-width="1.2"/>'
    )


def dot(x: float, y: float, fill: str, radius: float = 2.6) -> str:
    """A title in a panel."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}"/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, wide: float = 1) -> str:
    """A straight line."""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}" stroke-width="{wide:g}"/>'


def svg(wide: int, high: int, drawn: str) -> str:
    """The whole picture."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif">{drawn}</svg>'


def figure_batch() -> str:
    """A batch of four plays: whose title is whose negative."""
    left, top, wide, high = 92, 50, 62, 26
    drawn = text(4, top - 10, "user tower", MUTED) + text(left, 14, "title tower", MUTED)
    for row, (member, own) in enumerate(BATCH):
        y = top + row * (high + 4)
        drawn += box(4, y, 74, high, "currentColor") + text(41, y + 17, member, more=MIDDLE)
        x = left + row * (wide + 4)
        drawn += box(x, 20, wide, 22, "currentColor") + text(
            x + wide / 2, 35, own, more=MIDDLE
        )
        for column, (_, title) in enumerate(BATCH):
            x = left + column * (wide + 4)
            color = OWN if column == row else OTHER if title == "Alien" else MUTED
            mark = (
                "played" if column == row else "played too" if title == own else "negative"
            )
            drawn += box(x, y, wide, high, color, color, 0.18 if color != MUTED else 0)
            drawn += text(x + wide / 2, y + 17, mark, color, MIDDLE)
    drawn += text(4, 188, "Alien was played twice, so it fills two columns:", OTHER)
    drawn += text(
        4, 203, "the more a title is played, the more often it is a negative.", OTHER
    )
    return svg(364, 210, drawn)


SPOTS = [((7 * i) % 23 * 3.4 + 8, (11 * i) % 19 * 4.0 + 8) for i in range(30)]


def panel(left: float, name: str, what: str, drawn: str) -> str:
    """One kind of index: its picture, its name, and what a query compares."""
    frame = box(left, 2, 94, 94, MUTED)
    return f"{frame}{drawn}{text(left + 47, 111, name, more=MIDDLE + BOLD)}{text(left + 47, 126, what, MUTED, MIDDLE)}"


def figure_kinds() -> str:
    """Four kinds of index, and what a query compares in each."""
    query = (60.0, 60.0)
    flat = "".join(dot(2 + x, 4 + y, OWN) for x, y in SPOTS)
    lists = line(150, 2, 150, 96, MUTED) + line(102, 40, 196, 66, MUTED)
    lists += "".join(
        dot(102 + x, 4 + y, OWN if x > 48 and y > 46 + 0.27 * (x - 45) else MUTED)
        for x, y in SPOTS
    )
    codes = ""
    for row in range(6):
        for part in range(4):
            codes += box(
                216 + part * 16,
                10 + row * 13,
                13,
                10,
                OWN,
                OWN,
                0.15 + 0.2 * ((row * 3 + part * 5) % 4),
            )
    nearest = sorted(
        SPOTS, key=lambda spot: (spot[0] - query[0]) ** 2 + (spot[1] - query[1]) ** 2
    )
    path = [nearest[rank] for rank in (29, 21, 11, 4, 0)]
    graph = "".join(dot(302 + x, 4 + y, MUTED) for x, y in SPOTS)
    for (x1, y1), (x2, y2) in itertools.pairwise(path):
        graph += line(302 + x1, 4 + y1, 302 + x2, 4 + y2, OWN, 1.5)
    graph += "".join(dot(302 + x, 4 + y, OWN, 3.2) for x, y in path)
    mark = "".join(
        text(left + query[0], 6 + query[1], "×", OTHER, MIDDLE + BOLD)
        for left in (2, 102, 302)
    )
    drawn = panel(2, "flat", "all titles", flat) + panel(102, "IVF", "some lists", lists)
    drawn += panel(202, "PQ", "all, as bytes", codes) + panel(
        302, "HNSW", "along links", graph
    )
    return svg(398, 132, drawn + mark)
