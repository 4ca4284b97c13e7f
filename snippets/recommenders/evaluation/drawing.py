"""The page's two mechanisms, as SVG text: choices on the way to a number, and what a split lets out."""

from __future__ import annotations

MUTED, TEXT = "var(--fg-muted)", "currentColor"
MIDDLE, BOLD = ' text-anchor="middle"', ' font-weight="bold"'

STEPS = (
    ("log", "plays; which slots, who chose them", "var(--fg-s3)"),
    ("split", "what the model may know", "var(--fg-s1)"),
    ("candidates", "all items, or a sample of them", "var(--fg-s0)"),
    ("order", "what happens to ties and NaN", "var(--fg-s0)"),
    ("value", "gain, cut, ideal list, denominator", "var(--fg-s0)"),
    ("mean", "which users; empty ones 0, 1 or skipped", "var(--fg-s0)"),
)


def svg(wide: int, high: int, drawn: str) -> str:
    """A drawing of a given size."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" '
        f'font-family="sans-serif">{drawn}</svg>'
    )


def text(x: float, y: float, words: str, fill: str = TEXT, more: str = "") -> str:
    """Words with their baseline at `y`."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" font-size="11"{more}>{words}</text>'


def rect(
    x: float, y: float, wide: float, high: float, stroke: str, fill: str = "none"
) -> str:
    """A rectangle with round corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="4" '
        f'fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>'
    )


def figure_choices() -> str:
    """Six choices between a log and a number, by the question that they decide."""
    drawn = ""
    for i, (name, words, color) in enumerate(STEPS):
        y = 6 + 34 * i
        drawn += rect(4, y, 82, 24, color) + text(45, y + 16, name, TEXT, MIDDLE + BOLD)
        drawn += text(96, y + 16, words)
        if i < len(STEPS) - 1:
            drawn += f'<path d="M45 {y + 25}v7" stroke="{MUTED}" stroke-width="1.5" fill="none"/>'
    for y, high, words, color in (
        (6, 24, "predicts?", "var(--fg-s3)"), (40, 24, "honest?", "var(--fg-s1)"), (74, 126, "comparable?", "var(--fg-s0)"),
    ):  # fmt: skip
        drawn += f'<path d="M322 {y}h6v{high}h-6" fill="none" stroke="{color}" stroke-width="1.5"/>'
        drawn += text(334, y + high / 2 + 4, words, color, BOLD)
    return svg(416, 208, drawn)


MEMBERS = ((14, 4, "Ann"), (92, 4, "Bob"), (176, 4, "Cleo"), (236, 4, "Dan"))
STEP = 16  # between two plays of a member


def figure_known() -> str:
    """What leave-one-out and the order of time let a model know about Bob's last play."""
    drawn = ""
    for top, title in ((0, "leave-one-out"), (124, "day by day")):
        drawn += text(4, top + 14, title, TEXT, BOLD)
        question = 92 + 3 * STEP + 60
        for row, (start, plays, name) in enumerate(MEMBERS):
            y = top + 34 + 20 * row
            drawn += text(4, y + 4, name, MUTED)
            for i in range(plays):
                x = start + 60 + STEP * i
                asked = name == "Bob" and i == plays - 1
                tested = i == plays - 1
                known = not tested if top == 0 else x < question
                if asked:
                    drawn += text(x, y + 5, "?", "var(--fg-s1)", MIDDLE + BOLD)
                    continue
                fill = (
                    "none"
                    if not known
                    else "var(--fg-s3)"
                    if x > question
                    else "var(--fg-s0)"
                )
                stroke = MUTED if not known else fill
                drawn += f'<circle cx="{x}" cy="{y}" r="5" fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>'
        drawn += f'<path d="M{question} {top + 24}V{top + 104}" stroke="var(--fg-s1)" stroke-dasharray="3 3"/>'
    drawn += text(412, 14, "known from later", "var(--fg-s3)", ' text-anchor="end"')
    drawn += text(412, 138, "known from before", "var(--fg-s0)", ' text-anchor="end"')
    drawn += text(412, 242, "time →", MUTED, ' text-anchor="end"')
    return svg(416, 248, drawn)
