"""Six indexes of faiss and one of hnswlib over the same titles: recall, bytes, distances, time."""
# /// fieldguide
# timeout_s = 120
# tolerance.indexes = {rel = 0.15, reason = "graphs and centroids depend on the order of float sums"}
# ///

from __future__ import annotations

import functools
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import hnswlib
import numpy as np

from snippets.recommenders.two_tower.inverted import LISTS, K, Rows, catalog, exact, recall

LINKS, BUILD = 16, 100  # of the graphs: links per title, candidates while it is built
COUNTERS: Any = faiss.cvar


@dataclass(frozen=True)
class Measured:
    """What one index costs, and what it finds."""

    recall: float
    bytes: float  # per title, of the file
    distances: float  # computed per query; not counted by hnswlib
    milliseconds: float  # per query, one thread


@functools.cache
def data() -> tuple[np.ndarray, np.ndarray, Rows]:
    """Queries and titles in float32, and the exact neighbors."""
    queries, titles = catalog()
    return queries.astype("float32"), titles.astype("float32"), exact(queries, titles)


def counted(kind: str, queries: int) -> float:
    """Distances per query since the last reset, by faiss's own counters."""
    if kind.startswith("HNSW"):
        return float(COUNTERS.hnsw_stats.ndis) / queries
    stats = COUNTERS.indexIVF_stats
    return float(stats.ndis + LISTS * stats.nq) / queries


@functools.cache
def built(kind: str) -> Any:
    """A faiss index of the titles, by its factory string; np spares PQ a slow extra step."""
    faiss.omp_set_num_threads(1)
    _, titles, _ = data()
    index: Any = faiss.index_factory(titles.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    index.train(titles)
    index.add(titles)
    return index


@functools.cache
def measure(kind: str, effort: int = 0) -> Measured:
    """One index; effort is the probes, or ef of a graph."""
    queries, titles, truth = data()
    index = built(kind)
    if kind.startswith("IVF"):
        index.nprobe = effort
    elif kind.startswith("HNSW"):
        index.hnsw.efSearch = effort
    COUNTERS.indexIVF_stats.reset()
    COUNTERS.hnsw_stats.reset()
    start = time.perf_counter()
    _, found = index.search(queries, K)
    spent = time.perf_counter() - start
    scan = kind.startswith(("Flat", "PQ"))
    return Measured(
        recall=recall(found, truth),
        bytes=len(faiss.serialize_index(index)) / len(titles),
        distances=len(titles) if scan else counted(kind, len(queries)),
        milliseconds=1000 * spent / len(queries),
    )


@functools.cache
def measure_hnswlib(effort: int) -> Measured:
    """The graph of hnswlib."""
    queries, titles, truth = data()
    index = hnswlib.Index(space="ip", dim=titles.shape[1])
    index.init_index(len(titles), M=LINKS, ef_construction=BUILD, random_seed=1)
    index.add_items(titles, num_threads=1)
    index.set_ef(effort)
    start = time.perf_counter()
    found, _ = index.knn_query(queries, k=K, num_threads=1)
    spent = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        index.save_index(f"{folder}/graph")
        size = Path(f"{folder}/graph").stat().st_size / len(titles)
    return Measured(
        recall(found.astype(np.int64), truth), size, np.nan, 1000 * spent / len(queries)
    )


def rows() -> dict[str, Measured]:
    """All indexes of the table."""
    found = {"flat": measure("Flat")}
    for probes in (1, 8, 32, LISTS):
        found[f"IVF, {probes} of {LISTS}"] = measure(f"IVF{LISTS},Flat", probes)
    found["PQ, 8 bytes"] = measure("PQ8np")
    found[f"IVF, 32 of {LISTS}, PQ 8"] = measure(f"IVF{LISTS},PQ8np", 32)
    for ef in (16, 128):
        found[f"HNSW, ef {ef}"] = measure(f"HNSW{LINKS}", ef)
    found["hnswlib, ef 128"] = measure_hnswlib(128)
    return found


def example_indexes() -> None:
    """Recall at ten, bytes per title, distances per query; below, milliseconds per query."""
    found = rows()
    print(f"{'':24s}{'recall@10':>10s}{'bytes':>8s}{'distances':>11s}")
    for name, m in found.items():
        last = "" if np.isnan(m.distances) else f"{m.distances:11,.0f}"
        print(f"{name:24s}{m.recall:10.2f}{m.bytes:8.0f}{last}")
    print("milliseconds per query")
    for name, m in found.items():
        print(f"{name:24s}{m.milliseconds:8.3f}  # measured")


if __name__ == "__main__":
    example_indexes()
