"""Our indexes, plans and canaries against faiss and hnswlib."""

import faiss
import numpy as np
import pytest

from snippets.recommenders.two_tower import engines, inverted, planner, product, takedown, unequal
from snippets.recommenders.two_tower.planner import Plan


@pytest.fixture(scope="module")
def data():
    faiss.omp_set_num_threads(1)
    queries, titles = inverted.catalog()
    return queries[:50].astype("float32"), titles[:3000].astype("float32")


def test_exact_neighbors_are_those_of_faiss_flat(data):
    queries, titles = data
    index = faiss.IndexFlatIP(titles.shape[1])
    index.add(titles)
    assert np.array_equal(inverted.exact(queries, titles), index.search(queries, inverted.K)[1])


@pytest.mark.parametrize("probes", [1, 3, 20])
def test_our_inverted_file_returns_what_faiss_returns_with_the_same_centroids(data, probes):
    queries, titles = data
    centroids = inverted.centroids(titles.astype(np.float64), 20).astype("float32")
    quantizer = faiss.IndexFlatIP(titles.shape[1])
    quantizer.add(centroids)
    theirs = faiss.IndexIVFFlat(quantizer, titles.shape[1], 20, faiss.METRIC_INNER_PRODUCT)
    theirs.is_trained = True
    names = np.arange(3000) + 500
    theirs.add_with_ids(titles, names)
    theirs.nprobe = probes
    ours = inverted.build(titles, names, centroids)
    found = np.stack([inverted.search(ours, query, probes) for query in queries])
    assert np.array_equal(found, theirs.search(queries, inverted.K)[1])


def test_our_codes_and_scores_are_those_of_faiss_with_the_same_codebooks(data):
    queries, titles = data
    books = product.codebooks(titles.astype(np.float64)).astype("float32")
    theirs = faiss.IndexPQ(titles.shape[1], product.PARTS, 8, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(books.ravel(), theirs.pq.centroids)
    theirs.is_trained = True
    theirs.add(titles)
    codes = product.encode(titles, books)
    assert np.array_equal(codes, theirs.pq.compute_codes(titles))
    scores, found = theirs.search(queries, 5)
    for query, score, rows in zip(queries, scores, found, strict=True):
        ours = product.lookup_scores(query, codes, books)
        assert np.allclose(ours[rows], score, rtol=1e-4, atol=1e-5)
        assert ours[rows[-1]] >= np.sort(ours)[-5] - 1e-5


@pytest.mark.parametrize(
    ("factory", "plan"),
    [
        ("Flat", Plan("flat", 3000, 32)),
        ("PQ8np", Plan("PQ", 3000, 32, code_bytes=8)),
        ("IVF20,Flat", Plan("IVF", 3000, 32, lists=20)),
        ("IVF20,PQ8np", Plan("IVF-PQ", 3000, 32, lists=20, code_bytes=8)),
        ("HNSW16", Plan("HNSW", 3000, 32, links=16)),
    ],
)
def test_planned_bytes_are_those_that_faiss_writes(data, factory, plan):
    _, titles = data
    index = faiss.index_factory(32, factory, faiss.METRIC_INNER_PRODUCT)
    index.train(titles)
    index.add(titles)
    planned = plan.vectors * planner.bytes_per_vector(plan) + planner.shared_bytes(plan)
    written = len(faiss.serialize_index(index))
    assert written == pytest.approx(planned, rel=0.08 if plan.kind == "HNSW" else 0.01, abs=600)


def test_planned_distances_are_those_that_faiss_counts(data):
    queries, titles = data
    index = faiss.index_factory(32, "IVF20,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(titles)
    index.add(titles)
    index.nprobe = 5
    faiss.cvar.indexIVF_stats.reset()
    index.search(queries, 10)
    counted = faiss.cvar.indexIVF_stats.ndis / len(queries) + 20
    assert planner.distances(Plan("IVF", 3000, 32, 20, 5)) == pytest.approx(counted, rel=0.1)


def test_the_table_of_indexes():
    rows = engines.rows()
    assert rows["flat"].recall == rows["IVF, 100 of 100"].recall == 1.0
    assert rows["IVF, 1 of 100"].recall < rows["IVF, 8 of 100"].recall < rows["IVF, 32 of 100"].recall < 1
    assert rows["HNSW, ef 16"].recall < 0.8
    assert rows["HNSW, ef 128"].recall > 0.95
    assert rows["hnswlib, ef 128"].recall > 0.95
    assert rows["HNSW, ef 128"].distances < rows["IVF, 32 of 100"].distances < rows["flat"].distances
    assert rows["PQ, 8 bytes"].bytes < 20 < rows["flat"].bytes < rows["HNSW, ef 16"].bytes
    assert all(measured.milliseconds > 0 for measured in rows.values())


def test_an_outer_index_without_its_metric_ranks_by_distance():
    for kind in unequal.SETS:
        assert unequal.inverted_recall(kind, told=True) == 1.0
    assert unequal.inverted_recall("equal", told=False) == 1.0
    assert max(unequal.inverted_recall(kind, told=False) for kind in unequal.SETS[1:]) < 0.6


def test_a_bias_as_a_coordinate_loses_a_graph_and_leveling_finds_it_again():
    assert unequal.graph_recall("bias", leveled=False) < 0.15
    assert unequal.graph_recall("bias", leveled=False, effort=512) < 0.4
    assert 0.4 < unequal.graph_recall("bias - mean", leveled=False) < 0.85
    assert unequal.graph_recall("bias", leveled=True) > 0.95
    assert unequal.graph_recall("bias - mean", leveled=True) > 0.95
    assert unequal.graph_recall("lognormal", leveled=True) < 0.4
    assert unequal.graph_recall("lognormal", leveled=False) > 0.9
    assert unequal.eclipsed("equal") == 0 < unequal.eclipsed("bias - mean") < unequal.eclipsed("bias")


def test_leveled_vectors_have_one_length_and_the_same_scores():
    queries, titles, _ = unequal.vectors("lognormal")
    leveled = unequal.level(titles)
    lengths = np.linalg.norm(leveled, axis=1)
    assert np.allclose(lengths, lengths[0], rtol=1e-12)
    assert np.allclose(np.pad(queries, ((0, 0), (0, 1))) @ leveled.T, queries @ titles.T, rtol=1e-12, atol=1e-12)


def test_a_constant_in_the_bias_changes_no_ranking():
    trained, centered = unequal.vectors("bias"), unequal.vectors("bias - mean")
    assert np.array_equal(trained[2], centered[2])
    q = np.exp(trained[1][:, -1])
    assert q.sum() == pytest.approx(1)
    assert centered[1][:, -1].mean() == pytest.approx(0, abs=1e-12)


def test_two_bookkeepers_of_which_one_moves():
    assert takedown.right("IDMap,Flat", 2000) == takedown.right("IVF10,Flat", 2000) == 1.0
    assert takedown.right("IDMap,IVF10,Flat", 2000) == 0.0
    names, found = takedown.answers("IDMap,IVF10,Flat", 2250)
    assert np.array_equal(found[names < 2250], names[names < 2250])
    assert np.array_equal(found[names > 2250][:-1], names[names > 2250][:-1] + 1)
    assert found[-1] == -1


@pytest.mark.parametrize("module", [unequal, takedown])
def test_facts_have_values(module):
    facts = module.facts()
    assert facts
    assert all(0 <= float(value.rstrip("%")) <= 100 for value in facts.values())
