"""Metrics against scikit-learn, torchmetrics, implicit and LightGBM; ties against all orders."""

import itertools
import math

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, dcg_score, ndcg_score, roc_auc_score
from torchmetrics.functional import retrieval as tm

from snippets.recommenders.evaluation import conventions, metrics, ratings, ties
from snippets.recommenders.evaluation.metrics import Convention

GAINS = st.lists(st.integers(0, 4), min_size=2, max_size=12)


def shuffled(gains, seed=0):
    """Distinct scores and the gains in the order of the falling score."""
    scores = np.random.default_rng(seed).permutation(len(gains)).astype(float)
    return scores, metrics.ranked(scores.tolist(), gains)


# NDCG


@settings(max_examples=15)
@given(GAINS, st.integers(1, 12))
def test_linear_ndcg_is_scikit_learns(gains, k):
    scores, ranked = shuffled(gains)
    ours = metrics.ndcg(ranked, gains, k, Convention())
    assert ours == pytest.approx(ndcg_score([gains], [scores], k=k), abs=1e-12)
    assert metrics.dcg(ranked, k) == pytest.approx(dcg_score([gains], [scores], k=k), abs=1e-12)


@settings(max_examples=15)
@given(GAINS, st.integers(1, 12))
def test_other_conventions_are_scikit_learns_dcg_over_another_ideal(gains, k):
    scores, ranked = shuffled(gains)
    exponential = [2**g - 1 for g in gains]
    ours = metrics.ndcg(ranked, gains, k, Convention("exponential"))
    assert ours == pytest.approx(ndcg_score([exponential], [scores], k=k), abs=1e-12)
    top = dcg_score([gains], [scores], k=k)
    whole = dcg_score([gains], [gains])
    assert metrics.ndcg(ranked, gains, k, Convention(ideal="uncut")) == pytest.approx(top / whole if whole else 0)
    shown = ranked[:k] + [0] * 12  # judged among what was shown
    own = ndcg_score([shown], [list(range(len(shown), 0, -1))], k=k)
    assert metrics.ndcg(ranked, gains, k, Convention(ideal="retrieved")) == pytest.approx(own, abs=1e-12)


@pytest.mark.parametrize(("empty", "action"), [(0.0, "neg"), (1.0, "pos"), (None, "skip")])
def test_empty_users_are_torchmetrics_three_actions(empty, action):
    from torchmetrics.retrieval import RetrievalNormalizedDCG

    draw = np.random.default_rng(1)
    gains = draw.integers(0, 3, (40, 8)) * (draw.random((40, 1)) < 0.6)
    scores = draw.random((40, 8))
    judge = RetrievalNormalizedDCG(empty_target_action=action, top_k=5)
    index = torch.arange(40).repeat_interleave(8)
    theirs = judge(torch.tensor(scores).ravel(), torch.tensor(gains).ravel(), indexes=index).item()
    values = [
        metrics.ndcg(metrics.ranked(s.tolist(), g.tolist()), g.tolist(), 5, Convention(empty=empty))
        for s, g in zip(scores, gains, strict=True)
    ]
    mean, users = metrics.mean_over(values)
    assert mean == pytest.approx(theirs, abs=1e-6)
    assert users == (gains.any(1).sum() if empty is None else 40)


def test_lightgbms_log_is_exponential_with_empty_lists_at_one():
    import lightgbm

    draw = np.random.default_rng(2)
    gains = draw.integers(0, 4, (200, 20)) * (np.arange(200) % 2)[:, None]
    feature = (gains + draw.normal(0, 1.5, gains.shape)).reshape(-1, 1)
    log: dict = {}
    data = lightgbm.Dataset(feature, gains.ravel(), group=[20] * 200)
    settings = {"objective": "lambdarank", "metric": "ndcg", "eval_at": [5], "num_threads": 1, "verbosity": -1}
    model = lightgbm.train(settings, data, 20, [data], ["train"], callbacks=[lightgbm.record_evaluation(log)])
    # ties are broken by position in LightGBM: a stable order of its own scores
    lists = [
        (metrics.ranked(s.tolist(), g.tolist()), g.tolist())
        for s, g in zip(model.predict(feature).reshape(200, 20), gains, strict=True)
    ]
    ours = {
        (gain, empty): metrics.mean_over([metrics.ndcg(r, g, 5, Convention(gain, empty=empty)) for r, g in lists])[0]
        for gain in ("linear", "exponential")
        for empty in (0.0, 1.0, None)
    }
    assert ours["exponential", 1.0] == pytest.approx(log["train"]["ndcg@5"][-1], abs=1e-9)
    assert ours["exponential", 1.0] == pytest.approx((1 + ours["exponential", None]) / 2)
    assert ours["exponential", 0.0] == pytest.approx(ours["exponential", None] / 2)


def test_the_ideal_of_k_items_and_the_field_s_one_list():
    """A user with one relevant item, shown first: 1, or 0.469 where the ideal has three (rectools' example)."""
    assert metrics.ndcg([1, 0], [1], 3, Convention()) == 1
    assert metrics.ndcg([1, 0], [1], 3, Convention(ideal="full")) == pytest.approx(0.46927873, abs=1e-8)


def test_impossible_inputs_are_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        metrics.ndcg([1], [1, -1], 3, Convention())
    with pytest.raises(ValueError, match="k must be at least 1"):
        metrics.ndcg([1], [1], 0, Convention())
    with pytest.raises(ValueError, match="recommends an item twice"):
        metrics.hits(["a", "b", "a"], ["a"])
    with pytest.raises(ValueError, match="not a number"):
        metrics.ranked([0.1, math.nan], [1, 0])
    assert metrics.hits(["a", "b"], ["b", "b"]) == [False, True]


@settings(max_examples=15)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 5), st.integers(1, 12))
def test_each_metric_stays_between_0_and_1(hit, missed, k):
    relevant = sum(hit) + missed
    values = [metrics.precision(hit, k), metrics.reciprocal_rank(hit), metrics.fall_out(hit, k)]
    if relevant:
        values += [metrics.recall(hit, k, relevant), metrics.pooled([hit], k, [relevant])]
        values += [metrics.average_precision(hit, k, relevant, by) for by in ("relevant", "min", "k", "hits")]
        gains = [1] * relevant
        values += [metrics.ndcg(hit, gains, k, Convention(ideal=i)) for i in ("cut", "uncut", "retrieved", "full")]
    assert all(0 <= value <= 1 + 1e-12 for value in values)


# The smaller metrics


@settings(max_examples=15)
@given(st.lists(st.booleans(), min_size=2, max_size=12).filter(lambda x: any(x) and not all(x)), st.integers(1, 12))
def test_small_metrics_are_torchmetrics_and_scikit_learns(target, k):
    k = min(k, len(target))
    scores, hit = shuffled(target)
    p, t = torch.tensor(scores + 1), torch.tensor(target)
    n = sum(target)
    assert metrics.reciprocal_rank(hit) == pytest.approx(tm.retrieval_reciprocal_rank(p, t).item())
    assert metrics.precision(hit, k) == pytest.approx(tm.retrieval_precision(p, t, top_k=k).item())
    assert metrics.recall(hit, k, n) == pytest.approx(tm.retrieval_recall(p, t, top_k=k).item())
    assert metrics.fall_out(hit, k) == pytest.approx(tm.retrieval_fall_out(p, t, top_k=k).item())
    assert metrics.r_precision(hit) == pytest.approx(tm.retrieval_r_precision(p, t).item())
    assert metrics.average_precision(hit, k, n, "hits") == pytest.approx(
        tm.retrieval_average_precision(p, t, top_k=k).item()
    )
    assert metrics.average_precision(hit, len(hit), n) == pytest.approx(average_precision_score(target, scores))
    assert metrics.auroc(scores.tolist(), target) == pytest.approx(roc_auc_score(target, scores))


def test_four_denominators_of_average_precision():
    hit = [False, True, False, False]
    two = [metrics.average_precision(hit, 4, 2, by) for by in ("hits", "relevant", "min", "k")]
    six = [metrics.average_precision(hit, 4, 6, by) for by in ("hits", "relevant", "min", "k")]
    assert two == pytest.approx([1 / 2, 1 / 4, 1 / 4, 1 / 8])
    assert six == pytest.approx([1 / 2, 1 / 12, 1 / 8, 1 / 8])
    assert metrics.average_precision([False], 1, 1, "hits") == 0
    assert metrics.fall_out([True], 1) == metrics.r_precision([False]) == metrics.reciprocal_rank([False]) == 0


def test_the_three_users_of_the_recommenders_repository():
    """Its own tests print 0.26666, 0.37777 and 0.23613, and 0.24444 for an R-precision@5 that is a recall."""
    true = {1: [3, 1, 2], 2: [1, 4, 5, 6, 7], 3: [2, 5, 6, 8, 9, 10, 11, 12, 13, 14]}
    shown = {1: [3, 10, 12], 2: [10, 3, 5, 11, 13], 3: [4, 10, 7, 13, 1, 3, 5, 2, 11, 14]}
    rows = [(metrics.hits(shown[u], true[u]), len(true[u])) for u in true]
    assert np.mean([metrics.precision(h, 10) for h, _ in rows]) == pytest.approx(0.26666, abs=1e-5)
    assert np.mean([metrics.recall(h, 10, n) for h, n in rows]) == pytest.approx(0.37777, abs=1e-5)
    assert np.mean([metrics.average_precision(h, 10, n) for h, n in rows]) == pytest.approx(0.23613, abs=1e-5)
    assert np.mean([metrics.recall(h, 5, n) for h, n in rows]) == pytest.approx(0.24444, abs=1e-5)


def test_an_equal_score_counts_half_a_pair():
    assert metrics.auroc([1, 1, 0], [True, False, False]) == roc_auc_score([1, 0, 0], [1, 1, 0])


# implicit


def implicits(lists, relevant, k):
    """What implicit prints for fixed lists."""
    from implicit.evaluation import ranking_metrics_at_k
    from scipy.sparse import csr_matrix

    class Fixed:
        def recommend(self, userid, user_items, N=10, **rest):
            ids = np.asarray(lists, dtype=np.int32)[userid, :N]
            return ids, -np.arange(ids.shape[1], dtype=float) * np.ones(ids.shape)

    test = np.zeros((len(lists), 60))
    for user, items in enumerate(relevant):
        test[user, items] = 1
    rows = csr_matrix(test)
    rows.indices, rows.indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
    return ranking_metrics_at_k(Fixed(), rows * 0, rows, K=k, show_progress=False, num_threads=1)


@pytest.mark.parametrize("k", [1, 5, 10, 40])
def test_implicits_precision_is_hits_pooled_over_the_smaller_of_k_and_n(k):
    draw = np.random.default_rng(4)
    lists = np.array([draw.permutation(60) for _ in range(30)])
    relevant = [draw.choice(60, n, replace=False) for n in draw.integers(0, 25, 30)]
    theirs = implicits(lists, relevant, k)
    users = [(metrics.hits(one.tolist(), r.tolist()), len(r)) for one, r in zip(lists, relevant, strict=True) if len(r)]
    hit, n = [h for h, _ in users], [m for _, m in users]
    assert metrics.pooled(hit, k, n) == pytest.approx(theirs["precision"])
    # the identity: their number times its denominator is a number of hits
    found = theirs["precision"] * sum(min(k, m) for m in n)
    assert found == pytest.approx(sum(metrics.precision(h, k) * k for h in hit))
    ap = [metrics.average_precision(h, k, m, "min") for h, m in users]
    assert np.mean(ap) == pytest.approx(theirs["map"])
    gains = [(h, [1] * m) for h, m in users]
    assert np.mean([metrics.ndcg(h, g, k, Convention()) for h, g in gains]) == pytest.approx(theirs["ndcg"])


def test_two_users_of_the_field_whose_precision_is_called_1():
    lists, relevant = [list(range(10))] * 2, [[0], list(range(16))]
    assert implicits(lists, relevant, 10)["precision"] == 1.0
    hit = [metrics.hits(one, r) for one, r in zip(lists, relevant, strict=True)]
    assert metrics.pooled(hit, 10, [1, 16]) == 1.0
    assert np.mean([metrics.precision(h, 10) for h in hit]) == pytest.approx(0.55)
    assert np.mean([metrics.recall(h, 10, n) for h, n in zip(hit, [1, 16], strict=True)]) == pytest.approx(0.8125)


# What libraries do to inputs


def test_torchmetrics_counts_a_score_of_0_or_less_as_not_recommended():
    scores, target = torch.tensor([-1.0, -2.0, -3.0]), torch.tensor([1, 1, 0])
    names = ("precision", "recall", "average_precision", "reciprocal_rank")
    judges = [getattr(tm, f"retrieval_{name}") for name in names]
    assert [judge(scores, target).item() for judge in judges] == [0, 0, 0, 0]
    assert all(judge(scores + 4, target).item() > 0.6 for judge in judges)
    assert tm.retrieval_normalized_dcg(scores, target).item() == 1
    assert metrics.average_precision(metrics.ranked(scores.tolist(), [True, True, False]), 3, 2) == 1


def test_torchmetrics_takes_a_matrix_for_one_query():
    """The field's case: two queries of three."""
    scores, target = [[0.1, 0.2, 0.3], [0.8, 0.1, 0.05]], [[0, 1, 0], [1, 0, 0]]
    assert tm.retrieval_normalized_dcg(torch.tensor(scores), torch.tensor(target)).item() == pytest.approx(
        0.9197, abs=1e-4
    )
    each = [metrics.ndcg(metrics.ranked(s, t), t, 3, Convention()) for s, t in zip(scores, target, strict=True)]
    assert metrics.mean_over(each) == (pytest.approx(0.8155, abs=1e-4), 2)


def test_mean_of_shards_is_the_mean_over_users_only_if_shards_are_equal():
    """Means of shards of unequal size, averaged: the users of the small shard weigh more."""
    values = np.linspace(0, 1, 100)
    shards = values[:90], values[90:]
    right = metrics.mean_over(values.tolist())[0]
    weighted = sum(metrics.mean_over(s.tolist())[0] * len(s) for s in shards) / len(values)
    assert weighted == pytest.approx(right)
    assert abs(np.mean([s.mean() for s in shards]) - right) > 0.02


# MovieLens under eight conventions


def test_the_lists_are_what_a_plain_loop_finds():
    from snippets.worlds.movielens import ratings

    table, lists = ratings(), conventions.popular_lists()
    rows = {u: np.flatnonzero(table.user == u) for u in range(671)}
    known = {u: r[: len(r) * 4 // 5] for u, r in rows.items()}
    count = np.bincount(np.concatenate([table.movie[r] for r in known.values()]))
    for user in (0, 5, 200):
        seen = set(table.movie[known[user]].tolist())
        fresh = [m for m in sorted(range(len(count)), key=lambda m: (-count[m], m)) if m not in seen][:100]
        held = {table.movie[r]: table.stars[r] for r in rows[user][len(known[user]) :]}
        want = [{3.5: 1, 4.0: 2, 4.5: 3, 5.0: 4}.get(held.get(m, 0.0), 0) for m in fresh]
        assert lists[user].ranked == want
        assert len(lists[user].everything) == len(held)


def test_one_ranking_has_eight_values():
    facts = conventions.facts()
    lists = conventions.popular_lists()
    plain = []
    for user in lists:
        rest = list(user.everything)
        for grade in user.ranked:  # what was found is among all that was held out
            if grade:
                rest.remove(grade)
        row = user.ranked + rest
        plain.append(ndcg_score([row], [list(range(len(row), 0, -1))], k=10))
    assert facts["plain"] == f"{np.mean(plain):.4f}" == "0.0610"
    empty = sum(value == 0 and not any(u.everything) for value, u in zip(plain, lists, strict=True))
    assert facts["empty_users"] == str(empty) == "7"
    assert facts["ml_users"] == str(len(plain)) == "671"
    assert facts["empty_one"] == f"{np.mean(plain) + empty / len(plain):.4f}"
    assert (facts["lowest"], facts["highest"]) == ("0.044", "0.182")


def test_pooled_precision_rises_where_precision_falls():
    rows = [conventions.three_precisions(k) for k in (1, 3, 10, 30, 100)]
    pooled, precision, recall = zip(*rows, strict=True)
    assert list(precision) == sorted(precision, reverse=True)
    assert list(recall) == sorted(recall)
    assert pooled[0] == precision[0] > pooled[1] < pooled[2] < pooled[4]
    lists = [u for u in conventions.popular_lists() if any(u.everything)]
    hits = sum(sum(g > 0 for g in u.ranked) for u in lists)
    assert conventions.facts()["precision_100"] == f"{hits / len(lists) / 100:.3f}"
    n = [sum(g > 0 for g in u.everything) for u in lists]
    assert conventions.facts()["pooled_100"] == f"{hits / sum(min(100, m) for m in n):.3f}"


# Ties


@settings(max_examples=15)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=7), st.integers(1, 7))
def test_ties_are_averaged_as_scikit_learn_does_and_as_all_orders_do(scores, k):
    gains = [(3 * i) % 4 for i in range(len(scores))]
    ours = ties.expected_dcg(scores, gains, k)
    assert ours == pytest.approx(dcg_score([gains], [scores], k=k))
    relevant = [g > 1 for g in gains]
    orders = [p for p in itertools.permutations(range(len(scores))) if all(
        scores[a] >= scores[b] for a, b in itertools.pairwise(p)
    )]  # fmt: skip
    counted = np.mean([sum(relevant[i] for i in order[:k]) for order in orders])
    assert ties.expected_hits(scores, relevant, k) == pytest.approx(counted)


def test_columns_may_be_shuffled_and_chance_stays_chance():
    draw = np.random.default_rng(6)
    scores = draw.integers(0, 5, 30).astype(float)
    relevant = draw.random(30) < 0.3
    order = draw.permutation(30)
    ours = ties.expected_hits(scores.tolist(), relevant.tolist(), 10)
    assert ties.expected_hits(scores[order].tolist(), relevant[order].tolist(), 10) == pytest.approx(ours)
    assert ties.expected_hits([1.0] * 101, [True] + [False] * 100, 10) == pytest.approx(10 / 101)
    with pytest.raises(ValueError, match="not a number"):
        ties.expected_hits([1.0, math.nan], [True, False], 1)


def test_a_dead_model_scores_1_or_0_by_the_rule():
    models = ties.models()
    rates = {name: [ties.hit_rate(rule, scores) for rule in ties.RULES] for name, scores in models.items()}
    for dead in ("all equal", "saturated"):
        assert rates[dead] == [1, 0, 1, 0]
        assert ties.fair(models[dead]) == pytest.approx(10 / 101)
    assert rates["all NaN"] == [1, 1, 1, 0]
    assert len(set(rates["random"])) == 1
    by_scipy = (stats.rankdata(-models["random"], axis=1)[:, 0] <= 10).mean()
    assert rates["random"][0] == pytest.approx(by_scipy) == ties.fair(models["random"])
    assert ties.facts() == {"dead_best": "1.0", "dead_fair": "0.099"}
    with pytest.raises(ValueError, match="not a number"):
        ties.fair(models["all NaN"])


def test_torchmetrics_hit_rate_depends_on_the_column_of_the_positive():
    flat = torch.ones(11)
    first, last = torch.zeros(11, dtype=torch.int), torch.zeros(11, dtype=torch.int)
    first[0] = last[-1] = 1
    assert tm.retrieval_reciprocal_rank(flat, first) != tm.retrieval_reciprocal_rank(flat, last)
    both = [tm.retrieval_normalized_dcg(flat, t, top_k=3).item() for t in (first, last)]
    assert both[0] == pytest.approx(both[1])
    assert both[0] == pytest.approx(ties.expected_dcg([1.0] * 11, first.tolist(), 3))


def test_errors_of_ratings_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    true = {("user", item): float(rating) for item, rating in enumerate(draw.integers(1, 6, 40))}
    scored = {("user", item): float(score) for item, score in enumerate(draw.normal(3, 1, 60)) if item > 9}
    pairs = ratings.matched(true, scored)
    assert len(pairs) == 30
    found, rows = ratings.errors(pairs), tuple(zip(*pairs, strict=True))
    assert found["rmse"] == pytest.approx(sklearn.metrics.root_mean_squared_error(*rows))
    assert found["mae"] == pytest.approx(sklearn.metrics.mean_absolute_error(*rows))
    assert found["rsquared"] == pytest.approx(sklearn.metrics.r2_score(*rows))
    assert found["exp_var"] == pytest.approx(sklearn.metrics.explained_variance_score(*rows))
