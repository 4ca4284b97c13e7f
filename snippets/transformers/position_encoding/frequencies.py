"""How fast each pair of a head turns, and what five scalings do to it. Standard library only."""

from __future__ import annotations

import math


# --8<-- [start:default]
def frequencies(d: int, base: float) -> list[float]:
    """Radians per token of each of the d/2 pairs, fastest first."""
    return [base ** (-2 * i / d) for i in range(d // 2)]


def wavelengths(w: list[float]) -> list[float]:
    """Tokens of one full turn of each pair."""
    return [2 * math.pi / x for x in w]


# --8<-- [end:default]


# --8<-- [start:simple]
def interpolated(d: int, base: float, s: float) -> list[float]:
    """Position interpolation: every pair turns s times more slowly."""
    return [x / s for x in frequencies(d, base)]


def ntk(d: int, base: float, s: float) -> list[float]:
    """A larger base: the first pair keeps its speed, the last turns s times more slowly."""
    return frequencies(d, base * s ** (d / (d - 2)))


# --8<-- [end:simple]


# --8<-- [start:yarn]
def yarn_range(
    d: int, base: float, trained: int, fast: float, slow: float, whole: bool = True
) -> tuple[float, float]:
    """First and last pair of the ramp: `fast` and `slow` turns in the trained context."""
    low, high = (
        d * math.log(trained / (turns * 2 * math.pi)) / (2 * math.log(base))
        for turns in (fast, slow)
    )
    if whole:  # `truncate` in a configuration
        low, high = math.floor(low), math.ceil(high)
    return max(low, 0), min(high, d - 1)


def yarn(
    d: int,
    base: float,
    s: float,
    trained: int,
    fast: float = 32,
    slow: float = 1,
    whole: bool = True,
) -> list[float]:
    """Fast pairs keep their speed, slow ones are interpolated, those between are mixed."""
    low, high = yarn_range(d, base, trained, fast, slow, whole)
    mixed = []
    for i, w in enumerate(frequencies(d, base)):
        ramp = min(max((i - low) / max(high - low, 0.001), 0), 1)  # 0: keep, 1: interpolate
        mixed.append(w * (1 - ramp) + w / s * ramp)
    return mixed


def yarn_scale(s: float) -> float:
    """Factor on queries and on keys, so that scores grow by its square."""
    return 0.1 * math.log(s) + 1 if s > 1 else 1.0


# --8<-- [end:yarn]


# --8<-- [start:llama3]
def llama3(
    d: int, base: float, s: float, trained: int, low: float = 1, high: float = 4
) -> list[float]:
    """As YaRN, but mixed by turns: interpolated below `low` turns, kept above `high`."""
    scaled = []
    for w in frequencies(d, base):
        turns = trained * w / (2 * math.pi)
        keep = min(max((turns - low) / (high - low), 0), 1)
        scaled.append(w * keep + w / s * (1 - keep))
    return scaled


# --8<-- [end:llama3]


# --8<-- [start:reach]
def unfinished(w: list[float], trained: int) -> list[int]:
    """Pairs that do not complete a turn within the trained context."""
    return [i for i, length in enumerate(wavelengths(w)) if length > trained]


def reach(w: list[float], scaled: list[float], trained: int) -> float:
    """Longest distance at which no pair shows an angle that training did not."""
    slow = unfinished(w, trained)
    return trained * min((w[i] / scaled[i] for i in slow), default=math.inf)


# --8<-- [end:reach]


def partial(d: int, base: float, share: float) -> list[float]:
    """Frequencies of a head of which only the first `share` is rotated."""
    return frequencies(int(d * share), base)


def dynamic_ntk(d: int, base: float, s: float, trained: int, length: int) -> list[float]:
    """NTK with a factor that grows with the length of the sequence, as in `transformers`."""
    return ntk(d, base, s * max(length, trained) / trained - (s - 1))


def longrope_scale(s: float, trained: int) -> float:
    """Factor that LongRoPE puts on queries and keys."""
    return math.sqrt(1 + math.log(s) / math.log(trained))
