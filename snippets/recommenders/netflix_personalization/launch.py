"""A new title: what its ID knows after some days, what its description knows at once, and both."""

# /// fieldguide
# timeout_s = 90
# ///

from __future__ import annotations

import functools
from statistics import fmean, stdev

import numpy as np
from matplotlib.figure import Figure

from snippets.recommenders.netflix_personalization.crowd import (
    audience,
    describe,
    members_of,
)
from snippets.recommenders.netflix_personalization.drawing import plain, steps
from snippets.worlds.log import record
from snippets.worlds.world import Array, World

SEEDS, AGES = range(5), (0, 1, 3, 7)
MEMBERS, TITLES, SESSIONS = 400, 200, 20_000
EAGER, PATIENT, PLAYS = (
    10.0,
    100.0,
    12.0,
)  # rows, rows and plays that a description is worth
WAYS = (
    "fallback",
    "ID alone",
    "description",
    "both, 10 rows",
    "both, 100 rows",
    "both, 12 plays",
)


# --8<-- [start:half]
def half_step(x: Array, played: Array, prior: Array, rows: float) -> Array:
    """A title's vector from its log, pulled to `prior` as by `rows` more: [F]."""
    gram = x.T @ x + rows * np.eye(len(prior))
    moved: Array = prior + np.linalg.solve(gram, x.T @ (played - x @ prior))
    return moved
    # --8<-- [end:half]


@functools.cache
def found(fame: str, seed: int) -> dict[tuple[int, str], float]:
    """Share of its audience found, by days since launch and way, mean of the new titles."""
    world = World(fame, members=MEMBERS, titles=TITLES, new=0.2, seed=seed)
    log = record(world, SESSIONS, seed=seed)
    truth = [world.utility(day) for day in range(world.days)]
    members, content = members_of(world, log), describe(world)

    ends = np.bincount(log.title, minlength=TITLES).cumsum()
    by_title = np.split(np.argsort(log.title, kind="stable"), ends[:-1])

    def learn(title: int, until: int, prior: Array, strength: float) -> Array:
        rows = by_title[title]
        rows = rows[log.day[rows] < until]
        x, played = members[log.member[rows]], log.played[rows].astype(np.float64)
        return half_step(x, played, prior, strength)

    nothing, rate = np.zeros(members.shape[1]), float(log.played.mean())
    old = np.flatnonzero(world.launch == 0).tolist()
    late = (world.launch > 3) & (world.launch < world.days - max(AGES))
    known = np.array([learn(title, world.days, nothing, EAGER) for title in old])
    to_vector = np.linalg.solve(
        content[old].T @ content[old] + np.eye(content.shape[1]), content[old].T @ known
    )
    shares = {(age, way): list[float]() for age in AGES for way in WAYS}
    for title in np.flatnonzero(late).tolist():
        prior = content[title] @ to_vector
        for age in AGES:
            day = int(world.launch[title]) + age
            vectors = (
                known.mean(axis=0),
                learn(title, day, nothing, EAGER),
                prior,
                learn(title, day, prior, EAGER),
                learn(title, day, prior, PATIENT),
                learn(title, day, prior, PLAYS / rate),
            )
            for way, vector in zip(WAYS, vectors, strict=True):
                shares[age, way].append(audience(members @ vector, truth[day][:, title]))
    return {key: fmean(values) for key, values in shares.items()}


def mean_found(fame: str, age: int, way: str) -> float:
    """The same, mean over the seeds."""
    return fmean(found(fame, seed)[age, way] for seed in SEEDS)


def example_launch() -> None:
    """Share of its best audience found, by days since launch: mean of five seeds, and spread."""
    print(f"{'days since launch':22s}" + "".join(f"{age:7d}" for age in AGES) + "   spread")
    for fame in ("shown", "liked"):
        print(f"popular titles are {fame} more")
        for way in WAYS:
            seeds = [[found(fame, seed)[age, way] for age in AGES] for seed in SEEDS]
            means = [fmean(column) for column in zip(*seeds, strict=True)]
            spread = max(stdev(column) for column in zip(*seeds, strict=True))
            print(f"  {way:20s}" + "".join(f"{m:7.2f}" for m in means) + f"{spread:9.2f}")


def figure_launch() -> Figure:
    """The share of its audience that a new title finds, by days since launch."""
    figure = Figure(figsize=(5.2, 2.8), layout="constrained")
    axes = plain(figure)[0]
    lines = {way: [mean_found("shown", age, way) for age in AGES] for way in WAYS}
    spots = ((2, 0, 5), (1, 8, -8), (0, 6, 9), (1, 6, 13), (2, 4, -10))
    for color, (way, (at, right, up)) in enumerate(zip(WAYS, spots, strict=False)):
        axes.plot(lines[way], color=f"C{color}", marker="o", markersize=3)
        axes.annotate(
            way, (at, lines[way][at]), xytext=(right, up), textcoords="offset points",
            color=f"C{color}", fontsize=9,
        )  # fmt: skip
    steps(axes, [str(age) for age in AGES])
    axes.set_xlabel("days since launch")
    axes.set_ylabel("share of its audience found")
    axes.set_ylim(0, 0.7)
    return figure


def facts() -> dict[str, str]:
    """Numbers of the page about a new title."""
    return {
        "described": f"{mean_found('shown', 0, 'description'):.2f}",
        "eager_day": f"{mean_found('shown', 1, 'both, 10 rows'):.2f}",
        "patient_day": f"{mean_found('shown', 1, 'both, 100 rows'):.2f}",
        "id_week": f"{mean_found('shown', 7, 'ID alone'):.2f}",
        "described_liked": f"{mean_found('liked', 7, 'description'):.2f}",
        "plays_liked": f"{mean_found('liked', 7, 'both, 12 plays'):.2f}",
        "patient_liked": f"{mean_found('liked', 7, 'both, 100 rows'):.2f}",
    }
