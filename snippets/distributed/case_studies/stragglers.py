"""Case studies: what one slow rank costs thousands, and how MegaScale found it."""

from __future__ import annotations

import random
from statistics import median

from snippets.distributed.case_studies.calculator import expected_max


# --8<-- [start:waits]
def synchronous(times: list[list[float]]) -> tuple[float, list[float], list[float]]:
    """Steps of several ranks: seconds of a step, each rank's own work, and its wait for others.

    Args:
        times: Seconds of work: a row for each step, in it a number for each rank.
    """
    steps, ranks = len(times), len(times[0])
    pace = [max(row) for row in times]  # the collective ends when the last one arrives
    work = [sum(row[r] for row in times) / steps for r in range(ranks)]
    waits = [sum(pace) / steps - own for own in work]
    return sum(pace) / steps, work, waits


# --8<-- [end:waits]


# --8<-- [start:suspects]
def suspects(work: list[float], limit: float = 5.0) -> list[int]:
    """Ranks whose mean work lies far outside: deviations counted from the median.

    1.4826 turns the median deviation into a standard one if the rest is normal.
    """
    middle = median(work)
    spread = 1.4826 * median(abs(w - middle) for w in work)
    return [r for r, w in enumerate(work) if w > middle + limit * spread]


# --8<-- [end:suspects]


def measured(
    ranks: int, steps: int, slow: int | None, by: float = 0.1, spread: float = 0.03
) -> list[list[float]]:
    """Seconds of work, around one, with one rank that is slower by `by`."""
    dice = random.Random(0)
    return [
        [dice.gauss(1.0, spread) + by * (rank == slow) for rank in range(ranks)]
        for _ in range(steps)
    ]


def example_max() -> None:
    """Nobody is slow, work varies by 1% around its mean: loss in percent of the step."""
    print("  ranks   expected maximum   simulated   loss at 1%   in 100 pieces")
    dice = random.Random(0)
    for ranks in (2, 8, 128, 1024, 16_384):
        rounds = max(20, 20_000 // ranks)
        found = (
            sum(max(dice.gauss(0, 1) for _ in range(ranks)) for _ in range(rounds)) / rounds
        )
        most = expected_max(ranks)
        print(f"{ranks:7,d}{most:15.2f} sd{found:12.2f}{most:12.1f}%{10 * most:15.1f}%")


def example_hunt() -> None:
    """64 ranks, rank 41 slower by 10%: what each rank sees, in ms, and who is suspected."""
    print("steps   a step   work of 41   of others   wait of 41   of others   suspects")
    for steps in (1, 5, 50):
        step, work, waits = synchronous(measured(64, steps, 41))
        others = [r for r in range(64) if r != 41]
        mean = [1000 * sum(kind[r] for r in others) / 63 for kind in (work, waits)]
        print(f"{steps:5d}{1000 * step:9.0f}{1000 * work[41]:13.0f}{mean[0]:12.0f}"
              f"{1000 * waits[41]:13.0f}{mean[1]:12.0f}   {suspects(work) or 'nobody'}")  # fmt: skip


def facts() -> dict[str, str]:
    """Numbers that the page states about stragglers."""
    hosts = 12_288 // 8
    step, _, waits = synchronous(measured(64, 50, 41))
    return {
        "max_8": f"{expected_max(8):.2f}",
        "max_16k": f"{expected_max(16_384):.2f}",
        "none_slow": f"{(1 - 0.005) ** hosts:.2%}",
        "forward_bound": f"{55.2 * 0.1 / 3:.1f} points",
        "hunt_step": f"{1000 * step:.0f} ms",
        "hunt_wait": f"{1000 * waits[41]:.0f} ms",
        "hunt_wait_other": f"{1000 * waits[0]:.0f} ms",
    }


if __name__ == "__main__":
    example_max()
    example_hunt()
