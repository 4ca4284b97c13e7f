"""PPO: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated


# --8<-- [start:rest]
def resting_ratio(chance: float, clip: float = 0.2, good: bool = True) -> float:
    """Ratio of a lone good or bad token once its siblings are at their clip (chance at most 1/2)."""
    siblings = (1 - clip if good else 1 + clip) * (1 - chance)
    return max(0.0, 1 - siblings) / chance


# --8<-- [end:rest]


def objective(
    ratio: float, gain: float, low: float, high: float, dual: float = 0.0
) -> float:
    """PPO's objective of one token; with `dual`, a floor for bad tokens of a large ratio."""
    clipped = min(max(ratio, 1 - low), 1 + high)
    least = min(ratio * gain, clipped * gain)
    return max(least, dual * gain) if dual and gain < 0 else least


def region(ratio: float, gain: float, low: float, high: float, dual: float = 0.0) -> str:
    """What the objective does with a token."""
    if gain == 0:
        return "no advantage"
    if gain < 0 and dual and ratio > dual:
        return "silent: beyond the second clip"
    if (gain > 0 and ratio > 1 + high) or (gain < 0 and ratio < 1 - low):
        return "silent: clipped"
    if 1 - low <= ratio <= 1 + high:
        return "has a gradient, inside the clip"
    return "has a gradient, outside, and is led back"


def pull(ratio: float, gain: float, low: float, high: float, dual: float = 0.0) -> float:
    """Slope of the objective by the log-probability."""
    return ratio * gain if region(ratio, gain, low, high, dual).startswith("has") else 0.0


def plane(
    ratio: Annotated[float, "", (0.01, 20.0)] = 1.3,
    advantage: Annotated[float, "", (-10.0, 10.0)] = 1.0,
    chance: Annotated[float, "%", (0.01, 99.99)] = 10.0,
    *,
    low: Annotated[float, "", (0.0, 1.0)] = 0.2,
    high: Annotated[float, "", (0.0, 10.0)] = 0.2,
    dual: Annotated[float, "", (0.0, 100.0)] = 0.0,
) -> dict[str, object]:
    """Does this token still have a gradient, and how far can others carry it?

    Args:
        ratio: Ratio of the token, $w$. The token's probability now over that when it was drawn.
        advantage: Advantage of the token, $A$. Above 0 the token should become likelier.
        chance: Probability when drawn. It decides how far siblings can carry the token.
        low: Lower clip. The range begins at one minus this number.
        high: Upper clip. The range ends at one plus this number.
        dual: Second clip. For bad tokens of a large ratio; 0 for none, 3 in verl.
    """
    p = chance / 100
    far = resting_ratio(p, low if advantage >= 0 else high, advantage >= 0)
    slope = pull(ratio, advantage, low, high, dual)
    x = sorted({i / 20 for i in range(1, 81)} | {1 - low, 1 + high, ratio})
    return {
        "this token": region(ratio, advantage, low, high, dual),
        "pull on its log-probability": f"{slope:+.2f}" if slope else "0",
        "its objective": f"{objective(ratio, advantage, low, high, dual):.2f}",
        "its own gradient ends at": f"{1 + high:.2f}" if advantage >= 0 else f"{1 - low:.2f}",
        "siblings can carry it to": f"{far:.2f} times its probability, {far * p:.2%}",
        "lines": {
            "x": "ratio", "y": "objective",
            "series": {"objective": [(i, objective(i, advantage, low, high, dual)) for i in x]},
            "points": {"yours": (ratio, objective(ratio, advantage, low, high, dual))},
        },
    }  # fmt: skip
