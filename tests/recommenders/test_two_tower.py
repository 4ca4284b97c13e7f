"""Losses against PyTorch and the full softmax; the slice against a regression; indexes against faiss and hnswlib."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import ndcg_score
from statsmodels.api import GLM, add_constant
from statsmodels.genmod.families import Poisson

from snippets.recommenders.two_tower import (
    calculator,
    curves,
    drawing,
    gradients,
    inverted,
    losses,
    optima,
    planner,
    product,
    random_slice,
    training,
    versions,
)
from snippets.recommenders.two_tower.planner import Plan
from snippets.worlds.log import record
from snippets.worlds.world import World, unit

# Losses


def batch(size=6, titles=4, seed=0):
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(size, size, generator=draw, dtype=torch.float64)
    title = torch.randint(titles, (size,), generator=draw)
    q = torch.rand(titles, generator=draw, dtype=torch.float64)
    return scores, title, (q / q.sum()).log()[title]


def test_batch_losses_are_pytorchs_cross_entropy():
    scores, title, log_q = batch()
    logits = scores - log_q  # one column per title of the batch
    expected = torch.nn.functional.cross_entropy(logits, torch.arange(6), reduction="none")
    assert torch.allclose(losses.in_batch(losses.corrected(scores, log_q)), expected, rtol=1e-12)
    assert torch.equal(losses.corrected(scores, log_q, 0.0), scores)
    full = torch.nn.functional.cross_entropy(scores, title, reduction="none")
    assert torch.allclose(losses.full_softmax(scores, title), full, rtol=1e-12)


def test_masking_removes_a_rows_own_title_from_its_negatives_and_nothing_else():
    scores, title, _ = batch()
    kept = losses.masked(scores, title).isfinite()
    for row in range(6):
        for column in range(6):
            assert kept[row, column] == (row == column or title[row] != title[column])


@pytest.mark.parametrize("strength", [1.0, 0.0, -1.0])
@pytest.mark.parametrize("negatives", [1, 3])
def test_the_optimum_in_closed_form_is_where_the_expected_gradient_is_zero(strength, negatives):
    """PyTorch differentiates the sum over all batches; the closed form says where it vanishes."""
    p, q = gradients.plays()
    scores = p.log() - (1 - strength) * q.log()
    draws = torch.cartesian_prod(*[torch.arange(5)] * (1 + negatives))
    leaf = scores.clone().requires_grad_()
    square = leaf[draws].unsqueeze(-2).expand(-1, 1 + negatives, -1)
    loss = losses.in_batch(losses.corrected(square, q.log()[draws], strength))[:, 0]
    chance = p[draws[:, 0]] * q[draws[:, 1:]].prod(-1)
    (gradient,) = torch.autograd.grad((chance * loss).sum(), leaf)
    assert gradient.abs().max() < 1e-12
    assert chance.sum().item() == pytest.approx(1)


def test_the_closed_form_is_the_play_distribution_up_to_a_power_of_q():
    plays = World("liked", members=5, titles=7, new=0.0).next_play(0)
    q = plays.mean(axis=0)
    assert np.allclose(np.exp(optima.optimum(plays, 1.0)), plays, rtol=1e-12)
    assert np.allclose(np.exp(optima.optimum(plays, 0.0)) * q, plays, rtol=1e-12)
    assert np.allclose(np.exp(optima.optimum(plays, -1.0)) * q * q, plays, rtol=1e-12)


@pytest.mark.parametrize("name", gradients.NAMES)
def test_expected_gradients_are_means_of_sampled_ones(name):
    """Two hundred thousand batches drawn at random, each gradient by PyTorch."""
    p, q = gradients.plays()
    draw = torch.Generator().manual_seed(3)
    positive = torch.multinomial(p, 200_000, replacement=True, generator=draw)
    others = torch.multinomial(q, 400_000, replacement=True, generator=draw).view(-1, 2)
    draws = torch.cat([positive.unsqueeze(1), others], 1)
    scores = (0.3 * p.log()).clone().requires_grad_()
    loss = gradients.row_loss(scores[draws], q.log()[draws], draws, name)
    (sampled,) = torch.autograd.grad(loss.mean(), scores)
    expected = gradients.expected_gradient(scores.detach(), 2, name)
    assert (sampled - expected).abs().max() < 0.006


def test_the_correction_has_the_right_optimum_and_masking_moves_it():
    assert max(gradients.bias("corrected", n, 1.0) for n in (1, 2, 3, 5)) < 1e-12
    assert gradients.size(1.0) < 1e-12
    masked = [gradients.bias("corrected, masked", n, 1.0) for n in (1, 2, 3, 5)]
    assert masked[0] < 1e-12
    assert masked[1] < masked[2] < masked[3]
    assert masked[3] > 0.05
    present = [gradients.bias("positive present", n, 1.0) for n in (1, 2, 3, 5)]
    assert present == sorted(present, reverse=True)


def test_away_from_the_optimum_counting_the_positive_as_present_is_nearest():
    for n in (1, 2, 3, 5):
        row = {name: gradients.bias(name, n, 0.0) for name in gradients.NAMES}
        assert min(row, key=row.get) == "positive present"
        assert max(row, key=row.get) == "uncorrected"


def test_with_many_negatives_the_positive_counted_as_present_has_the_full_gradient():
    """The gradient of PyTorch's full cross-entropy is the limit."""
    _, q = gradients.plays()
    draw = torch.Generator().manual_seed(5)
    scores = torch.randn(5, generator=draw, dtype=torch.float64).requires_grad_()
    title = torch.cat([torch.tensor([2]), torch.multinomial(q, 3000, replacement=True, generator=draw)])
    rows = scores[title].expand(len(title), -1)  # all rows alike, of which the first is used
    (sampled,) = torch.autograd.grad(losses.positive_present(rows, q.log()[title], title)[0], scores)
    leaf = scores.detach().requires_grad_()
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(leaf[None], title[:1]), leaf)
    assert (sampled - expected).abs().max() < 0.03


# Two worlds


def test_one_log_two_optima():
    table = {(f, n): optima.retrieved(f, c) for f in optima.WORLDS for n, c in optima.STRENGTHS.items()}
    assert table["liked", "corrected"] == 1.0
    assert table["liked", "uncorrected"] < 0.2
    assert table["liked", "sign flipped"] < 0.01
    assert table["shown", "corrected"] < 0.2
    assert 0.7 < table["shown", "uncorrected"] < 0.85
    assert table["shown", "sign flipped"] < table["shown", "uncorrected"]


@pytest.mark.parametrize("fame", optima.WORLDS)
def test_dividing_by_exposure_is_right_in_both(fame):
    world = optima.WORLDS[fame]
    assert optima.overlap(optima.by_exposure(world), world.utility(optima.DAY)) == 1.0


def test_overlap_and_value_against_scikit_learn():
    draw = np.random.default_rng(0)
    scores, utility = draw.normal(size=(2, 30, 40))
    relevant = (utility >= np.sort(utility, axis=1)[:, -10:][:, :1]).astype(float)
    found = np.argsort(-scores, axis=1)[:, :10]
    assert optima.overlap(scores, utility) == pytest.approx(np.take_along_axis(relevant, found, axis=1).mean())
    assert optima.overlap(utility, utility) == 1.0
    # nDCG with one title is utility of the first over the largest: the value at k = 1
    positive = np.exp(utility[:1])
    assert optima.value(scores[:1], positive, 1) == pytest.approx(ndcg_score(positive, scores[:1], k=1))
    assert optima.value(scores, np.exp(utility)) < optima.value(utility, np.exp(utility)) == 1.0


def test_the_head_is_the_most_played_tenth():
    plays = np.array([[0.5, 0.3, 0.1, 0.05, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005]])
    assert optima.head_share(plays, plays, k=2) == 0.5
    assert optima.head_share(-plays, plays, k=2) == 0.0


# Random slice


@pytest.mark.parametrize("fame", optima.WORLDS)
def test_the_slope_is_that_of_a_poisson_regression(fame):
    data, pages = random_slice.pilot(fame)
    some = data.shown > 0
    fit = GLM(data.played[some], add_constant(data.log_q[some]), family=Poisson(), offset=np.log(data.shown[some])).fit(
        cov_type="HC0"
    )
    b, error = random_slice.slope(data)
    assert b == pytest.approx(fit.params[1], abs=1e-6)
    assert pages > 1000
    # HC0 sums squared residuals title by title; ours is the variance over plays
    assert error == pytest.approx(fit.bse[1], rel=0.2)


def test_the_interval_covers_as_often_as_it_says():
    """Four hundred slices, redrawn from one expectation: about 95% of the intervals hold its slope."""
    draw = np.random.default_rng(1)
    log_q = np.log(World("liked", new=0.0).next_play(0).mean(axis=0))
    shown = np.full(400, 60.0)
    rate = shown * 0.3 * np.exp(0.4 * (log_q - log_q.max())) * np.exp(0.3 * draw.normal(size=400))
    truth, _ = random_slice.slope(random_slice.Slice(log_q, shown, rate))
    hits = []
    for _ in range(400):
        b, error = random_slice.slope(random_slice.Slice(log_q, shown, draw.poisson(rate) * 1.0))
        hits.append(abs(b - truth) < random_slice.Z * error)
    assert 0.92 < np.mean(hits) < 0.98


def test_the_slice_tells_which_world_it_is():
    liked, shown = random_slice.interval("liked"), random_slice.interval("shown")
    assert liked[1] < 1 < liked[2]
    assert liked[1] > 0.5 > shown[2]
    assert abs(shown[0]) < 0.15
    assert random_slice.advised("liked") > 0.95
    assert random_slice.advised("shown") > 0.65


def test_pages_for_an_interval_give_that_interval():
    data, pages = random_slice.pilot("shown")
    _, error = random_slice.slope(data)
    need = random_slice.pages_needed(error, pages, 0.25)
    share = need / pages
    fewer = random_slice.Slice(data.log_q, data.shown * share, data.played * share)
    assert random_slice.Z * random_slice.slope(fewer)[1] == pytest.approx(0.25, rel=1e-6)


def test_a_log_is_split_into_usual_plays_and_random_slots():
    world = World("shown", members=30, titles=20, days=2, new=0.0)
    log = record(world, 2_000, slice_=0.5)
    data = random_slice.split(log, 20)
    assert data.shown.sum() == log.random.sum()
    assert data.played.sum() == (log.random & log.played).sum()
    usual = [(log.title[log.played & ~log.random] == title).sum() + 0.5 for title in range(20)]
    assert np.exp(data.log_q) == pytest.approx(np.array(usual) / np.sum(usual))


# Training


def test_trained_towers_go_where_the_closed_form_says():
    for fame in training.WORLDS:
        order = [training.mean_overlap(name, fame) for name in ("sign flipped", "uncorrected", "corrected")]
        ideal = [training.ideal(name, fame) for name in ("sign flipped", "uncorrected", "corrected")]
        assert np.argsort(order).tolist() == np.argsort(ideal).tolist()
    assert abs(training.mean_overlap("corrected", "liked") - training.mean_overlap("full softmax", "liked")) < 0.03
    assert training.mean_overlap("corrected", "liked") > 2 * training.mean_overlap("uncorrected", "liked")


def test_the_training_loss_cannot_tell_the_three_strengths():
    assert training.loss_gap("corrected", "sign flipped") < 0.01
    assert training.loss_gap("corrected", "uncorrected") < 0.01
    spread = [max(training.train(name).loss) - min(training.train(name).loss) for name in training.STRENGTHS]
    assert min(spread) > training.loss_gap("corrected", "sign flipped")


def test_corrected_scores_are_log_p_up_to_a_constant_per_member_and_flipped_ones_are_not():
    """The test that finds a flipped sign: scores against log p, each member's mean taken out."""
    world = training.WORLDS["liked"]
    log_p = np.log(world.next_play(0))
    log_q = np.log(world.next_play(0).mean(axis=0))
    slopes = {}
    for name in training.NAMES:
        rest = training.train(name).scores().numpy().mean(axis=0) - log_p
        rest = rest - rest.mean(axis=1, keepdims=True)
        slopes[name] = np.polyfit(log_q, rest.mean(axis=0), 1)[0]
    assert abs(slopes["corrected"]) < 0.15
    assert abs(slopes["full softmax"]) < 0.15
    assert slopes["uncorrected"] == pytest.approx(-1, abs=0.15)
    assert slopes["sign flipped"] == pytest.approx(-2, abs=0.2)


# Versions


def test_turning_is_scipys_procrustes():
    from scipy.linalg import orthogonal_procrustes

    draw = np.random.default_rng(2)
    old, new = draw.normal(size=(2, 50, 6))
    turned = versions.aligned(torch.from_numpy(old), torch.from_numpy(new)).numpy()
    centered = old - old.mean(axis=0)
    turn, _ = orthogonal_procrustes(centered, new - new.mean(axis=0))
    assert np.allclose(turned, centered @ turn + new.mean(axis=0), rtol=1e-9, atol=1e-12)


def test_stale_titles_cost_recall_and_the_basis_was_all_that_was_wrong():
    means = [versions.mean_skew("other seed", share) for share in versions.SHARES]
    assert means == sorted(means, reverse=True)
    assert means[-1] < versions.popular() < means[0]
    assert versions.mean_skew("turned back", 1.0) > means[0] - 0.04
    assert versions.mean_skew("warm start", 0.5) > means[0] - 0.02
    assert versions.mean_score("other seed", 0.0) > versions.mean_score("other seed", 1.0) > 0


def test_mixed_versions_take_vectors_and_bias_of_the_old_for_the_stale_titles_only():
    towers = training.train("corrected")
    pure = towers.scores().numpy()
    assert np.allclose(versions.mixed(towers, towers, (0, 1), 0.0), pure[1], rtol=1e-5, atol=1e-5)
    half = versions.mixed(towers, towers, (0, 1), 0.5)
    same = np.isclose(half, pure[1], rtol=1e-5, atol=1e-5).all(axis=0)
    assert same.sum() == 100
    old = (towers.users[1] @ towers.titles[0].T + towers.bias[0]).numpy()
    assert np.allclose(half[:, ~same], old[:, ~same], rtol=1e-5, atol=1e-5)


# Search without an engine


@pytest.fixture(scope="module")
def small():
    draw = np.random.default_rng(4)
    titles, queries = unit(draw.normal(size=(600, 8))), unit(draw.normal(size=(20, 8)))
    return titles, queries, np.arange(600) + 1000


def test_k_means_ends_where_scikit_learns_does(small):
    titles, *_ = small
    draw = np.random.default_rng(0)
    begin = titles[draw.choice(len(titles), 12, replace=False)]
    theirs = KMeans(12, init=begin, n_init=1, max_iter=40, tol=0, algorithm="lloyd").fit(titles)
    assert np.allclose(inverted.k_means(titles, 12, rounds=40), theirs.cluster_centers_, atol=1e-6)


def test_all_lists_probed_is_the_exact_search(small):
    titles, queries, names = small
    index = inverted.build(titles, names, inverted.centroids(titles, 12))
    found = np.stack([inverted.search(index, query, 12) for query in queries])
    assert np.array_equal(found, names[inverted.exact(queries, titles)])
    assert sorted(np.concatenate(index.lists).tolist()) == list(range(600))
    few = np.stack([inverted.search(index, query, 2) for query in queries])
    assert 0.2 < inverted.recall(few - 1000, found - 1000) < 1


def test_after_a_removal_everything_left_answers_to_its_own_vector(small):
    titles, queries, names = small
    index = inverted.build(titles, names, inverted.centroids(titles, 12))
    gone = names[[3, 200, 599]]
    left = ~np.isin(names, gone)
    after = inverted.remove(index, gone)
    assert inverted.strangers(after, titles[left], names[left]) == 0
    rebuilt = inverted.build(titles[left], names[left], index.centroids)
    for query in queries:
        assert np.array_equal(inverted.search(after, query, 3), inverted.search(rebuilt, query, 3))
    assert inverted.strangers(after, titles[:5], names[:5]) == pytest.approx(1 / 5)


def test_look_ups_are_inner_products_with_the_decoded_vectors(small):
    titles, queries, _ = small
    books = product.codebooks(titles, parts=4)
    codes = product.encode(titles, books)
    assert books.shape == (4, 256, 2)
    assert codes.dtype == np.uint8
    decoded = product.decode(codes, books)
    for query in queries[:5]:
        assert np.allclose(product.lookup_scores(query, codes, books), decoded @ query, rtol=1e-9, atol=1e-12)
    assert ((titles - decoded) ** 2).sum() < 0.05 * (titles**2).sum()


def test_easy_vectors_need_fewer_probes_and_codes_keep_the_neighborhood():
    assert curves.recall_at(8, 8) > 0.9
    assert curves.recall_at(32, 8) < 0.6
    assert curves.recall_at(32, 100) == curves.recall_at(8, 100) == 1.0
    shares = [share for share, _ in curves.probe_curve(32)]
    assert shares[-1] == 1.0
    assert shares[0] < 0.02
    assert curves.coded_recall(10) < 0.7
    assert curves.coded_recall(100) > 0.9


# Planner and calculator


def test_distances_are_fewest_at_the_best_number_of_lists():
    best = planner.best_lists(10_000, 9)
    counts = [planner.distances(Plan("IVF", 10_000, 8, n, 9)) for n in (int(best) - 30, int(best), int(best) + 30)]
    assert best == 300
    assert counts[1] < min(counts[0], counts[2])


def test_a_graph_has_no_closed_form_and_says_so():
    with pytest.raises(ValueError, match="measure them"):
        planner.distances(Plan("HNSW", 10, 8))


def test_bytes_read_are_those_of_the_vectors_compared():
    assert planner.scanned_bytes(Plan("flat", 100, 8)) == 3200
    assert planner.scanned_bytes(Plan("PQ", 100, 8, code_bytes=4)) == 400
    assert planner.scanned_bytes(Plan("IVF", 100, 8, 10, 2)) == 10 * 32 + 20 * 40


def test_the_calculator_plans_and_refuses():
    result = calculator.index_plan()
    assert result["bytes per vector"] == "40"
    assert result["bytes in all"] == "4.03 GB"
    assert result["distances per query"] == "163,192"
    assert calculator.index_plan(kind="flat")["bytes in all"] == "51.20 GB"
    assert "measure" in str(calculator.index_plan(kind="HNSW")["distances per query"])
    assert calculator.index_plan(kind="flat")["unused"] == ["lists", "probes", "code_bytes", "links"]
    assert calculator.index_plan(kind="HNSW")["unused"] == ["lists", "probes", "code_bytes", "bandwidth"]
    assert calculator.index_plan(kind="IVF-PQ")["unused"] == ["links"]
    with pytest.raises(ValueError, match="more lists"):
        calculator.index_plan(lists=10, probes=11)


def test_the_slice_calculator_agrees_with_a_simulated_slice():
    """Plays drawn from q^b: the slope's standard error is that of the calculator's number of plays."""
    log_q = np.log(World("shown", new=0.0).next_play(0).mean(axis=0))
    rate = np.exp(log_q - log_q.max())
    p = rate / rate.sum()
    spread = float(np.sqrt((p * log_q**2).sum() - (p * log_q).sum() ** 2))
    result = calculator.slice_size(plays=0.5, spread=spread, half_width=0.2)
    plays = float(str(result["plays in them"]).replace(",", ""))
    _, error = random_slice.slope(random_slice.Slice(log_q, np.ones(400), plays * p))
    assert random_slice.Z * error == pytest.approx(0.2, rel=0.01)
    assert float(str(result["random pages"]).replace(",", "")) == pytest.approx(2 * plays, abs=2)


# Facts and drawings


@pytest.mark.parametrize("module", [optima, training, random_slice, versions, curves, calculator])
def test_facts_have_values(module):
    facts = module.facts()
    assert facts
    assert all(value.strip("%. GB,").replace(",", "").replace(".", "").isdigit() for value in facts.values())


def test_drawings_show_what_they_are_about():
    batch_, kinds = drawing.figure_batch(), drawing.figure_kinds()
    assert batch_.count("negative<") == 10
    assert batch_.count("played too<") == 2
    for name in ("flat", "IVF", "PQ", "HNSW"):
        assert f">{name}<" in kinds
