"""Checkpointing: how often, from the cost of a save and the time between failures. Standard library only."""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import exp, expm1, sqrt

LLAMA3_DAYS, LLAMA3_GPUS = 54, 16_384
LLAMA3_CAUSES = {  # unexpected interruptions of Llama 3 405B: count, share as printed (table 5)
    "faulty GPU": (148, 30.1),
    "HBM3 memory": (72, 17.2),
    "software bug": (54, 12.9),
    "network switch or cable": (35, 8.4),
    "host maintenance": (32, 7.6),
    "GPU SRAM": (19, 4.5),
    "GPU system processor": (17, 4.1),
    "silent data corruption": (6, 1.4),
    "GPU sensor": (6, 1.4),
    "nine others": (30, 7.3),
}


def mtbf_series(components: Iterable[tuple[int, float]]) -> float:
    """Mean time between failures of a machine that stops when any part does.

    Args:
        components: Pairs of how many there are and the mean time of one, in one unit.
    """
    return 1 / sum(count / hours for count, hours in components)


def mtbf_observed(elapsed: float, failures: int) -> float:
    """Mean time between the failures that were counted, in the unit of `elapsed`."""
    return elapsed / failures


def share(count: int, total: int) -> float:
    """One cause among all failures."""
    return count / total


def mtbf_scaled(mtbf: float, parts: float, target: float) -> float:
    """The same kind of part, another number of them."""
    return mtbf * parts / target


def young(save: float, mtbf: float) -> float:
    """Seconds of training between saves, to first order. Source: Young 1974."""
    return sqrt(2 * save * mtbf)


def daly(save: float, mtbf: float) -> float:
    """The same with two more terms. Source: Daly 2006, equation 37."""
    if save >= 2 * mtbf:
        return mtbf
    ratio = save / (2 * mtbf)
    return sqrt(2 * save * mtbf) * (1 + sqrt(ratio) / 3 + ratio / 9) - save


def optimum(save: float, mtbf: float) -> float:
    """The exact optimum, where 1 - x = exp(-x - save / mtbf) and x = interval / mtbf."""
    low, high = 0.0, 1.0
    for _ in range(100):  # the left side minus the right falls from above zero to below
        x = (low + high) / 2
        low, high = (x, high) if -expm1(-x - save / mtbf) > x else (low, x)
    return low * mtbf


def goodput(interval: float, save: float, mtbf: float, restart: float) -> float:
    """Share of the time that ends up in the model. Source: Daly 2006."""
    segment = mtbf * exp(restart / mtbf) * expm1((interval + save) / mtbf)
    return interval / segment


def simulate(
    interval: float, save: float, mtbf: float, restart: float, segments: int = 20_000
) -> float:
    """Goodput of one long run, with a clock and a die instead of a formula."""
    dice = random.Random(0)
    now, failure = 0.0, dice.expovariate(1 / mtbf)
    for _ in range(segments):
        left = interval + save
        while now + left > failure:
            now = failure
            failure += dice.expovariate(1 / mtbf)
            left = restart + interval + save
        now += left
    return segments * interval / now


def example_optimum() -> None:
    """From a failure a day to one in two minutes, a save of 30 s, a restart of two minutes."""
    print("between              interval, s           goodput with it")
    print("failures       Young    Daly   exact    Young   exact   simulated")
    for name, mtbf in (("1 day", 86_400), ("3 h", 10_800), ("15 min", 900), ("2 min", 120)):
        taus = young(30, mtbf), daly(30, mtbf), optimum(30, mtbf)
        first, exact = (goodput(tau, 30, mtbf, 120) for tau in (taus[0], taus[2]))
        found = simulate(taus[2], 30, mtbf, 120)
        print(
            f"{name:9s}{taus[0]:11.0f}{taus[1]:8.0f}{taus[2]:8.0f}{first:9.1%}{exact:8.1%}{found:12.1%}"
        )


def example_failures() -> None:
    """What stopped Llama 3 405B, counted again."""
    total = sum(count for count, _ in LLAMA3_CAUSES.values())
    print(f"{'unexpected interruptions':26s}count   share   printed")
    for name, (count, printed) in LLAMA3_CAUSES.items():
        print(f"{name:26s}{count:5d}{share(count, total):8.1%}{printed:9.1f}%")
    whole = sum(printed for _, printed in LLAMA3_CAUSES.values())
    print(f"{'all':26s}{total:5d}{1:8.1%}{whole:9.1f}%")


def example_scale() -> None:
    """The rate of Llama 3 at other sizes; 30 s to save, 10 minutes to restart."""
    found = mtbf_observed(LLAMA3_DAYS * 86_400, 419)
    print("   GPUs   hours between failures   interval, min   goodput")
    for gpus in (1_024, 4_096, 16_384, 65_536, 131_072):
        mtbf = mtbf_scaled(found, LLAMA3_GPUS, gpus)
        tau = optimum(30, mtbf)
        print(
            f"{gpus:7,d}{mtbf / 3600:15.1f}{tau / 60:23.1f}{goodput(tau, 30, mtbf, 600):16.1%}"
        )


if __name__ == "__main__":
    example_optimum()
    example_failures()
    example_scale()
