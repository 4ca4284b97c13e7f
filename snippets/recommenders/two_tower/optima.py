"""The scores at which each loss ends, and what they retrieve in two worlds with one log of plays."""

from __future__ import annotations

import functools

import numpy as np
from matplotlib.figure import Figure

from snippets.recommenders.two_tower.drawing import plain
from snippets.worlds.world import Array, World

DAY, TOP = 27, 10
WORLDS = {"liked": World("liked"), "shown": World("shown")}
STRENGTHS = {"corrected": 1.0, "uncorrected": 0.0, "sign flipped": -1.0}


# --8<-- [start:optimum]
def optimum(plays: Array, strength: float) -> Array:
    """The best scores if `strength` x log q was subtracted in training: [M, T]."""
    q = plays.mean(axis=0)  # share of a title among positives, so among negatives: [T]
    scores: Array = np.log(plays) - (1 - strength) * np.log(q)
    return scores


# --8<-- [end:optimum]
# --8<-- [start:overlap]
def overlap(scores: Array, utility: Array, k: int = TOP) -> float:
    """Share of each member's k most useful titles among the k with the highest scores."""
    found = np.argsort(-scores, axis=1)[:, :k]
    useful = np.argsort(-utility, axis=1)[:, :k]
    hits = (found[:, :, None] == useful[:, None, :]).sum(axis=(1, 2))
    return float(hits.mean() / k)


# --8<-- [end:overlap]
def value(scores: Array, utility: Array, k: int = TOP) -> float:
    """Mean utility of the k titles retrieved, as a share of what k titles can have."""
    found = np.take_along_axis(utility, np.argsort(-scores, axis=1)[:, :k], axis=1)
    best = np.sort(utility, axis=1)[:, -k:]
    return float(found.sum() / best.sum())


def head_share(scores: Array, plays: Array, k: int = TOP) -> float:
    """Share of the most played tenth of the titles among those retrieved."""
    popular = np.argsort(-plays.mean(axis=0))[: plays.shape[1] // 10]
    return float(np.isin(np.argsort(-scores, axis=1)[:, :k], popular).mean())


def by_exposure(world: World, day: int = DAY) -> Array:
    """Scores that divide by what was shown, not by what was played: [M, T]."""
    scores: Array = np.log(world.next_play(day)) - np.log(world.exposure(day))
    return scores


def retrieved(fame: str, strength: float) -> float:
    """Overlap at the optimum of one strength, in one world."""
    world = WORLDS[fame]
    return overlap(optimum(world.next_play(DAY), strength), world.utility(DAY))


def example_optima() -> None:
    """Overlap and value of the ten titles in both worlds, and the share of the head."""
    print(f"{'':28s}{'overlap':>14s}{'value':>17s}{'head':>9s}")
    print(f"{'scores':28s}{'liked':>7s}{'shown':>7s}{'liked':>10s}{'shown':>7s}")
    plays = WORLDS["liked"].next_play(DAY)
    rows = {
        f"{name:13s}log p - {1 - c:.0f} log q": {fame: optimum(plays, c) for fame in WORLDS}
        for name, c in STRENGTHS.items()
    }
    rows["by exposure  log p - log e"] = {f: by_exposure(w) for f, w in WORLDS.items()}
    for name, scores in rows.items():
        truth = {fame: world.utility(DAY) for fame, world in WORLDS.items()}
        found = "".join(f"{overlap(scores[f], truth[f]):7.0%}" for f in WORLDS)
        worth = "".join(f"{value(scores[f], truth[f]):7.0%}" for f in WORLDS)
        head = head_share(scores["liked"], plays)
        last = f"{head:9.0%}" if "log e" not in name else ""
        print(f"{name:28s}{found}   {worth}{last}".rstrip())


@functools.cache
def curve(fame: str) -> list[tuple[float, float]]:
    """Overlap by strength, from the flipped sign to the full correction."""
    return [(c, retrieved(fame, c)) for c in np.linspace(-1, 1.25, 46).round(3).tolist()]


def figure_strength() -> Figure:
    """One log, two worlds: overlap with the true top ten over the strength of the correction."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = plain(figure)
    for fame, color in (("liked", "C0"), ("shown", "C1")):
        axes.plot(*zip(*curve(fame), strict=True), color=color, linewidth=2)
        for c in STRENGTHS.values():
            axes.plot(c, retrieved(fame, c), "o", color=color, markersize=5)
    axes.annotate("fame is liking", (0.56, 0.62), color="C0")
    axes.annotate("fame is exposure", (-0.98, 0.62), color="C1")
    axes.set_xticks([-1, 0, 1], ["-1\nsign flipped", "0\nuncorrected", "1\ncorrected"])
    axes.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    axes.set(xlabel="strength of the correction in training", ylim=(-0.04, 1.06))
    axes.set_ylabel("true top ten retrieved")
    return figure


def value_shown() -> float:
    """Value of what the corrected scores retrieve where fame is exposure."""
    world = WORLDS["shown"]
    return value(optimum(world.next_play(DAY), 1.0), world.utility(DAY))


def facts() -> dict[str, str]:
    """Numbers that the page states about the optima."""
    return {
        "corrected_liked": f"{retrieved('liked', STRENGTHS['corrected']):.0%}",
        "corrected_shown": f"{retrieved('shown', STRENGTHS['corrected']):.0%}",
        "uncorrected_liked": f"{retrieved('liked', STRENGTHS['uncorrected']):.0%}",
        "uncorrected_shown": f"{retrieved('shown', STRENGTHS['uncorrected']):.0%}",
        "flipped_liked": f"{retrieved('liked', STRENGTHS['sign flipped']):.0%}",
        "flipped_shown": f"{retrieved('shown', STRENGTHS['sign flipped']):.0%}",
        "value_corrected_shown": f"{value_shown():.0%}",
    }


if __name__ == "__main__":
    example_optima()
