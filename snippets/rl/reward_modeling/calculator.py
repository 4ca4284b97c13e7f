"""Where to stop, by either published form: the calculator of the page. Standard library only."""

from __future__ import annotations

import math
from typing import Annotated, Literal

FAR = 700  # nats


def gold(form: str, d: float, alpha: float, beta: float) -> float:
    """Gold at a distance, by either form."""
    if d == 0:
        return 0.0
    return d * (alpha - beta * (d if form == "best-of-n" else math.log(d)))


def stop(form: str, alpha: float, beta: float) -> float:
    """The distance of the peak."""
    if form == "best-of-n":
        return alpha / (2 * beta)
    return math.exp(min(alpha / beta - 1, 100.0))  # further is too far in any case


def draws(kl: float) -> float:
    """The n whose quoted KL, ln n - (n - 1) / n, is this one."""
    low, high = 0.0, kl + 1.0  # of ln n: the KL is at least ln n - 1
    for _ in range(80):
        middle = (low + high) / 2
        spent = middle - 1 + math.exp(-middle)
        low, high = (low, middle) if spent > kl else (middle, high)
    return math.exp(low)


def when_to_stop(
    form: Literal["best-of-n", "RL"] = "best-of-n",
    alpha: Annotated[float, "reward per √nat", (0.01, 100.0)] = 2.0,
    beta: Annotated[float, "reward per nat", (0.01, 100.0)] = 0.5,
    tried: Annotated[float, "nats", (0.0, 1000.0)] = 2.0,
) -> dict[str, object]:
    """Where does the gold peak, if one of the two published forms holds?

    Args:
        form: Published form. For best-of-n it is d(α − βd), for RL d(α − β ln d).
        alpha: Slope α. Gold per unit of distance at the start of the first form; the distance d is the root of KL.
        beta: Bend β. In the form for RL it is reward per √nat.
        tried: KL tried so far, to which both were fitted.
    """
    d = stop(form, alpha, beta)
    if d**2 > FAR:
        error = ValueError(f"the peak lies beyond {FAR} nats, and no run goes there.")
        error.field = "beta"  # type: ignore[attr-defined]
        raise error
    now, n = gold(form, math.sqrt(tried), alpha, beta), draws(d**2)
    top = 1.6 * max(d, math.sqrt(tried))
    grid = [top * k / 80 for k in range(81)]
    result: dict[str, object] = {
        "KL at the peak": f"{d**2:.2f} nats",
        "gold at the peak": f"{gold(form, d, alpha, beta):.2f}",
        "gold at the KL tried": f"{now:.2f}",
        "peak lies": "within what was tried"
        if d**2 <= tried
        else "beyond what was tried: the form's word alone",
    }
    if form == "best-of-n":
        result["best of"] = f"{n:,.0f} replies" if n < 1e6 else f"{n:.1e} replies"
    result["lines"] = {
        "x": "distance, √nat", "y": "gold",
        "series": {form: [(x, gold(form, x, alpha, beta)) for x in grid]},
        "points": {"peak": (d, gold(form, d, alpha, beta)), "tried": (math.sqrt(tried), now)},
    }  # fmt: skip
    return result
