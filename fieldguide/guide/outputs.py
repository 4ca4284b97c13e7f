"""Recorded outputs: how they are written down, and when two count as the same.

Text and integers must be equal. A printed float may differ by one in its last digit, or by a thousandth. In a line
that ends in `# measured`, numbers stand for whatever this machine yields, and only the rest is compared.
"""

import difflib
import os
import re
import shutil
from collections.abc import Mapping
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

from fieldguide.guide import regions
from fieldguide.guide.forms import Problem, text_of
from fieldguide.guide.project import Breach, BreachError
from fieldguide.runner.snippet import Tolerance

MEASURED = re.compile(r"#\s*measured$")
NUMBER = re.compile(
    r"""
    (?: (?<![\w.)\]]) [+-] )?           # a sign, unless it joins two things: x-1, 3-1
    (?<![\w.])                          # not inside v1.2, Llama3, 1.2.3
    (?: \d{1,3}(?:,\d{3})+ (?!\d) | \d+ )
    (?: \.\d+ )?
    (?: [eE][+-]?\d+ )?
    (?! [\d_] | \.\d )                  # nor the beginning of 1.2.3 or 1_000; a unit may follow: 3.5GB
    """,
    re.X,
)
DEFAULT = Tolerance()
FIX = "delete the file and run `fieldguide record`: recorded output is never written by hand."


def output_file(snippet: Path) -> Path:
    """Where the recorded output of a snippet lies."""
    return snippet.with_suffix(".out.txt")


def parse(path: Path, where: str | None = None) -> dict[str, str]:
    """Read a recorded output, called `where` in messages, into its sections, in order.

    A `BreachError` says if the file is not UTF-8, its markers are wrong, or text stands outside of them.
    """
    text, wrong = text_of(path, "the recorded output")
    sections, problems = regions.read(text)
    outside = set(range(1, text.count("\n") + 2))
    for section in sections.values():
        if section.line not in outside:
            problems.append(Problem(section.line, f"the region `{section.name}` starts inside another."))
        outside -= set(range(section.line, section.end + 1))
    lines = text.split("\n")
    loose = (number for number in sorted(outside) if lines[number - 1].strip())
    problems += [Problem(number, "there is text outside of any section.") for number in loose]
    if wrong or problems:
        first = wrong or min(problems)
        raise BreachError(Breach(where or str(path), first.line, "recorded", first.message, FIX))
    return {name: "\n".join(section.lines) for name, section in sections.items()}


def render(sections: Mapping[str, str]) -> str:
    """The text of a recorded output."""
    return "\n".join(f"# --8<-- [start:{name}]\n{text}\n# --8<-- [end:{name}]\n" for name, text in sections.items())


def first_difference(expected: str, got: str, tolerance: Tolerance = DEFAULT) -> int:
    """Number of the first line that differs by more than it may; 0 if there is none."""
    lines = enumerate(zip_longest(expected.split("\n"), got.split("\n")), 1)
    return next((number for number, (one, other) in lines if not same_line(one, other, tolerance)), 0)


def diff(expected: str, got: str, line: int) -> str:
    """A few lines, from a line on, with `-` for what was recorded and `+` for what came."""
    before, after = expected.split("\n"), got.split("\n")
    if len(before) == len(after):
        pairs = [(n, b, a) for n, (b, a) in enumerate(zip(before, after), 1) if n >= line and b != a]
        lines = [text for n, b, a in pairs[:4] for text in (f"  line {n}", f"- {b}", f"+ {a}")]
        more = len(pairs) - 4
    else:
        changed = [line for line in difflib.ndiff(before, after) if line[0] in "-+"]
        lines, more = changed[:12], len(changed) - 12
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])


def same_line(expected: str | None, got: str | None, tolerance: Tolerance = DEFAULT) -> bool:
    """Whether one printed line may stand for the other; None is a line that is not there."""
    if expected is None or got is None or expected == got:
        return expected == got
    measured = is_measured(expected)
    if measured != is_measured(got):
        return False
    texts, other_texts = NUMBER.split(expected), NUMBER.split(got)
    numbers, other_numbers = NUMBER.findall(expected), NUMBER.findall(got)
    if len(numbers) != len(other_numbers):
        return False
    if not measured and not all(_close(a, b, tolerance) for a, b in zip(numbers, other_numbers)):
        return False
    if [len(number) for number in numbers] != [len(number) for number in other_numbers]:
        # A number that became longer or shorter moves the blanks that align it.
        texts, other_texts = ([" ".join(text.split()) for text in side] for side in (texts, other_texts))
    return texts == other_texts


def is_measured(line: str) -> bool:
    """Whether a line declares that its numbers are this machine's."""
    return MEASURED.search(line) is not None


def keep_measured(recorded: str, fresh: str) -> str:
    """`fresh`, with its measured lines left as recorded if all have kept their shape.

    They would differ every time. All or none, because the lines of a section are of one run: shares of a
    whole, or a time and the time without something.
    """
    before, after = recorded.split("\n"), fresh.split("\n")
    same = (same_line(old, new) for old, new in zip(before, after) if is_measured(new))
    if len(before) != len(after) or not all(same):
        return fresh
    return "\n".join(old if is_measured(new) else new for old, new in zip(before, after))


def _close(expected: str, got: str, tolerance: Tolerance) -> bool:
    """Whether two floats differ by one in the last printed digit at most, or by no more than they may."""
    both = [number.replace(",", "") for number in (expected, got)]
    if expected == got or all(number.lstrip("+-").isdigit() for number in both):
        return expected == got
    a, b = map(float, both)
    last = 10.0 ** min(int(Decimal(number).as_tuple().exponent) for number in both)  # -9 for 1.0e-8
    return abs(a - b) <= max(last, tolerance.rel * max(abs(a), abs(b)), tolerance.abs) * (1 + 1e-9)


def write_atomic(path: Path, text: str) -> None:
    """Replace a file at once: whatever happens, a reader finds the old text or the new, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
