"""Best-of-n against a judge of pass and fail: what it brings, what it spends, and the beta that does the same."""

from __future__ import annotations

import math
from typing import Annotated


def binary_kl(q: float, p: float) -> float:
    """KL of a coin with chance q from one with chance p."""
    parts = ((q, p), (1 - q, 1 - p))
    return sum(a * math.log(a / b) for a, b in parts if a > 0)


def best_of_n(
    n: Annotated[int, "replies", (1, 10_000)] = 16,
    right: Annotated[float, "%", (0.1, 99.0)] = 12.7,
    missed: Annotated[float, "%", (0.0, 60.0)] = 10.0,
    fooled: Annotated[float, "%", (0.0, 60.0)] = 10.0,
) -> dict[str, object]:
    """What does best-of-n bring, and which beta gives as many passes, if the judge says the same of a reply each time?

    Args:
        n: Replies drawn to each prompt, $n$.
        right: Right replies of the reference. The share of single draws that are right.
        missed: Right replies that the judge fails.
        fooled: Wrong replies that the judge passes. A verdict is drawn anew for each draw.
    """
    rate, miss, fool = right / 100, missed / 100, fooled / 100
    good, bad = rate * (1 - miss), (1 - rate) * fool
    passes = good + bad

    def best(k: int) -> tuple[float, float]:
        """Passed, and right."""
        none = (1 - passes) ** k
        return 1 - none, (1 - none) * good / passes + none * rate * miss / (1 - passes)

    passed, found = best(n)
    odds = (
        math.log(passed / (1 - passed)) - math.log(passes / (1 - passes))
        if passed < 1
        else math.inf
    )
    grid = sorted(
        {round(2 ** (k / 2)) for k in range(2 * math.ceil(math.log2(max(n, 64))) + 1)}
    )
    return {
        "right replies": f"{found:.1%}",
        "passed replies": f"{passed:.1%}",
        "right replies at most, however large n": f"{good / passes:.1%}",
        "KL of the verdicts": f"{binary_kl(passed, passes):.3f} nats",
        "ln n − (n − 1)/n": f"{math.log(n) - (n - 1) / n:.3f} nats",
        "β of a policy, if verdicts are fixed": "none" if odds == 0 else f"{1 / odds:.3f}",
        "lines": {
            "x": "replies drawn", "y": "share",
            "series": {
                "passed": [(float(k), best(k)[0]) for k in grid],
                "right": [(float(k), best(k)[1]) for k in grid],
            },
            "points": {"yours": (float(n), found)},
        },
    }  # fmt: skip
