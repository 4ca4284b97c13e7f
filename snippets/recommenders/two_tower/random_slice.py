"""What a slice of random slots says about popularity: liked, shown, or how much of each."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from snippets.recommenders.two_tower.optima import DAY, WORLDS, optimum, overlap
from snippets.worlds.log import SLOTS, Log, record
from snippets.worlds.world import Array

SESSIONS = {"liked": 120_000, "shown": 40_000}  # about as many plays in both
SLICE, Z = 0.05, 1.96  # share of random pages; standard errors of a 95% interval


@dataclass(frozen=True)
class Slice:
    """Popularity in the usual log, and what happened in the random slots."""

    log_q: Array  # [T]
    shown: Array  # times that a title stood in a random slot: [T]
    played: Array  # [T]


def split(log: Log, titles: int) -> Slice:
    """Counts of a log; half a play is added to each title's usual ones, so that none has zero."""
    usual = np.bincount(log.title[log.played & ~log.random], minlength=titles) + 0.5
    shown = np.bincount(log.title[log.random], minlength=titles)
    played = np.bincount(log.title[log.random & log.played], minlength=titles)
    return Slice(
        np.log(usual / usual.sum()), shown.astype(np.float64), played.astype(np.float64)
    )


# --8<-- [start:slope]
def slope(data: Slice, rounds: int = 30) -> tuple[float, float]:
    """The b for which random slots are played in proportion to q^b, and its standard error."""
    b, x, plays = 0.0, data.log_q, data.played.sum()
    for _ in range(rounds):
        weight = data.shown * np.exp(b * (x - x.max()))
        expected = plays * weight / weight.sum()  # plays of each title, if b is right
        mean = (expected * x).sum() / plays
        spread = (expected * (x - mean) ** 2).sum()
        b += float(((data.played - expected) * x).sum() / spread)  # Newton's step
    error = np.sqrt((data.played * (x - mean) ** 2).sum()) / spread
    return b, float(error)


# --8<-- [end:slope]
# --8<-- [start:needed]
def pages_needed(error: float, pages: int, half_width: float) -> float:
    """Random pages for an interval of +- half_width, from a pilot's standard error."""
    return pages * (Z * error / half_width) ** 2


# --8<-- [end:needed]
@functools.cache
def pilot(fame: str, seed: int = 0) -> tuple[Slice, int]:
    """One month of a service: its slice, and the random pages in it."""
    log = record(WORLDS[fame], SESSIONS[fame], SLICE, seed)
    return split(log, WORLDS[fame].titles), int(log.random.sum()) // SLOTS


def interval(fame: str, seed: int = 0) -> tuple[float, float, float]:
    """Slope, and the ends of its 95% interval."""
    b, error = slope(pilot(fame, seed)[0])
    return b, b - Z * error, b + Z * error


def needed(fame: str) -> float:
    """Random pages for an interval of +-0.25."""
    data, pages = pilot(fame)
    return pages_needed(slope(data)[1], pages, 0.25)


def advised(fame: str) -> float:
    """Overlap if the slope is the strength of the correction."""
    world = WORLDS[fame]
    scores = optimum(world.next_play(DAY), slope(pilot(fame)[0])[0])
    return overlap(scores, world.utility(DAY))


def example_slices() -> None:
    """Pages and plays of the slice, the slope with its interval, pages for +-0.25, and the overlap."""
    print(
        f"{'':8s}{'random pages':>13s}{'plays':>7s}{'slope':>7s}{'95% interval':>16s}{'pages for ±0.25':>18s}{'overlap':>9s}"
    )
    for fame in WORLDS:
        data, pages = pilot(fame)
        b, low, high = interval(fame)
        print(
            f"{fame:8s}{pages:13,d}{data.played.sum():7,.0f}{b:7.2f}{low:9.2f} to {high:.2f}"
            f"{needed(fame):15,.0f}{advised(fame):12.0%}"
        )


@functools.cache
def surface(name: str) -> Slice:
    """The slice of one of two surfaces."""
    fame, seed, pages = {"home": ("shown", 11, 8_000), "kids": ("liked", 12, 80_000)}[name]
    return split(record(WORLDS[fame], pages, SLICE, seed), WORLDS[fame].titles)


def example_surfaces() -> None:
    """Plays per 1,000 random slots by fifth of the titles, the most played first, and the slope."""
    for name in ("home", "kids"):
        data = surface(name)
        fifths = np.array_split(np.argsort(-data.log_q), 5)
        rates = [1000 * data.played[some].sum() / data.shown[some].sum() for some in fifths]
        b, error = slope(data)
        print(
            f"{name}: {data.shown.sum() / SLOTS:6,.0f} random pages, {data.played.sum():4,.0f} plays in them"
        )
        print("  plays per 1,000 slots " + "".join(f"{rate:7.1f}" for rate in rates))
        print(f"  slope {b:.2f} ± {Z * error:.2f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the slice."""
    return {
        "slope_liked": f"{interval('liked')[0]:.2f}",
        "slope_shown": f"{interval('shown')[0]:.2f}",
        "pages_liked": f"{needed('liked'):,.0f}",
        "pages_shown": f"{needed('shown'):,.0f}",
        "advised_liked": f"{advised('liked'):.0%}",
        "advised_shown": f"{advised('shown'):.0%}",
    }


if __name__ == "__main__":
    example_slices()
    example_surfaces()
