"""Policies against scikit-learn and SciPy; worth, splits, intervals and interleaving against simulation."""

import numpy as np
import pytest
from scipy import stats
from scipy.sparse.linalg import svds
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import cosine_similarity

from snippets.recommenders.evaluation import comparison, interleaving, policies, prediction, splits
from snippets.worlds.log import Log, examined, record
from snippets.worlds.world import World

X = np.random.default_rng(0).poisson(0.6, (60, 15)).astype(float)


def log_of(rows):
    """A log from rows of day, member, title, random, played."""
    day, member, title, random, played = (np.array(column) for column in zip(*rows, strict=True))
    zero = np.zeros(len(day), dtype=int)
    return Log(day, zero, member, zero, title, random.astype(bool), played.astype(bool))


# Policies


def test_ease_is_a_ridge_regression_of_each_title_on_the_others():
    theirs = np.zeros_like(X)
    for title in range(X.shape[1]):
        others = np.delete(X, title, axis=1)
        theirs[:, title] = Ridge(policies.RIDGE, fit_intercept=False).fit(others, X[:, title]).predict(others)
    np.testing.assert_allclose(policies.ease(X), theirs, atol=1e-9)


def test_cosine_is_scikit_learns_and_svd_is_scipys():
    near = cosine_similarity((X > 0).T.astype(float))
    np.fill_diagonal(near, 0)
    np.testing.assert_allclose(policies.cosine(X), X @ near, atol=1e-6)
    left, size, right = svds(X, k=8, random_state=0)
    np.testing.assert_allclose(policies.svd(X), left * size @ right, atol=1e-9)


def test_a_past_holds_what_came_before():
    world = World(members=2, titles=3, days=12, new=0.0)
    log = log_of([(0, 0, 1, 0, 1), (1, 0, 1, 0, 1), (4, 1, 2, 0, 1), (9, 1, 0, 0, 0), (10, 0, 0, 0, 1)])
    past = policies.past_of(log, world, 10)
    assert past.plays.tolist() == [[0, 2, 0], [0, 0, 1]]
    assert past.shown.tolist() == [1, 2, 1]
    assert past.recent.tolist() == [0, 0, 1]  # days 3 to 9
    scores = {name: policy(past) for name, policy in policies.POLICIES.items() if "SVD" not in name}
    assert scores["popular"].tolist() == [[0, 2, 1]] * 2
    assert np.allclose(scores["play rate"], [[1 / 51, 3 / 52, 2 / 51]] * 2)
    assert policies.first(scores["own plays"], 2).tolist() == [[1, 2], [2, 1]]
    assert policies.first(scores["popular lately"], 2).tolist() == [[2, 1]] * 2
    assert policies.first(scores["unpopular"], 1).tolist() == [[0], [0]]


# Prediction


def test_offline_numbers_by_hand():
    pages = np.array([[0, 1], [2, 0], [1, 2]])
    plays = np.array([[3, 0, 1], [0, 0, 2], [0, 0, 0]])
    assert prediction.recall(pages, plays) == pytest.approx((3 / 4 + 1) / 2)  # the third has no plays
    log = log_of([(0, 0, 0, 1, 1), (0, 0, 2, 1, 1), (0, 1, 2, 1, 0), (0, 1, 2, 0, 1), (0, 2, 2, 1, 1)])
    assert prediction.caught(pages, log) == pytest.approx(2 / 3)


def test_worth_is_what_simulated_sessions_play():
    world = World("shown", members=30, titles=20)
    pages = policies.first(np.random.default_rng(1).random((30, 20)), 10)
    draw = np.random.default_rng(2)
    counts = []
    for day in range(prediction.CUT, world.days):
        chance = np.take_along_axis(world.utility(day), pages, 1) * examined()
        counts.append((draw.random((400, *chance.shape)) < chance).sum(2).mean(0))
    simulated = np.array(counts)
    error = simulated.std() / np.sqrt(simulated.size)
    assert abs(simulated.mean() - prediction.worth(pages, world)) < 4 * error


def test_the_random_slice_is_proportional_to_worth():
    """In random slots a play comes with the utility alone."""
    world = World("shown", members=30, titles=20, new=0.0, drift=0.0)
    pages = policies.first(np.random.default_rng(3).random((30, 20)), 5)
    log = record(world, 20_000, slice_=1.0)
    utility = world.utility(0)
    share = np.take_along_axis(utility, pages, 1).sum() / utility.sum()
    plays = log.plays
    error = np.sqrt(share * (1 - share) / len(plays.day))
    assert abs(prediction.caught(pages, log) - share) < 4 * error


def test_plays_predict_where_popularity_is_taste_and_not_where_it_is_exposure():
    facts = prediction.facts()
    liked, shown = prediction.agreement("liked", "recall"), prediction.agreement("shown", "recall")
    slices = prediction.agreement("shown", "slice_")
    assert liked.min() > 0.8
    assert shown.max() < 0.65
    assert slices.min() > shown.max()
    assert prediction.agreement("shown", "recall", serious=False).mean() > shown.mean() + 0.1  # junk flatters
    assert prediction.kept("liked", "recall").mean() > 0.97
    assert prediction.kept("shown", "recall").mean() < 0.9 < prediction.kept("shown", "slice_").mean()
    names = [n for n in policies.POLICIES if n not in prediction.JUNK]
    ranks = [
        np.array([stats.rankdata([getattr(prediction.judged("shown", s)[n], part) for n in names]) for s in range(8)])
        for part in ("recall", "worth", "slice_")
    ]

    def r(a, b):
        return np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)])

    assert facts["shown_r"] == f"{r(ranks[0], ranks[1]):.2f}"
    assert facts["slice_r"] == f"{r(ranks[2], ranks[1]):.2f}"
    assert float(facts["liked_r"]) == pytest.approx(liked.mean(), abs=0.006)
    worlds = [prediction.judged("shown", seed) for seed in range(8)]
    best = [max(w.values(), key=lambda j: j.worth).worth for w in worlds]
    for part, fact in (("recall", "shown_kept"), ("slice_", "slice_kept")):
        places = [stats.rankdata([-getattr(j, part) for j in w.values()], method="min") for w in worlds]
        chosen = [np.array([j.worth for j in w.values()])[p == 1].mean() for w, p in zip(worlds, places, strict=True)]
        assert facts[fact] == f"{np.mean(np.divide(chosen, best)):.0%}"
    assert facts["junk_r"] == f"{prediction.agreement('shown', 'recall', serious=False).mean():.2f}"


def test_the_worlds_print_the_same_recall_and_another_worth():
    facts = prediction.facts()
    gaps = []
    for name in ("popular", "own plays", "EASE", "SVD"):
        liked, shown = (np.array([prediction.judged(f, s)[name].recall for s in range(8)]) for f in ("liked", "shown"))
        gaps.append(stats.ttest_rel(liked, shown).pvalue)
        assert abs(liked.mean() - shown.mean()) < 0.01
    assert min(gaps) > 0.001
    for key, fame, name, part in (
        ("liked_popular", "liked", "popular", "recall"),
        ("shown_popular", "shown", "popular", "recall"),
        ("popular_worth", "shown", "popular", "worth"),
        ("random_worth", "shown", "random", "worth"),
        ("best_worth", "shown", "SVD / times shown", "worth"),
        ("best_recall", "shown", "SVD / times shown", "recall"),
    ):
        values = [getattr(prediction.judged(fame, seed)[name], part) for seed in range(8)]
        assert facts[key] == f"{sum(values) / 8:.2f}"
    worths = {n: prediction.average("shown", n, "worth") for n in policies.POLICIES}
    assert max(worths, key=worths.get) == "SVD / times shown"
    assert worths["popular"] < 1.1 * worths["random"]


# Splits


def test_what_a_split_lets_a_model_know():
    log = log_of([(2, 0, 0, 0, 1), (3, 1, 0, 0, 1), (20, 0, 1, 0, 1), (21, 1, 1, 0, 1), (22, 0, 2, 0, 1)])
    test = splits.last_play(log, 3)
    assert test.tolist() == [False, False, False, True, True]
    assert splits.known(log, test, "leave-one-out", 21).tolist() == [True, True, True, False, False]
    assert splits.known(log, test, "one cut", 21).tolist() == [True, True, False, False, False]
    assert splits.known(log, test, "day by day", 21).tolist() == [True, True, True, False, False]
    assert splits.known(log, test, "day by day", 22).tolist() == [True, True, True, True, False]


def test_nothing_later_reaches_a_page_made_day_by_day():
    world, log = splits.visits(0)
    rows = log.where(splits.known(log, splits.last_play(log, world.members), "day by day", 17))
    assert rows.day.max() == 16
    for name in splits.NAMES:
        assert splits.reported(0, "day by day", name)[1] <= splits.reported(0, "leave-one-out", name)[1]
    assert splits.reported(0, "day by day", "popular")[1] == 0
    stay = [log.day[log.member == m].max() - log.day[log.member == m].min() for m in np.unique(log.member)]
    assert max(stay) < splits.STAY


@pytest.mark.parametrize("split", ["leave-one-out", "day by day"])
def test_expected_hit_rates_are_those_of_the_plays_that_happened(split):
    hits, expected = [], []
    for seed in range(splits.SEEDS):
        asked = splits.asked(seed)
        for row in range(len(asked.day)):
            day = int(asked.day[row]) if split == "day by day" else 0
            page = splits.pages(seed, split, day)["EASE"][asked.member[row]]
            hits.append(asked.title[row] in page)
        expected.append(splits.reported(seed, split, "EASE")[0])
    error = np.std(hits) / np.sqrt(len(hits))
    assert abs(np.mean(hits) - np.mean(expected)) < 4 * error


def test_leave_one_out_turns_recent_popularity_around_in_each_world():
    loo = [splits.over_seeds("leave-one-out", n)[:, 0] for n in ("popular", "popular lately")]
    live = [splits.over_seeds("day by day", n)[:, 0] for n in ("popular", "popular lately")]
    assert (loo[0] > loo[1]).all()
    assert (live[1] > live[0]).all()
    assert splits.rank_of("leave-one-out", "popular lately") == [4] * 8
    assert splits.rank_of("day by day", "popular") == [4] * 8
    facts = splits.facts()
    assert facts["flips"] == str((loo[0] > loo[1]).sum()) == "8"
    assert [facts[k] for k in ("loo_popular", "loo_lately")] == [f"{x.mean():.3f}" for x in loo]
    assert [facts[k] for k in ("live_popular", "live_lately")] == [f"{x.mean():.3f}" for x in live]
    for name in ("EASE", "SVD of damped plays"):
        assert (splits.over_seeds("leave-one-out", name)[:, 0] > splits.over_seeds("day by day", name)[:, 0]).sum() >= 7
    ease = [f"{splits.over_seeds(s, 'EASE')[:, 0].mean():.3f}" for s in ("leave-one-out", "day by day")]
    assert [facts["loo_ease"], facts["live_ease"]] == ease
    unborn = []
    for seed in range(8):
        launch, asked = splits.visits(seed)[0].launch, splits.asked(seed)
        page = splits.pages(seed, "leave-one-out", 0)["popular lately"][asked.member]
        unborn.append((launch[page] > asked.day[:, None]).mean())
    assert facts["unborn"] == f"{np.mean(unborn):.1%}"


# Intervals


def test_the_bootstrap_is_scipys_and_the_unpaired_interval_is_welchs():
    a, b = comparison.two_policies()
    low, high = comparison.bootstrap(a - b)
    theirs = stats.bootstrap((a - b,), np.mean, method="percentile", n_resamples=4000, rng=1).confidence_interval
    wide = theirs.high - theirs.low
    assert (low, high) == (pytest.approx(theirs.low, abs=0.1 * wide), pytest.approx(theirs.high, abs=0.1 * wide))
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    ours = comparison.unpaired(a, b)
    assert ours == (pytest.approx(welch.low, abs=0.0005), pytest.approx(welch.high, abs=0.0005))
    assert ours[0] < 0 < low  # only the paired interval sees the difference
    assert comparison.facts()["correlation"] == f"{stats.pearsonr(a, b).statistic:.2f}"


def test_intervals_over_plays_cover_as_often_as_theory_says():
    each, all_ = 0.2**2 + 0.6**2 / 25, 0.2**2 + 0.6**2
    right = stats.norm.cdf(1.96 * np.sqrt(all_ / 25 / each)) * 2 - 1
    facts = comparison.facts()
    assert comparison.coverage("plays") == pytest.approx(right, abs=0.06)
    assert comparison.coverage("users") == pytest.approx(0.95, abs=0.03)
    assert facts["by_plays"] == f"{comparison.coverage('plays'):.0%}" == "73%"


# Interleaving


def test_a_draft_by_hand():
    a, b = [1, 2, 3, 4], [2, 5, 1, 6]
    assert interleaving.draft(a, b, [True, True]) == ([1, 2, 3, 5], [1, -1, 1, -1])
    assert interleaving.draft(a, b, [False, True]) == ([2, 1, 3, 5], [-1, 1, 1, -1])
    assert len(list(interleaving.all_drafts(a, b, 4))) == 4


def test_credit_is_fair_and_what_simulated_sessions_give():
    draw = np.random.default_rng(1)
    a, b = (draw.permutation(20).tolist() for _ in range(2))
    assert interleaving.credit(a, b, np.full(20, 0.3), 6)[0] == pytest.approx(0, abs=1e-12)
    # one good title, in the first or the second slot: one play with chance p, or none
    p = (1 + 2**-0.5) / 2
    assert interleaving.credit([0], [1], np.array([1.0, 0.0]), 2) == (pytest.approx(p), pytest.approx(p * (1 - p)))
    utility = draw.random(20)
    assert interleaving.credit(a, a, utility, 6)[0] == pytest.approx(0, abs=1e-12)
    mean, variance = interleaving.credit(a, b, utility, 6)
    assert interleaving.credit(b, a, utility, 6) == (pytest.approx(-mean), pytest.approx(variance))
    totals = []
    for _ in range(20_000):
        page, team = interleaving.draft(a, b, draw.random(3) < 0.5)
        totals.append(((draw.random(6) < utility[page] * examined(6)) * np.array(team)).sum())
    assert abs(np.mean(totals) - mean) < 4 * np.sqrt(variance / 20_000)
    assert np.var(totals) == pytest.approx(variance, rel=0.05)


def test_interleaving_agrees_with_the_split_test_and_needs_fewer_sessions():
    for a, b in interleaving.PAIRS:
        whole, mixed = interleaving.needed(a, b, False), interleaving.needed(a, b, True)
        assert whole[0] > 0
        assert mixed[0] > 0
        assert whole[1] > 1.5 * mixed[1]
    facts = interleaving.facts()
    ratios = [interleaving.needed(*p, False)[1] / interleaving.needed(*p, True)[1] for p in interleaving.PAIRS]
    assert (facts["least_ratio"], facts["greatest_ratio"]) == (f"{min(ratios):.1f}", f"{max(ratios):.1f}")


def test_the_sessions_needed_find_the_effect_in_four_of_five_tests():
    utility, lists = interleaving.service()
    a, b = interleaving.PAIRS[3]
    draw = np.random.default_rng(4)
    whole = round(interleaving.needed(a, b, False)[1] / 2)
    mixed = round(interleaving.needed(a, b, True)[1])
    looks, found = examined(6), np.zeros(2)
    for _ in range(400):
        arms = []
        for name in (a, b):
            who = draw.integers(0, len(utility), whole)
            chance = utility[who[:, None], lists[name][who, :6]] * looks
            arms.append((draw.random(chance.shape) < chance).sum(1))
        found[0] += stats.ttest_ind(*arms, equal_var=False).pvalue < 0.05
        credits = []
        for member in draw.integers(0, len(utility), mixed):
            page, team = interleaving.draft(lists[a][member].tolist(), lists[b][member].tolist(), draw.random(3) < 0.5)
            credits.append(((draw.random(6) < utility[member][page] * looks) * np.array(team)).sum())
        found[1] += stats.ttest_1samp(credits, 0).pvalue < 0.05
    assert found / 400 == pytest.approx(0.8, abs=0.08)
