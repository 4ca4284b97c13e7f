"""What is checked and what is silent, field by field; and the token at which a mistake shows."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

from matplotlib.figure import Figure

from snippets.transformers.modern_architectures.census import census
from snippets.transformers.modern_architectures.strokes import (
    CHECKED,
    MUTED,
    SILENT,
    dot,
    line,
    picture,
    square,
    text,
)
from snippets.transformers.modern_architectures.symptoms import TOKENS, profile
from snippets.transformers.modern_architectures.tiny import TINY, WINDOW

ORDER = ("error", "report", "silence", "nothing")


def fields() -> list[str]:
    """Every field, those that are refused first."""
    found = list(dict.fromkeys(f for ends in census().values() for f in ends))

    def loudness(field: str) -> tuple[float, int]:
        ends = [ORDER.index(c[field]) for c in census().values() if field in c]
        return sum(ends) / len(ends), -len(ends)

    return sorted(found, key=loudness)


def figure_census() -> str:
    """A matrix of fields and models, with a mark for what a changed field does."""
    left, across, step, top = 180, 46, 14, 52
    drawn = square(8, 10) + text(16, 14, "refused", CHECKED)
    drawn += square(78, 10, filled=False) + text(86, 14, "reported", CHECKED)
    drawn += dot(152, 10) + text(161, 14, "silent and wrong", SILENT)
    drawn += text(268, 14, "– no effect", MUTED)
    for i, name in enumerate(TINY):
        first, _, rest = name.replace("-", " ", 1).partition(" ")
        x = left + across * i
        drawn += text(x, 32, first, anchor="middle", size=10)
        drawn += text(x, 43, rest, anchor="middle", size=10)
    for row, field in enumerate(fields()):
        y = top + step * row
        drawn += line(2, y + step / 2, left + across * 4 + 26, y + step / 2).replace(
            "<path", '<path opacity="0.3"'
        )
        drawn += text(2, y + 4, field, size=10)
        for i, name in enumerate(TINY):
            end, x = census()[name].get(field, ""), left + across * i
            if end == "silence":
                drawn += dot(x, y)
            elif end == "nothing":
                drawn += text(x, y + 4, "–", MUTED, "middle")
            elif end:
                drawn += square(x, y, filled=end == "error")
    return picture(left + across * 4 + 30, top + step * len(fields()), drawn)


SHOWN = {
    "1 + w read as w": "C0",
    "rotary pairs read as halves": "C1",
    "windows one layer early": "C2",
    "scores scaled by the head's width": "C3",
    "sinks left at zero": "C4",
}


def figure_onset() -> Figure:
    """KL divergence by token, one line for each mistake."""
    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, color in SHOWN.items():
        median = profile(name).median(0).values
        shown = [(i + 1, v.item()) for i, v in enumerate(median) if v > 1e-9]
        axes.plot(
            *zip(*shown, strict=True), color=color, marker=".", markersize=3, label=name
        )
        axes.plot(*shown[0], color=color, marker="o")
    axes.axvline(WINDOW + 1, color="gray", linewidth=0.8, linestyle=":")
    axes.set(xlabel="token", ylabel="KL from the right model, nats", yscale="log")
    axes.set_xticks([1, WINDOW + 1, 24, TOKENS])
    axes.set_ylim(1e-3, 60)
    axes.legend(ncols=2, fontsize=8, frameon=False, loc="upper right", columnspacing=1)
    return figure
