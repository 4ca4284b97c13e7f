# /// fieldguide
# timeout_s = 60
# ///
"""Train on what you showed: rounds of serving and training, and what a dashboard sees of it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.figure import Figure

from snippets.recommenders.overview.charges import WORLDS
from snippets.recommenders.overview.funnel import PAGE, SEEDS, top
from snippets.recommenders.overview.models import (
    content,
    factor_scores,
    features,
    ranker,
    tables,
)
from snippets.recommenders.overview.plots import loop
from snippets.worlds.log import examined, record
from snippets.worlds.world import Array, World

ROUNDS, HELD = 6, 0.2  # share of the plays that is held out
VISITS = {"liked": 200, "shown": 20}  # of each member in a round
LOOKS = examined(PAGE)


@dataclass(frozen=True)
class Round:
    """What is seen of one round, each as a share."""

    coverage: float  # titles that are on anybody's page
    offline: float  # recall at 10 of plays that were held out of the same log
    worth: float  # plays of the page, of the ideal page's
    ideal: float  # titles that are on anybody's ideal page


# --8<-- [start:round]
def a_round(
    chance: Array, scores: Array, visits: int, random: int, draw: np.random.Generator
) -> tuple[Array, Array]:
    """Plays and looks when each member sees the best titles, the last places at random: [M, T]."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, : PAGE - random]
    looks = np.zeros_like(chance)
    np.put_along_axis(looks, order, visits * LOOKS[: PAGE - random], axis=1)
    looks += visits * LOOKS[PAGE - random :].sum() / chance.shape[1]
    return draw.poisson(chance * looks).astype(np.float64), looks


# --8<-- [end:round]


# --8<-- [start:loop]
def rounds(fame: str, seed: int, model: str, random: int = 0) -> list[Round]:
    """Serve, train on the round's log, serve again; tastes and catalog stand still."""
    world = World(fame, members=120, titles=150, drift=0.0, new=0.0, seed=seed)
    plays, looks = tables(world, record(world, VISITS[fame] * world.members, slice_=0.0))
    chance, vectors = world.utility(0), content(world)
    draw, seen, before = np.random.default_rng([seed, 8]), [], (plays, looks)
    for _ in range(ROUNDS):
        held = draw.binomial(plays.astype(np.int64), HELD)
        kept, kept_looks = plays - held, looks * (1 - HELD)
        if model == "plays":
            scores = factor_scores(kept)
        else:  # plays per look, and content
            past = features(*before, vectors)
            before = before[0] + kept, before[1] + kept_looks
            scores = ranker(past, kept, kept_looks, features(*before, vectors))
        seen.append(view(scores, held.astype(np.float64), chance))
        plays, looks = a_round(chance, scores, VISITS[fame], random, draw)
    return seen


# --8<-- [end:loop]


def view(scores: Array, held: Array, chance: Array) -> Round:
    """Coverage, offline recall and worth of the pages of the best ten."""
    everywhere = np.ones(chance.shape, dtype=bool)
    page, wanted = top(scores, everywhere, PAGE), top(chance, everywhere, PAGE)
    worth = (chance * page).sum() / (chance * wanted).sum()
    offline = (held * page).sum() / held.sum()
    return Round(page.any(0).mean(), offline, worth, wanted.any(0).mean())


RATES = "plays per look, content"
MODELS = {
    "plays": ("plays", 0),
    "plays, one random place": ("plays", 1),
    RATES: ("rates", 0),
}


@lru_cache
def history(fame: str, name: str) -> list[list[Round]]:
    """The rounds of each seed."""
    return [rounds(fame, seed, *MODELS[name]) for seed in SEEDS]


def level(fame: str, name: str, column: str, at: int) -> float:
    """Mean over the seeds of one number of one round."""
    return float(np.mean([getattr(run[at], column) for run in history(fame, name)]))


def example_rounds() -> None:
    """First and last round, for three ways to train."""
    print(f"{'':32s}coverage       offline recall    page's worth")
    print(f"{'world   trained on':32s}" + "first   last    " * 3)
    for fame in WORLDS:
        for name in MODELS:
            cells = [f"{level(fame, name, column, at):6.1%}  " for column in ("coverage", "offline", "worth") for at in (0, -1)]  # fmt: skip
            print(f"{fame:8s}{name:24s}" + "".join(cells))
        print(f"{fame:8s}{'the ideal pages':24s}{level(fame, 'plays', 'ideal', 0):6.1%}")


def figure_rounds() -> Figure:
    """The world of exposure, trained on plays and on plays per look, round by round."""

    def shares(name: str, column: str) -> list[float]:
        return [level("shown", name, column, number) for number in range(ROUNDS)]

    return loop(
        {
            "offline recall": ("C3", "-", shares("plays", "offline")),
            "coverage": ("C0", "-", shares("plays", "coverage")),
            "worth": ("C2", "-", shares("plays", "worth")),
            "worth, plays per look": ("C2", "--", shares(RATES, "worth")),
        }
    )


def facts() -> dict[str, str]:
    """What the page says of the loop."""
    return {
        "coverage_first": f"{level('shown', 'plays', 'coverage', 0):.0%}",
        "coverage_last": f"{level('shown', 'plays', 'coverage', -1):.0%}",
        "offline_first": f"{level('shown', 'plays', 'offline', 0):.0%}",
        "offline_last": f"{level('shown', 'plays', 'offline', -1):.0%}",
        "worth_last": f"{level('shown', 'plays', 'worth', -1):.0%}",
        "worth_rates": f"{level('shown', RATES, 'worth', -1):.0%}",
        "offline_rates": f"{level('shown', RATES, 'offline', -1):.0%}",
        "ideal_liked": f"{level('liked', 'plays', 'ideal', 0):.0%}",
    }


if __name__ == "__main__":
    example_rounds()
