"""Two encodings without a rotation: the sinusoid, added to the input, and ALiBi, added to the scores."""

from __future__ import annotations

import math

from snippets.transformers.position_encoding.frequencies import frequencies


# --8<-- [start:sinusoid]
def sinusoid(position: int, d: int, base: float = 10_000) -> list[float]:
    """Sine and cosine of each pair's angle, added to the embedding of width d."""
    angles = [position * w for w in frequencies(d, base)]
    return [f(a) for a in angles for f in (math.sin, math.cos)]


# --8<-- [end:sinusoid]


def alibi_slopes(heads: int) -> list[float]:
    """Penalty per token of distance, one for each head, as in Press et al. 2022."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    return (
        slopes if power == heads else slopes + alibi_slopes(2 * power)[::2][: heads - power]
    )
