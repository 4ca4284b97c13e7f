"""Numbers that Netflix and others printed, redone, and what follows from them."""

from __future__ import annotations

import math
from statistics import NormalDist


def improvement(before: float, after: float) -> float:
    """By how much of itself an error fell."""
    return 1.0 - after / before


def goal(before: float, wanted: float) -> float:
    """The error that an improvement by a share leaves."""
    return before * (1.0 - wanted)


def density(ratings: int, users: int, items: int) -> float:
    """Share of a matrix that is filled."""
    return ratings / (users * items)


# --8<-- [start:lift]
def widest(lift: float, p: float, level: float = 0.95) -> tuple[float, float]:
    """The widest interval around a lift that a two-sided p-value below `p` allows."""
    error = abs(lift) / NormalDist().inv_cdf(1 - p / 2)
    half = error * NormalDist().inv_cdf((1 + level) / 2)
    return lift - half, lift + half


def speedup(saved: float) -> float:
    """How many times as fast something is whose time fell by a share."""
    return 1.0 / (1.0 - saved)
    # --8<-- [end:lift]


# --8<-- [start:scale]
def same_by_size(gain: float, grown: float, wanted: float) -> float:
    """Growth that a power law needs for `wanted`, if growing `grown` times gave `gain`."""
    return grown ** (math.log1p(-wanted) / math.log1p(-gain))


def decoding_share(layers: int, width: int, vocabulary: int) -> float:
    """Share of a token's matrix FLOPs in the output layer: 12 L h² against V h."""
    body, output = 12 * layers * width**2, vocabulary * width
    return output / (body + output)
    # --8<-- [end:scale]


def per_member(total: float, members: float) -> float:
    """Events or tokens for each member."""
    return total / members


def covered(context: float, total: float, members: float) -> float:
    """Share of an average member's events that a context holds."""
    return min(1.0, context / per_member(total, members))


def needed(start: float, gain: float, grown: float, wanted: float) -> float:
    """Parameters at which size alone gives `wanted`, from a model of `start`."""
    return start * same_by_size(gain, grown, wanted)


def facts() -> dict[str, str]:
    """What the page derives from published numbers."""
    low, high = widest(0.24, 0.001)
    return {
        "prize": f"{improvement(0.9525, 0.8567):.2%}",
        "prize_mixed": f"{improvement(0.9514, 0.8567):.2%}",
        "prize_blend": f"{improvement(0.9525, 0.855476):.2%}",
        "lift_low": f"{low:.2f}%",
        "lift_high": f"{high:.2f}%",
        "faster": f"{speedup(0.2):.2f}",
        "grown": f"{per_member(900, 120):.1f}",
        "size_needed": f"{same_by_size(0.013, 7.5, 0.069):,.0f}",
        "size_trillions": f"{needed(0.12e-3, 0.013, 7.5, 0.069):.0f} trillion",
        "fewer_misranked": f"{improvement(0.09, 0.08):.0%}",
        "events_low": f"{per_member(100e9, 300e6):,.0f}",
        "events_high": f"{per_member(1_000e9, 300e6):,.0f}",
        "window_most": f"{covered(300, 100e9, 300e6):.0%}",
        "window_least": f"{covered(300, 1_000e9, 300e6):.0%}",
        "tokens_each": f"{per_member(2e12, 300e6):,.0f}",
        "output_million": f"{decoding_share(6, 1024, 1_000_000):.0%}",
        "backbone_growth": f"{per_member(1e9, 2e6):.0f}",
        "token_ratio": f"{per_member(16, 4):.0f}",
    }
