"""What would keep the lost titles, and what that costs: eight layouts of the same funnel."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from snippets.recommenders.overview.calculator import Stage, per_thousand
from snippets.recommenders.overview.charges import worth
from snippets.recommenders.overview.funnel import SEEDS, Service, best, run, service
from snippets.shapes.accelerators import ACCELERATORS
from snippets.worlds.world import Array

LIGHT, HEAVY = 1e6, 500e6  # FLOPs of one score, assumed
SCALE = 50  # the assumed service has that many titles for each title here
REACHED, BUSY, PRICE = 0.1, 0.6, 2.0  # of the peak, of the time, dollars an hour: assumed

LAYOUTS: dict[str, dict[str, int]] = {
    "as it is": {},
    "80 from factors": {"factors": 80},
    "300 from factors: all": {"factors": 300},
    "40 through light": {"light": 40},
    "30 + 10 by content": {"factors": 30, "content": 10},
    "both: 30 + 10, light 40": {"factors": 30, "content": 10, "light": 40},
    "heavy on the catalog": {"factors": 300, "light": 300},
    "no rule": {"per_genre": 10},
    "no random place": {"random": 0},
}


# --8<-- [start:scored]
def scored(it: Service) -> tuple[int, int]:
    """Titles that the light and the heavy ranker score for one request."""
    found = min(it.widths.factors + it.widths.content, it.world.titles)
    kept = min(it.widths.light, found)
    return (0 if kept == found else found), kept  # a stage that drops nothing is left out


def dollars(it: Service) -> float:
    """Dollars of a thousand requests to a service that is `SCALE` times as large."""
    rate = ACCELERATORS["H100"].bf16_tflops * 1e12 * REACHED
    light, heavy = scored(it)
    stages = (Stage(light * SCALE, LIGHT, 0), Stage(heavy * SCALE, HEAVY, 0))
    return per_thousand(sum(stage.chip_seconds(rate) for stage in stages), PRICE, BUSY)


# --8<-- [end:scored]


@lru_cache
def page_plays(fame: str, layout: str) -> list[float]:
    """Plays of the page as a share of the ideal one's, for each seed."""
    made = [service(fame, seed).with_widths(**LAYOUTS[layout]) for seed in SEEDS]
    return [worth(it, run(it)) for it in made]


@lru_cache
def reached(fame: str, layout: str) -> Array:
    """Share of the truly best titles that is left after each stage, the mean over the seeds: [5]."""
    rows = []
    for seed in SEEDS:
        it = service(fame, seed).with_widths(**LAYOUTS[layout])
        good = best(it)
        rows.append([(alive & good).sum() / good.sum() for alive in run(it)])
    left: Array = np.array(rows).mean(0)
    return left


def passes(fame: str, layout: str, stage: int) -> float:
    """Of the truly best titles that reach a stage, the share that it lets pass."""
    left = reached(fame, layout)
    return float(left[stage] / left[stage - 1])


def gain(fame: str, layout: str) -> float:
    """Points of the ideal page's plays that a layout gains, the mean over the seeds."""
    return 100 * float(
        np.mean(page_plays(fame, layout)) - np.mean(page_plays(fame, "as it is"))
    )
