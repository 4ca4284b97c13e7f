"""Titles of unequal length: the metric that an index ranks by, and a graph that loses its way."""
# /// fieldguide
# timeout_s = 120
# tolerance.lengths = {rel = 0.15, reason = "graphs and centroids depend on the order of float sums"}
# tolerance.facts = {rel = 0.15, reason = "graphs and centroids depend on the order of float sums"}
# ///

from __future__ import annotations

import functools

import faiss
import hnswlib
import numpy as np

from snippets.recommenders.two_tower.inverted import K, Rows, catalog, exact, recall
from snippets.worlds.world import Array

SETS = ("equal", "lognormal", "bias", "bias - mean")
TITLES, LISTS = 8_000, 64


@functools.cache
def vectors(kind: str) -> tuple[Array, Array, Rows]:
    """Queries, titles and exact neighbors; a bias is a coordinate, met by a 1 in the query."""
    queries, titles = (
        rows[:TITLES] for rows in catalog(0.5 if kind == "lognormal" else 0.0)
    )
    if kind.startswith("bias"):
        order = np.random.default_rng(3).permutation(len(titles))
        bias = -0.6 * np.log1p(order)
        bias -= np.log(np.exp(bias).sum()) if kind == "bias" else bias.mean()
        queries = np.column_stack([6 * queries, np.ones(len(queries))])
        titles = np.column_stack([titles, bias])
    return queries, titles, exact(queries, titles)


# --8<-- [start:level]
def level(titles: Array) -> Array:
    """One more coordinate makes all lengths equal; a 0 in the query leaves the scores as they are."""
    square = (titles**2).sum(axis=1, keepdims=True)
    missing = np.sqrt(square.max() - square)
    return np.concatenate([titles, missing], axis=1)


# --8<-- [end:level]
@functools.cache
def inverted_recall(kind: str, told: bool) -> float:
    """IVF over an inner-product quantizer, all lists probed; `told` gives it the metric as well."""
    faiss.omp_set_num_threads(1)
    queries, titles, truth = vectors(kind)
    quantizer = faiss.IndexFlatIP(titles.shape[1])
    metric = (faiss.METRIC_INNER_PRODUCT,) if told else ()
    index = faiss.IndexIVFFlat(quantizer, titles.shape[1], LISTS, *metric)
    index.train(titles.astype("float32"))
    index.add(titles.astype("float32"))
    index.nprobe = LISTS
    return recall(index.search(queries.astype("float32"), K)[1], truth)


@functools.cache
def graph_recall(kind: str, leveled: bool, effort: int = 64) -> float:
    """A graph of hnswlib by inner product; `leveled` adds the coordinate and asks by distance."""
    queries, titles, truth = vectors(kind)
    if leveled:
        queries, titles = np.pad(queries, ((0, 0), (0, 1))), level(titles)
    index = hnswlib.Index(space="l2" if leveled else "ip", dim=titles.shape[1])
    index.init_index(len(titles), M=16, ef_construction=100, random_seed=1)
    index.add_items(titles.astype("float32"), num_threads=1)
    index.set_ef(effort)
    found: Rows = index.knn_query(queries.astype("float32"), k=K, num_threads=1)[0].astype(
        np.int64
    )
    return recall(found, truth)


def eclipsed(kind: str) -> float:
    """Share of titles that have a larger inner product with another title than with themselves."""
    _, titles, _ = vectors(kind)
    products = (titles[:2000] @ titles.T).astype(np.float32)
    return float((products.argmax(axis=1) != np.arange(len(products))).mean())


def example_lengths() -> None:
    """Recall at ten by how the lengths of titles vary, for indexes with all that they need or not."""
    print(f"{'lengths':30s}" + "".join(f"{kind:>12s}" for kind in SETS))
    print(
        f"{'nearer to another title':30s}" + "".join(f"{eclipsed(s):12.0%}" for s in SETS)
    )
    for name, told in (("IVF, metric left out", False), ("IVF, inner product", True)):
        print(f"{name:30s}" + "".join(f"{inverted_recall(s, told):12.2f}" for s in SETS))
    for name, leveled, effort in (
        ("HNSW, inner product, ef 64", False, 64),
        ("HNSW, inner product, ef 512", False, 512),
        ("HNSW, leveled, ef 64", True, 64),
    ):
        print(
            f"{name:30s}"
            + "".join(f"{graph_recall(s, leveled, effort):12.2f}" for s in SETS)
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about lengths."""
    return {
        "graph_bias": f"{graph_recall('bias', False):.2f}",
        "graph_bias_centered": f"{graph_recall('bias - mean', False):.2f}",
        "graph_bias_leveled": f"{graph_recall('bias', True):.2f}",
    }


if __name__ == "__main__":
    example_lengths()
