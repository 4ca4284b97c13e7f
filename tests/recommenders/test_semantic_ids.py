"""Codes against faiss and scikit-learn, the block against PyTorch's, beams against all titles, losses against a library."""

from collections import Counter
from itertools import permutations, product

import faiss
import numpy as np
import pytest
import torch
from scipy import linalg, stats
from sklearn.cluster import KMeans
from sklearn.metrics import r2_score
from sklearn.neighbors import NearestNeighbors
from torch import nn
from transformers import PrefixConstrainedLogitsProcessor
from vector_quantize_pytorch import ResidualVQ

from snippets.recommenders.semantic_ids import (
    beam,
    calculator,
    capacity,
    collapse,
    content,
    decoder,
    quality,
    residual,
    rqvae,
    training,
    trie,
    vectors,
    versions,
)

faiss.omp_set_num_threads(1)


@pytest.fixture(scope="module")
def placed():
    return vectors.trained()


@pytest.fixture(scope="module")
def books(placed):
    return residual.fit(placed, 3, 16, 0)


# Vectors


def test_the_vectors_hold_the_chi_squared_statistic_of_the_table():
    counted = np.random.default_rng(0).poisson(2.0, size=(30, 12)) + 1.0
    found = vectors.vectors(counted, width=12)
    weight = counted.sum(0) / counted.sum()
    statistic = counted.sum() * (weight[:, None] * found**2).sum()
    assert statistic == pytest.approx(stats.chi2_contingency(counted, correction=False).statistic, rel=1e-9)


def test_distances_of_the_vectors_are_those_of_the_titles_profiles():
    counted = np.random.default_rng(1).poisson(2.0, size=(30, 12)) + 1.0
    found, member = vectors.vectors(counted, width=12), counted.sum(1) / counted.sum()
    profiles = counted / counted.sum(0)
    for a, b in ((0, 1), (3, 11)):
        expected = ((profiles[:, a] - profiles[:, b]) ** 2 / member).sum()
        assert ((found[a] - found[b]) ** 2).sum() == pytest.approx(expected, rel=1e-9)


def test_a_table_counts_the_plays():
    log = vectors.plays(vectors.OLD)
    counted = vectors.table(log, 1_000, 300)
    pairs = Counter(zip(log.member.tolist(), log.title.tolist(), strict=True))
    assert counted.sum() == len(log.title)
    for (member, title), times in list(pairs.items())[:50]:
        assert counted[member, title] == times
    assert log.day.min() == 0
    assert log.day.max() == 13


def test_vectors_are_turned_as_scipy_turns_them(placed):
    new = vectors.trained(vectors.NEW)
    rotation, _ = linalg.orthogonal_procrustes(new, placed)
    assert np.allclose(vectors.turn(new, placed), new @ rotation, atol=1e-12)
    mixed = placed @ stats.ortho_group(4, seed=0).rvs()
    assert np.allclose(vectors.turn(mixed, placed), placed, atol=1e-9)


def test_neighbors_are_those_of_scikit_learn(placed):
    theirs = NearestNeighbors(n_neighbors=11).fit(placed).kneighbors(return_distance=False)[:, :10]
    assert np.array_equal(np.sort(vectors.neighbors(placed)), np.sort(theirs))


def test_the_plays_place_titles_as_the_world_does(placed):
    """Ten nearest by the log against ten nearest in truth: far above the 10 of 299 of chance."""
    truth = vectors.neighbors(vectors.world().places[2])
    unit = placed / np.linalg.norm(placed, axis=1, keepdims=True)
    found = vectors.neighbors(unit)
    assert np.mean([len({*a} & {*b}) / 10 for a, b in zip(found.tolist(), truth.tolist(), strict=True)]) > 0.4


# Codes


def test_codes_are_those_of_faiss_with_a_beam_of_one(placed, books):
    quantizer = faiss.ResidualQuantizer(4, 3, 4)
    quantizer.max_beam_size, quantizer.is_trained = 1, True
    faiss.copy_array_to_vector(books.astype(np.float32).ravel(), quantizer.codebooks)
    packed = quantizer.compute_codes(placed.astype(np.float32))
    bits = np.unpackbits(packed, axis=1, bitorder="little")[:, :12].reshape(-1, 3, 4)
    ours = residual.encode(placed, books)
    assert np.array_equal((bits * 2 ** np.arange(4)).sum(-1), ours)
    assert np.allclose(quantizer.decode(packed), residual.decode(ours, books), atol=1e-5)


def test_clusters_are_those_of_scikit_learn(placed):
    start = placed[:16]
    theirs = KMeans(16, init=start, n_init=1, max_iter=5, tol=0, algorithm="lloyd").fit(placed)
    assert np.allclose(residual.cluster(placed, start, 5), theirs.cluster_centers_, atol=1e-9)


def test_a_center_without_vectors_restarts_at_the_worst_served_one():
    points = np.array([[0.0], [1.0], [10.0], [11.0], [30.0]])
    start = np.array([[0.5], [500.0], [10.5], [600.0]])
    moved = residual.cluster(points, start, 1)
    assert moved[1, 0] == 30.0  # the farthest from its center, then the next
    assert moved[3, 0] in points
    assert len(np.unique(residual.nearest(points, residual.cluster(points, start, 10)))) == 4


def test_each_level_is_k_means_on_what_is_left(placed, books):
    rest = placed
    for centers in books:
        assert np.allclose(residual.cluster(rest, centers, 1), centers, atol=0.05)
        rest = rest - centers[residual.nearest(rest, centers)]
    levels = [((placed - residual.decode(residual.encode(placed, books[:q]), books[:q])) ** 2).sum() for q in (1, 2, 3)]
    assert levels[0] > 3 * levels[1] > 9 * levels[2] > 0


def test_a_warm_start_begins_where_it_is_told(placed, books):
    assert np.array_equal(residual.fit(placed, 3, 16, 5, start=books, rounds=0), books)


# Capacity


@pytest.mark.parametrize(("items", "tuples"), [(3, 4), (5, 3)])
def test_chances_are_those_of_all_assignments(items, tuples):
    every = [Counter(drawn) for drawn in product(range(tuples), repeat=items)]
    assert capacity.distinct(items, tuples) == pytest.approx(np.mean([len(c) for c in every]) / items)
    single = np.mean([sum(n == 1 for n in c.values()) for c in every]) / items
    assert capacity.alone(items, tuples) == pytest.approx(single)


def test_bytes_are_those_of_pytorchs_tables():
    with torch.device("meta"):
        atomic = nn.Embedding(10_000_000, 128, dtype=torch.bfloat16)
        coded = nn.Embedding(4 * 256, 128, dtype=torch.bfloat16)
    assert capacity.atomic_bytes(10_000_000, 128, 2) == atomic.weight.nbytes
    assert capacity.gigabytes(atomic.weight.nbytes) == pytest.approx(2.56)
    stored = np.dtype("u1").itemsize * 4 * 10_000_000
    assert capacity.coded_bytes(10_000_000, 4, 256, 128, 2) == coded.weight.nbytes + stored


def test_random_codes_share_tuples_as_often_as_expected():
    rng = np.random.default_rng(0)
    shares = [len(np.unique(rng.integers(0, 16, (300, 3)), axis=0)) / 300 for _ in range(200)]
    assert np.mean(shares) == pytest.approx(capacity.distinct(300, capacity.capacity(3, 16)), abs=0.003)


def test_the_calculator_gives_what_the_functions_give():
    said = calculator.semantic_codes(items=1_000, levels=2, size=64, width=32, dtype="fp32", spread=50.0)
    assert said["tuples"] == "4,096"
    assert said["tuples within reach"] == "2,048"
    assert said["items that share their codes"] == f"{100 * (1 - (1 - 1 / 2048) ** 999):.2f}%"
    assert said["table with a vector for each item"] == "0.000 GB"
    assert said["scores in the last layer"] == "2 × 64 instead of 1,000"
    default = calculator.semantic_codes()
    assert default["table with a vector for each item"] == "2.560 GB"
    assert default["table of codes, and each item's codes"] == "0.030 GB"
    assert dict(default["lines"]["series"]["at random"])[4**10] == pytest.approx(6.06, abs=0.01)


# Judging


def test_a_verdict_is_that_of_other_hands(placed, books):
    codes = residual.encode(placed, books)
    found = quality.judge(codes, placed, books)
    tuples = Counter(map(tuple, codes.tolist()))
    assert found.distinct == len(tuples) / 300
    assert found.largest == max(tuples.values())
    assert found.used == [len(set(level)) for level in codes.T.tolist()]
    decoded = residual.decode(codes, books)
    assert found.explained == pytest.approx(r2_score(placed, decoded, multioutput="variance_weighted"), rel=1e-9)
    near = NearestNeighbors(n_neighbors=10).fit(placed).kneighbors(return_distance=False)
    same = [codes[a, 0] == codes[b, 0] for a, row in enumerate(near) for b in row]
    assert found.agreement == pytest.approx(np.mean(same), rel=1e-9)
    pairs = [a == b for a in codes[:, 0] for b in codes[:, 0]]
    assert found.chance == pytest.approx(np.mean(pairs), rel=1e-9)


def test_only_agreement_and_variance_see_codes_without_meaning():
    good, drawn, rolled = (quality.verdict(n) for n in ("RQ-k-means", "drawn at random", "right codes, next row"))
    assert drawn.distinct > good.distinct
    assert (rolled.distinct, rolled.used, rolled.largest) == (good.distinct, good.used, good.largest)
    assert min(drawn.explained, rolled.explained) < -0.5 < 0.9 < good.explained
    for bad in (drawn, rolled):
        assert abs(bad.agreement - bad.chance) < 0.03
        assert good.agreement > 8 * bad.agreement


def test_one_level_agrees_as_well_and_tells_few_titles_apart():
    one = quality.verdict("one level")
    assert one.agreement == quality.verdict("RQ-k-means").agreement
    assert one.distinct < 0.06
    assert one.used == [16, 1, 1]
    assert one.largest > 10


def test_a_prefix_is_kept_only_if_each_code_is():
    old = np.array([[0, 1, 2], [3, 1, 2], [0, 0, 0], [1, 1, 1]])
    new = np.array([[0, 1, 2], [0, 1, 2], [0, 5, 0], [1, 1, 0]])
    assert quality.kept(old, new) == [0.75, 0.5, 0.25]


def test_renaming_keeps_as_many_codes_as_any_naming_can():
    rng = np.random.default_rng(0)
    old, new = rng.integers(0, 4, (2, 40, 2))
    renamed = versions.relabel(new, old, 4)
    for level in range(2):
        best = max(np.mean(np.array(names)[new[:, level]] == old[:, level]) for names in permutations(range(4)))
        assert np.mean(renamed[:, level] == old[:, level]) == pytest.approx(best)
        assert len(np.unique(np.stack([renamed[:, level], new[:, level]]), axis=1).T) == len(np.unique(new[:, level]))


# Trie and beams

CODES = np.array([[0, 1, 2], [0, 1, 0], [2, 1, 1], [0, 1, 2], [1, 0, 0]])


def test_a_trie_allows_what_leads_to_a_title():
    tree = trie.Trie(CODES)
    paths = {row[:n] for row in map(tuple, CODES.tolist()) for n in (1, 2, 3)}
    for prefix in [(), *product(range(3), repeat=1), *product(range(3), repeat=2)]:
        assert tree.allowed(prefix) == [c for c in range(3) if (*prefix, c) in paths]
    assert tree.titles[0, 1, 2] == [0, 3]


def test_pairs_of_codes_allow_tuples_that_no_title_has():
    allowed = trie.pairs(CODES)
    walked = [(a, b, c) for a in allowed(()) for b in allowed((a,)) for c in allowed((a, b))]
    assert {*map(tuple, CODES.tolist())} < {*walked}
    assert (2, 1, 0) in walked  # 1 before 0 is known from another title


def test_the_mask_is_that_of_transformers():
    rows = beam.masks(trie.Trie(CODES).allowed, 3, 3)
    processor = PrefixConstrainedLogitsProcessor(lambda _, ids: trie.Trie(CODES).allowed(tuple(ids.tolist())), 1)
    for prefix in [(0, 1), (2, 1), (1, 0)]:
        theirs = processor(torch.tensor([prefix]), torch.zeros(1, 3))
        assert torch.equal(rows[2][prefix[0] * 3 + prefix[1]], theirs[0])
    assert torch.equal(beam.masks(None, 2, 3)[1], torch.zeros(3, 3))


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return decoder.Decoder(3, 3, 8), torch.randint(3, (6, 4, 3))


def test_a_beam_as_wide_as_the_catalog_scores_each_title_exactly(tiny):
    model, history = tiny
    catalog = torch.tensor(np.unique(CODES, axis=0))
    found, score = beam.search(model, history, beam.masks(trie.Trie(CODES).allowed, 3, 3), len(catalog))
    best, order = beam.exhaustive(model, history, catalog).sort(descending=True)
    assert torch.equal(found, catalog[order])
    assert torch.allclose(score, best, atol=1e-5)


def test_probabilities_of_all_tuples_add_up_to_one(tiny):
    model, history = tiny
    every = torch.tensor(list(product(range(3), repeat=3)))
    assert torch.allclose(beam.exhaustive(model, history, every).exp().sum(1), torch.ones(6), atol=1e-5)
    found, score = beam.search(model, history, beam.masks(None, 3, 3), 27)
    assert len(found[0].unique(dim=0)) == 27
    assert torch.allclose(score.exp().sum(1), torch.ones(6), atol=1e-5)


def test_a_beam_that_finds_no_more_titles_says_so(tiny):
    model, history = tiny
    _, score = beam.search(model, history, beam.masks(trie.Trie(CODES).allowed, 3, 3), 9)
    assert torch.isinf(score).sum(1).tolist() == [5] * 6  # four tuples exist
    lists = training.recommend(model, history.numpy(), CODES, width=9)
    assert all(sorted(ten) == [0, 1, 2, 3, 4] for ten in lists)
    assert training.recommend(model, history.numpy(), CODES, width=9, k=2) == [ten[:2] for ten in lists]


# Decoder


def test_the_block_is_pytorchs_decoder_layer():
    torch.manual_seed(1)
    ours, theirs = (
        decoder.Block(8),
        nn.TransformerDecoderLayer(8, 1, 16, 0.0, "gelu", batch_first=True, norm_first=True),
    )
    own, cross = theirs.self_attn, theirs.multihead_attn
    copies = [
        (own.in_proj_weight, ours.own.weight), (own.in_proj_bias, ours.own.bias),
        (own.out_proj.weight, ours.own_out.weight), (own.out_proj.bias, ours.own_out.bias),
        (cross.in_proj_weight, torch.cat([ours.ask.weight, ours.past.weight])),
        (cross.in_proj_bias, torch.cat([ours.ask.bias, ours.past.bias])),
        (cross.out_proj.weight, ours.past_out.weight), (cross.out_proj.bias, ours.past_out.bias),
        (theirs.linear1.weight, ours.up.weight), (theirs.linear1.bias, ours.up.bias),
        (theirs.linear2.weight, ours.down.weight), (theirs.linear2.bias, ours.down.bias),
    ]  # fmt: skip
    with torch.no_grad():
        for to, of in copies:
            to.copy_(of)
        x, past = torch.randn(5, 3, 8), torch.randn(5, 7, 8)
        mask = nn.Transformer.generate_square_subsequent_mask(3)
        expected = theirs(x, past, tgt_mask=mask)
        assert torch.allclose(ours(x[:, None], past[:, None])[:, 0], expected, atol=1e-5)


def test_a_code_sees_the_history_and_the_codes_before_it_alone(tiny):
    model, history = tiny
    before = torch.tensor([[[0, 1]]] * 6)
    logits = model(history, before)
    later = model(history, torch.tensor([[[0, 2]]] * 6))
    assert torch.allclose(logits[:, :, :2], later[:, :, :2], atol=1e-6)
    assert not torch.allclose(logits[:, :, 2], later[:, :, 2], atol=1e-3)
    other = model((history + 1) % 3, before)
    for level in range(3):
        assert not torch.allclose(logits[:, :, level], other[:, :, level], atol=1e-3)
    assert torch.allclose(model(history, before[:, :, :1]), logits[:, :, :2], atol=1e-6)


def test_the_order_of_a_history_does_not_matter_here(tiny):
    model, history = tiny
    before = torch.zeros(6, 1, 2, dtype=torch.long)
    assert torch.allclose(model(history, before), model(history.flip(1), before), atol=1e-5)


def test_histories_are_the_plays_before():
    log = vectors.plays(vectors.OLD)
    found = training.histories(log)
    assert len(found.next) == sum(max(n - 8, 0) for n in np.bincount(log.member))
    for row in (0, 999, len(found.next) - 1):
        own = log.title[log.member == found.member[row]].tolist()
        window = [*found.titles[row].tolist(), int(found.next[row])]
        assert any(own[i : i + 9] == window for i in range(len(own) - 8))
    hits = training.hits([[1, 2], [3, 4]], np.array([2, 5]))
    assert hits.tolist() == [True, False]


# RQ-VAE


def test_quantization_is_that_of_a_library():
    torch.manual_seed(0)
    model = rqvae.RQVAE(32, narrow=6)
    theirs = ResidualVQ(dim=6, num_quantizers=3, codebook_size=16, kmeans_init=False, rotation_trick=False)
    encoded = torch.randn(40, 6, requires_grad=True)
    with torch.no_grad():
        model.books.copy_(torch.randn(3, 16, 6))
        for layer, centers in zip(theirs.layers, model.books, strict=True):
            layer._codebook.embed.copy_(centers[None])
            layer._codebook.ema_update = False
    codes, straight, to_books, to_encoder = rqvae.quantize(encoded, model.books)
    value, index, loss = theirs.train()(encoded[None])
    assert torch.equal(codes, index[0])
    assert torch.allclose(straight, value[0], atol=1e-5)
    assert to_encoder.mean().item() == pytest.approx(6 * loss.sum().item(), rel=1e-4)
    assert torch.equal(to_books, to_encoder)
    (mine,) = torch.autograd.grad(to_encoder.mean(), encoded, retain_graph=True)
    (other,) = torch.autograd.grad(6 * loss.sum(), encoded)
    assert torch.allclose(mine, other, atol=1e-6)
    (through,) = torch.autograd.grad((straight * torch.arange(6.0)).sum(), encoded)
    assert torch.equal(through, torch.arange(6.0).expand(40, 6))


def test_each_term_pulls_what_it_should():
    torch.manual_seed(0)
    model, x = collapse.begin(0), content.content()[:50]
    missed, to_books, to_encoder = model.terms(x)
    pulled = [
        torch.autograd.grad(t, model.books, allow_unused=True, retain_graph=True)[0]
        for t in (missed, to_books, to_encoder)
    ]
    assert [g is not None for g in pulled] == [False, True, False]
    weights = [*model.encoder.parameters()]
    pulled = [
        torch.autograd.grad(t, weights, allow_unused=True, retain_graph=True)[0] for t in (missed, to_books, to_encoder)
    ]
    assert [g is not None for g in pulled] == [True, False, True]
    assert model.terms(x, "mean")[0].item() == pytest.approx(
        nn.functional.mse_loss(model.decoder(rqvae.quantize(model.encoder(x), model.books)[1]), x).item(), rel=1e-4
    )


def test_a_restart_moves_dead_codes_onto_vectors():
    model, x = collapse.begin(0), content.content()
    with torch.no_grad():
        model.books[0, :4] = 50.0
        before = model.books.clone()
        assert (rqvae.quantize(model.encoder(x), model.books)[0][:, 0] < 4).sum() == 0
    rqvae.restart(model, x)
    assert not torch.any(model.books[0, :4] == 50.0)
    assert torch.equal(model.books[0, 4:], before[0, 4:])
    gaps = torch.cdist(model.books[0, :4], model.encoder(x)).min(1).values
    assert torch.allclose(gaps, torch.zeros(4), atol=1e-3)


def test_counters_report_a_known_collapse_as_one():
    model, x = collapse.begin(0), content.content()
    with torch.no_grad():
        model.books[:, 1:] = 1e3
    share, used, largest, explained = collapse.counted(model, x)
    assert (share, used, largest) == (1 / 600, [1, 1, 1], 600)
    assert explained < 0.05


def test_content_vectors_have_length_one():
    assert torch.allclose(content.content().norm(dim=1), torch.ones(600), atol=1e-5)
    share, explained = content.plain_distinct()
    books = residual.fit(content.content().double().numpy(), 3, 16, 0)
    found = quality.judge(
        residual.encode(content.content().double().numpy(), books), content.content().double().numpy(), books
    )
    assert (share, explained) == (found.distinct, pytest.approx(found.explained))
    assert explained > 0.85


def test_a_mean_weighs_less_than_a_sum_by_the_number_of_inputs():
    assert collapse.pull_ratio() == pytest.approx(256, rel=1e-3)
    assert collapse.pull("commitment") < collapse.pull("sum") / 100


def test_codes_die_under_the_mean_and_come_back_with_restarts():
    end = {loss: collapse.mean_distinct(loss, 100) for loss in collapse.LOSSES}
    assert end["mean"] < 0.6 * end["sum"] < 0.9 * end["sum, restarts"]
    assert min(collapse.distinct("sum, restarts", 100)) > max(collapse.distinct("mean", 100))
    first = {loss: np.mean(collapse.distinct(loss, 10)) for loss in collapse.LOSSES}
    assert first["mean"] > first["sum"]  # stopped here, the verdict would be the opposite
    assert np.mean(collapse.distinct("sum", 0)) > end["sum, restarts"]  # where all began
