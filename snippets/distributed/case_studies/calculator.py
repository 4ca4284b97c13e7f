"""Case studies: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from math import erfc, exp, pi, sqrt
from typing import Annotated


# --8<-- [start:expected_max]
def expected_max(n: int, width: float = 9.0, cells: int = 4000) -> float:
    """Expected largest of n independent standard normal numbers, in standard deviations.

    The integral of x n f(x) F(x)^(n-1), by Simpson's rule; F close to 1 needs erfc.
    """
    if n == 1:
        return 0.0
    h = 2 * width / cells
    total = 0.0
    for i in range(cells + 1):
        x = -width + i * h
        density = exp(-x * x / 2) / sqrt(2 * pi)
        below = 1 - erfc(x / sqrt(2)) / 2
        weight = 1 if i in (0, cells) else 4 if i % 2 else 2
        total += weight * x * n * density * below ** (n - 1)
    return total * h / 3


# --8<-- [end:expected_max]


def stragglers(
    ranks: Annotated[int, "", (1, 200_000)] = 16_384,
    spread: Annotated[float, "%", (0.0, 20.0)] = 1.0,
    slow_hosts: Annotated[float, "%", (0.0, 20.0)] = 0.5,
    slower_by: Annotated[float, "%", (0.0, 100.0)] = 10.0,
    *,
    host: Annotated[int, "", (1, 72)] = 8,
    dollars: Annotated[float, "$/GPU-hour", (0.0, 50.0)] = 2.0,
) -> dict[str, object]:
    """How much of a synchronous step is waiting for the slowest?

    Args:
        ranks: Accelerators of the job, $n$. They wait for each other once a step.
        spread: Variation of a healthy rank's work. Standard deviation, from step to step.
        slow_hosts: Hosts that are always slower.
        slower_by: Extra time of a slow host.
        host: Accelerators of a host.
        dollars: Rent of an accelerator.
    """
    hosts = max(1, ranks // host)
    present = 1 - (1 - slow_hosts / 100) ** hosts
    jitter = spread / 100 * expected_max(ranks)
    slow = slower_by / 100
    with_slow = max(
        jitter, slow
    )  # a lower bound: the slow one's own variation comes on top
    step = 1 + present * with_slow + (1 - present) * jitter
    rows: list[list[object]] = [["GPUs", "a slow host is there", "the step takes"]]
    for n in (8, 128, 1024, 16_384, 131_072):
        p = 1 - (1 - slow_hosts / 100) ** max(1, n // host)
        j = spread / 100 * expected_max(n)
        rows.append([n, f"{100 * p:.1f}%", f"{1 + p * max(j, slow) + (1 - p) * j:.3f}"])
    return {
        "the step takes": f"{step:.3f} of the mean work",
        "waiting": f"{100 * (1 - 1 / step):.1f}% of the time",
        "from variation alone": f"{100 * jitter:.1f}%",
        "chance that a slow host is in the job": f"{100 * present:.1f}%",
        "cost of waiting": f"${ranks * dollars * 24 * (1 - 1 / step):,.0f} a day",
        "table": rows,
        "unused": [] if slow_hosts else ["slower_by", "host"],
    }
