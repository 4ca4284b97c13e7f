"""A drawing: the stages, how many titles pass each, and how many good ones each loses."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from snippets.recommenders.overview.funnel import PAGE, STAGES, Widths
from snippets.worlds.world import Array

WIDE, ROW, TOP, MIDDLE = 400, 44, 58, 92
MUTED, COLORS = "var(--fg-muted)", ("var(--fg-s0)", "var(--fg-s1)")
SCALE = 2.1  # units for each title lost of a hundred
NOTES = (
    "factors, cheap",
    "few features",
    "all features",
    "at most 3 a genre",
    "1 place at random",
)


def text(x: float, y: float, words: str, fill: str = "currentColor", anchor: str = "start", bold: bool = False) -> str:  # fmt: skip
    """Words with their baseline at `y`."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="11"{weight}>{escape(words)}</text>'


def passed(titles: int = 300) -> list[int]:
    """Titles before the first stage, and after each."""
    w = Widths()
    return [titles, w.factors + w.content, w.light, PAGE, PAGE, PAGE - w.random]


def half(count: int) -> float:
    """Half of the funnel's width where `count` titles pass."""
    return 8 + 76 * (count / passed()[0]) ** 0.5


def stage(i: int, lost: Mapping[str, Array]) -> str:
    """One stage: its piece of the funnel, its name, and a bar for each world."""
    counts, y = passed(), TOP + i * ROW
    a, b, low = half(counts[i]), half(counts[i + 1]), y + ROW - 8
    drawn = f'<path d="M{MIDDLE - a:.1f} {y}L{MIDDLE + a:.1f} {y}L{MIDDLE + b:.1f} {low}L{MIDDLE - b:.1f} {low}Z" fill="{MUTED}" fill-opacity="0.25" stroke="currentColor"/>'
    drawn += text(
        MIDDLE, y + 22, f"{counts[i + 1]}{'+' * (i == 2)}", anchor="middle", bold=True
    )
    drawn += text(186, y + 15, STAGES[i], bold=True) + text(186, y + 29, NOTES[i], MUTED)
    for k, shares in enumerate(lost.values()):
        share = 100 * float(shares[i])
        drawn += f'<rect x="296" y="{y + 3 + 16 * k}" width="{max(SCALE * share / 2, 1):.1f}" height="12" fill="{COLORS[k]}"/>'
        drawn += text(300 + SCALE * share / 2, y + 13 + 16 * k, f"{share:.0f}", COLORS[k])
    return drawn


def funnel(lost: Mapping[str, Array]) -> str:
    """The whole drawing; `lost` has, for each world, the share that each stage loses."""
    drawn = text(MIDDLE, 28, "300 titles", anchor="middle", bold=True)
    drawn += text(MIDDLE, 46, "titles that pass", MUTED, "middle")
    drawn += text(296, 14, "lost, of 100 best:")
    for k, fame in enumerate(lost):
        kept = 100 * (1 - float(lost[fame].sum()))
        drawn += text(296, 30 + 15 * k, f"{fame}, {kept:.0f} kept", COLORS[k], bold=True)
    drawn += "".join(stage(i, lost) for i in range(len(STAGES)))
    height = TOP + ROW * len(STAGES)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {height}" font-family="sans-serif">{drawn}</svg>'
