"""A trie of codes: which code may follow which prefix, so that each path ends at a title."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Allowed = Callable[[tuple[int, ...]], Iterable[int]]


# --8<-- [start:trie]
class Trie:
    """Children of each prefix, and the titles at each full one."""

    def __init__(self, codes: Codes) -> None:
        self.children: dict[tuple[int, ...], set[int]] = defaultdict(set)
        self.titles: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for title, row in enumerate(codes.tolist()):
            for level, code in enumerate(row):
                self.children[tuple(row[:level])].add(code)
            self.titles[tuple(row)].append(title)

    def allowed(self, prefix: tuple[int, ...]) -> list[int]:
        """The codes that lead on from `prefix` to a title."""
        return sorted(self.children.get(prefix, ()))


# --8<-- [end:trie]
# --8<-- [start:pairs]
def pairs(codes: Codes) -> Allowed:
    """A look-alike: what may follow is asked of the level and the last code alone."""
    follows: dict[tuple[int, int], set[int]] = defaultdict(set)
    for row in codes.tolist():
        for level, code in enumerate(row):
            follows[level, row[level - 1] if level else -1].add(code)
    return lambda prefix: sorted(follows[len(prefix), prefix[-1] if prefix else -1])


# --8<-- [end:pairs]
