"""Recall over the share of the catalog that is compared, for vectors of two kinds."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import functools

import numpy as np
from matplotlib.figure import Figure

from snippets.recommenders.two_tower import inverted, product
from snippets.recommenders.two_tower.drawing import plain
from snippets.worlds.world import World

PROBES = (1, 2, 4, 8, 16, 32, 64, 100)


@functools.cache
def probe_curve(tastes: int) -> list[tuple[float, float]]:
    """Share of the titles compared, and recall at ten, by number of probes."""
    queries, _, titles = World(members=100, titles=10_000, tastes=tastes).places
    truth = inverted.exact(queries, titles)
    index = inverted.build(titles, np.arange(len(titles)), inverted.centroids(titles))
    curve = []
    for probes in PROBES:
        found = np.stack([inverted.search(index, query, probes) for query in queries])
        curve.append((compared(index, queries, probes), inverted.recall(found, truth)))
    return curve


def compared(index: inverted.Inverted, queries: np.ndarray, probes: int) -> float:
    """Share of the titles in the lists that are probed, mean of the queries."""
    sizes = np.array([len(rows) for rows in index.lists])
    nearest = np.argsort(-(queries @ index.centroids.T), axis=1)[:, :probes]
    return float(sizes[nearest].sum(axis=1).mean() / len(index.vectors))


def recall_at(tastes: int, probes: int) -> float:
    """Recall at ten for one number of probes."""
    return dict(zip(PROBES, probe_curve(tastes), strict=True))[probes][1]


@functools.cache
def coded_recall(kept: int) -> float:
    """Share of the exact ten among the best `kept` by eight-byte codes."""
    queries, _, titles = World(members=100, titles=10_000, tastes=32).places
    books = product.codebooks(titles)
    found = product.search_all(queries, product.encode(titles, books), books, kept)
    truth = inverted.exact(queries, titles)
    return float((truth[:, :, None] == found[:, None, :]).any(axis=2).mean())


def example_probes() -> None:
    """Recall at ten by probes of 100 lists, for vectors of 32 and of 8 numbers; below, codes of 8 bytes."""
    print(f"{'probes':10s}" + "".join(f"{n:7d}" for n in PROBES))
    for tastes in (32, 8):
        print(f"{tastes:2d} numbers" + "".join(f"{r:7.2f}" for _, r in probe_curve(tastes)))
    print(
        f"codes: exact ten among the best 10: {coded_recall(10):.2f}, 100: {coded_recall(100):.2f}"
    )


def figure_recall() -> Figure:
    """Recall over the share compared: few numbers per vector make search easy."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = plain(figure)
    for tastes, color in ((8, "C1"), (32, "C0")):
        axes.plot(*zip(*probe_curve(tastes), strict=True), "o-", color=color, markersize=4)
    axes.annotate("8 numbers\nper vector", (0.0105, 0.8), color="C1")
    axes.annotate("32 numbers\nper vector", (0.17, 0.52), color="C0", ha="left")
    axes.set_xscale("log")
    axes.set_xticks([0.01, 0.1, 1], ["1%", "10%", "100%"])
    axes.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    axes.set(
        xlabel="share of the catalog compared", ylabel="exact ten found", ylim=(0, 1.1)
    )
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about probes and codes."""
    return {
        "probes_8_of_32": f"{recall_at(32, 8):.0%}",
        "probes_8_of_8": f"{recall_at(8, 8):.0%}",
        "codes_10": f"{coded_recall(10):.0%}",
        "codes_100": f"{coded_recall(100):.0%}",
    }


if __name__ == "__main__":
    example_probes()
