"""Every field altered in turn: what the library says when the same weights are loaded."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

from textwrap import fill

from snippets.transformers.modern_architectures.loading import heard
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
from snippets.transformers.modern_architectures.tiny import TINY

ENDS = ("error", "report", "silence", "nothing")


def census() -> dict[str, dict[str, str]]:
    """The outcome of every change, by model and field."""
    return {name: {f: end for f, (end, _) in heard(name).items()} for name in TINY}


def warned(end: str) -> dict[str, list[str]]:
    """Messages of changes that end in this way, and the models and fields that they concern."""
    found: dict[str, list[str]] = {}
    for name in TINY:
        for field, (how, message) in heard(name).items():
            if how == end and message:
                found.setdefault(message, []).append(f"{name}: {field}")
    return found


def counted(name: str) -> dict[str, int]:
    """How many changes end in each way."""
    ends = list(census()[name].values())
    return {end: ends.count(end) for end in ENDS}


def total(end: str = "") -> int:
    """Changes of all five models that end in this way, or all of them."""
    counts = [counted(name) for name in TINY]
    return sum(c[end] if end else sum(c.values()) for c in counts)


def example_census() -> None:
    """How many fields of each configuration end in an error, a report, silence, or nothing."""
    print(f"{'':14}{'error':>7}{'report':>8}{'silence':>9}{'nothing':>9}")
    for name in TINY:
        print(
            f"{name:14}"
            + "".join(
                f"{n:{width}}"
                for n, width in zip(counted(name).values(), (7, 8, 9, 9), strict=True)
            )
        )


def example_log() -> None:
    """What the log says where the report is empty."""
    for end in ("silence", "nothing"):
        found = warned(end)
        count = sum(len(places) for places in found.values())
        print(f"{end}: {count} of {total(end)} changes with a line in the log")
        for message, places in found.items():
            print("\n".join(f"  {place}" for place in places))
            print(fill(message, 76, initial_indent="    ", subsequent_indent="    "))


def fields() -> list[str]:
    """Every field, those that are refused first."""
    found = list(dict.fromkeys(f for ends in census().values() for f in ends))

    def loudness(field: str) -> tuple[float, int]:
        ends = [ENDS.index(c[field]) for c in census().values() if field in c]
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


def facts() -> dict[str, str]:
    """How the changes of all models end."""
    return {
        "changes": f"{total()}",
        "refused": f"{total('error')}",
        "reported": f"{total('report')}",
        "silent": f"{total('silence')}",
    }


if __name__ == "__main__":
    example_census()
    example_log()
