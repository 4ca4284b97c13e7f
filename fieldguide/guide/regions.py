"""Regions: the named parts of a snippet, and the sections of a recorded output, between their markers."""

import re
from dataclasses import dataclass

from fieldguide.guide.forms import Problem

MARKER = re.compile(r"-+8<-+[ \t]+\[[ \t]*(start|end)[ \t]*:[ \t]*([A-Za-z][\w-]*)[ \t]*\]")
ANY_MARKER = re.compile(r"-+8<-+")


@dataclass(frozen=True)
class Region:
    """One named part of a file."""

    name: str
    line: int  # of the start marker, counted from 1
    end: int  # of the end marker
    lines: tuple[str, ...]  # between the markers, other markers left out


def read(text: str) -> tuple[dict[str, Region], list[Problem]]:
    """Regions of a file by name, in the order in which they begin, and what is wrong with its markers."""
    lines = text.split("\n")
    found: dict[str, Region] = {}
    problems: list[Problem] = []
    opened: dict[str, int] = {}
    for number, written in enumerate(lines, 1):
        if "8<" not in written or ANY_MARKER.search(written) is None:
            continue
        match = MARKER.search(written)
        if match is None:
            fix = "write `# --8<-- [start:name]` and `# --8<-- [end:name]`."
            problems.append(Problem(number, f"the marker `{written.strip()}` cannot be read.", fix))
            continue
        kind, name = match.groups()
        if kind == "start":
            if name in found or name in opened:
                problems.append(Problem(number, f"the region `{name}` starts twice.", "give the second its own name."))
            opened[name] = number
        elif name not in opened:
            fix = f"add `# --8<-- [start:{name}]` above, or delete this line."
            problems.append(Problem(number, f"the region `{name}` ends here but never started.", fix))
        else:
            if (last := next(reversed(opened))) != name:
                message = f"the region `{name}` ends inside the region `{last}`."
                problems.append(Problem(number, message, f"end `{last}` first."))
            start = opened.pop(name)
            inner = tuple(line for line in lines[start : number - 1] if ANY_MARKER.search(line) is None)
            found.setdefault(name, Region(name, start, number, inner))
    for name, line in opened.items():
        fix = f"add `# --8<-- [end:{name}]` after its last line."
        problems.append(Problem(line, f"the region `{name}` never ends.", fix))
    return {region.name: region for region in sorted(found.values(), key=lambda r: r.line)}, sorted(problems)
