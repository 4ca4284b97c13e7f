"""A cached model against scikit-learn, its age against simulation, its calculator against both."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.linear_model import Ridge
from sklearn.metrics import label_ranking_average_precision_score

from snippets.recommenders.netflix_personalization import ageing, calculator, delay, release, targets
from snippets.recommenders.netflix_personalization.plays import SERIES, plays, sequel
from snippets.worlds.world import World


def test_members_play_each_title_once_and_sequels_in_order():
    world = World("shown", members=60, titles=120, new=0.2)
    order = plays(world, follow=1.0)
    assert all(len(set(row)) == len(row) for row in order.tolist())
    day = np.arange(order.shape[1]) // 2
    assert (world.launch[order] <= day).all()
    after = sequel(120)[order[:, :-1]]
    follows = (order[:, 1:] == after)[after >= 0].mean()
    assert follows > 0.7  # what is missing was played before or is not there yet
    assert sequel(8).tolist() == [1, 2, 3, -1, 5, 6, 7, -1]
    loose = plays(world, follow=0.0)
    assert (loose[:, 1:] == sequel(120)[loose[:, :-1]]).mean() < 0.1


def test_a_first_play_is_drawn_by_taste():
    world = World("shown", members=4, titles=12, days=2, new=0.0)
    first = np.array([plays(world, 0.6, seed)[:, 0] for seed in range(1000)])
    for member in range(4):
        seen = np.bincount(first[:, member], minlength=12)
        assert stats.chisquare(seen, world.next_play(0)[member] * 1000).pvalue > 0.001


def test_the_model_is_a_ridge_regression():
    train, _ = delay.halves(0, 0.6)
    steps = range(4, train.shape[1] - 5, 2)
    x = np.concatenate([targets.features(train, step, delay.TITLES) for step in steps])
    y = np.concatenate([targets.target(train, step, delay.TITLES, targets.HALVED) for step in steps])
    theirs = Ridge(alpha=targets.PENALTY, fit_intercept=False, solver="cholesky").fit(x, y)
    assert targets.fit(train, delay.TITLES, targets.HALVED) == pytest.approx(theirs.coef_.T, abs=1e-9)


def test_features_and_targets_of_a_short_history():
    order = np.array([[3, 0, 2, 1]])
    assert targets.features(order, 1, 4).tolist() == [[1, 0, 0, 0, 1, 0, 0, 1]]
    assert targets.target(order, 0, 4, (1.0,)).tolist() == [[1, 0, 0, 0]]
    assert targets.target(order, 0, 4, (1.0, 0.25)).tolist() == [[1, 0, 0.25, 0]]
    assert [b / a for a, b in pairwise(targets.HALVED)] == [0.5] * 4
    assert SERIES == 4


def test_equal_scores_share_the_middle_rank():
    served = delay.halves(1, 0.6)[1]
    nothing = np.zeros((2 * delay.TITLES, delay.TITLES))
    left = delay.TITLES - 21
    assert delay.serve(served, nothing, 20, 3, False) == pytest.approx(2 / (left + 1))


@pytest.mark.parametrize("missed", [0, 2])
@pytest.mark.parametrize("fresh", [False, True])
def test_reciprocal_ranks_are_scikit_learns(missed, fresh):
    """Average precision with one label is a reciprocal rank; what was seen is left out."""
    train, served = delay.halves(1, 0.6)
    weights, step = targets.fit(train, delay.TITLES, targets.ONE), 20
    ours = delay.serve(served, weights, step, missed, fresh)
    known = step + 1 + missed * fresh
    for member in range(0, len(served), 15):
        scores = targets.features(served[[member]], step, delay.TITLES)[0] @ weights
        left = np.setdiff1d(np.arange(delay.TITLES), served[member, :known])
        label = (left == served[member, step + 1 + missed])[None]
        assert ours[member] == pytest.approx(label_ranking_average_precision_score(label, scores[left][None]))


def test_equal_weights_give_up_the_fresh_result_and_halving_weights_do_not():
    """In each of five worlds with sequels; the failure that the page shows."""
    for seed in delay.SEEDS:
        one, five, halved = (delay.accuracy(seed, 0.6, weights) for weights in targets.TARGETS.values())
        assert one[0] > five[0] + 0.02
        assert one[1] < one[0] / 4
        assert five[1] > one[1] + 0.02
        assert halved[0] > one[0] - 0.01
        assert halved[1] > one[1] + 0.02
        filtered = delay.accuracy(seed, 0.6, targets.FIVE, True)
        assert filtered[0] == five[0]
        assert filtered[1] > five[1]


def test_without_order_several_plays_are_the_better_target_at_any_age():
    for seed in delay.SEEDS:
        one, five, halved = (np.array(delay.accuracy(seed, 0.0, weights, True)) for weights in targets.TARGETS.values())
        assert (five > one).all()
        assert five.mean() > halved.mean() > one.mean()
        assert one[1] > 0.9 * one[0]


# Age and cost


def test_ages_and_missed_plays_in_a_simulated_cache():
    """A refresh each 9 hours, requests at random times, plays as a Poisson process of 3 a day."""
    draw = np.random.default_rng(0)
    age = draw.uniform(0, 9, 200_000)
    counts = draw.poisson(3 * age / 24)
    assert ageing.older(9, 4) == pytest.approx((age > 4).mean(), abs=0.005)
    assert ageing.older(9, 10) == 0
    for count in range(3):
        assert ageing.missed(9, 3, count) == pytest.approx((counts == count).mean(), abs=0.004)
    visits = draw.poisson(0.7 * 9 / 24, 200_000)
    assert ageing.unserved(9, 0.7) == pytest.approx((visits == 0).mean(), abs=0.005)


@pytest.mark.parametrize("period", [0.5, 24.0, 100.0])
def test_expected_accuracy_is_an_integral_over_ages(period):
    curve = [(0, 0.5), (1, 0.3), (4, 0.0), (8, 0.2)]

    def at_age(age):
        counts = np.arange(200)
        worth = np.interp(counts, [0, 1, 4, 8], [0.5, 0.3, 0.0, 0.2])
        return (stats.poisson.pmf(counts, 2 * age / 24) * worth).sum()

    whole = integrate.quad(at_age, 0, period)[0] / period
    assert ageing.expected(period, 2.0, curve) == pytest.approx(whole, rel=1e-6)
    assert ageing.at(curve, 3) == pytest.approx(0.1)
    assert ageing.at(curve, 50) == 0.2


def test_a_cache_costs_less_only_above_the_time_between_visits():
    assert ageing.break_even(2) == 12
    for period, cheaper in ((11, False), (13, True)):
        told = calculator.cache_age(period=period, visits=2)
        cached, asked = (
            float(str(told[f"cost a day, {way}"])[1:].replace(",", "")) for way in ("cached", "on request")
        )
        assert (cached < asked) == cheaper
    assert told["the cache costs less above"] == "12.0 hours"
    assert told["cost a day, on request"] == "$4,000"


def test_the_calculator_starts_from_what_the_page_measured():
    for weights, curve in zip(targets.TARGETS.values(), calculator.read(calculator.CURVES), strict=True):
        measured = [delay.reached(0.6, weights, missed, fresh=True) for missed in delay.MISSED]
        assert [count for count, _ in curve] == list(delay.MISSED)
        assert [worth for _, worth in curve] == pytest.approx(measured, abs=0.0006)


def test_what_the_calculator_tells():
    told = calculator.cache_age()
    for name in calculator.MODELS:
        assert told[f"accuracy, {name}"] == f"{calculator.served(24, name):.3f}"
    assert told["best target"] == "five, halving weights"
    assert told["requests served older than the limit"] == "50%"
    assert told["refreshes that nobody sees"] == f"{math.exp(-1):.0%}"
    assert told["requests with a play missed"] == f"{1 - (1 - math.exp(-2)) / 2:.0%}"
    assert told["lines"]["series"]["next play"][7] == (24, calculator.served(24, "next play"))
    assert told["lines"]["points"]["yours"] == (24, calculator.served(24, "five, halving weights"))
    cross = calculator.crossing()
    assert calculator.served(cross, calculator.NEXT) == pytest.approx(calculator.served(cross, calculator.EQUAL))
    assert 24 < cross < 48
    assert calculator.weekly() == pytest.approx(7 * 24)
    alone = calculator.cache_age(curves="0 0.4 0.3\n3 0.1 0.2", period=500)
    assert alone["best target"] == "model 2"


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ("0 0.3 0.2\n1 0.1", "the same number of accuracies"),
        ("0 0.3 0.2\n1 x 0.1", "line 2: '1 x 0.1' is not a count"),
        ("1 0.3 0.2", "begin at 0 and rise"),
        ("0 0.3 0.2\n2 0.1 0.1\n1 0.1 0.1", "begin at 0 and rise"),
        ("", "begin at 0 and rise"),
        ("0", "at least one"),
    ],
)
def test_curves_that_cannot_be_read_are_refused(curves, words):
    with pytest.raises(ValueError, match=re.escape(words)) as told:
        calculator.cache_age(curves=curves)
    assert told.value.field == "curves"


def test_the_dashboard_mixes_what_its_buckets_show():
    """Accuracy at an age does not know the period; the average over buckets does."""
    curve = calculator.read(calculator.CURVES)[0]

    def at_age(age):
        chances = stats.poisson.pmf(np.arange(100), 2 * age / 24)
        return (chances * [ageing.at(curve, count) for count in range(100)]).sum()

    assert release.between(6, 12) == pytest.approx(integrate.quad(at_age, 6, 12)[0] / 6, rel=1e-6)
    for period in (24.0, 48.0):
        buckets = [(release.share(period, *edges), release.between(*edges)) for edges in pairwise(release.EDGES)]
        assert sum(part for part, _ in buckets) == pytest.approx(1)
        assert sum(part * right for part, right in buckets) == pytest.approx(release.overall(period))
    assert release.overall(48.0) < 0.8 * release.overall(24.0)
