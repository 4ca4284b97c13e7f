"""Pages against enumeration and assignment; models against scikit-learn; caches against simulation."""

import math
import re
from itertools import pairwise, permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import integrate, linalg, stats
from scipy.optimize import linear_sum_assignment
from scipy.special import expit
from sklearn.linear_model import Ridge
from sklearn.metrics import label_ranking_average_precision_score

from snippets.recommenders.netflix_personalization import (
    ageing,
    best,
    calculator,
    decoding,
    delay,
    drawing,
    home,
    launch,
    published,
    rules,
    targets,
    versions,
)
from snippets.recommenders.netflix_personalization.home import Home
from snippets.recommenders.netflix_personalization.plays import SERIES, plays, sequel
from snippets.worlds.world import World

PAGE = Path(__file__).parents[2] / "docs/recommenders/netflix-personalization.md"


# Grades


def graded() -> list[dict[str, str]]:
    """The rows of the page's tables that have a grade."""
    rows: list[dict[str, str]] = []
    head: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif "Grade" in head and set(cells[0]) - set("-: "):
            assert len(cells) == len(head), line
            rows.append(dict(zip(head, cells, strict=True)))
    return rows


def test_each_claim_has_a_date_a_grade_and_what_it_rests_on():
    """Published: a source. Derived: a source and a computed number, or words alone. Guessed: what would settle it."""
    rows = graded()
    assert len(rows) > 40
    for row in rows:
        months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
        told = re.fullmatch(rf"\*\*(published|derived|guessed)\*\* ({months}) 20\d\d", row["Grade"])
        assert told, row
        guessed = told[1] == "guessed"
        assert row["Rests on"].startswith("open: ") == guessed, row
        assert bool(re.search(r"\[@\w+", row["Rests on"])) != guessed, row
        numbers = re.search(r"\d", re.sub(r"<data.*?</data>|\(.*?\)", "", row["Claim"]))
        if told[1] == "derived" and numbers:
            assert "<data value=" in row["Claim"] + row["Rests on"], row


def test_each_grade_is_used_and_a_guess_cites_nobody():
    grades = [row["Grade"].split("*")[2] for row in graded()]
    assert all(grades.count(grade) >= 6 for grade in ("published", "derived", "guessed"))
    assert not any("[@" in row["Claim"] + row["Rests on"] for row in graded() if "guessed" in row["Grade"])


# Published numbers


def test_the_widest_interval_has_the_p_value_it_was_made_from():
    low, high = published.widest(0.24, 0.001)
    error = (high - low) / 2 / stats.norm.ppf(0.975)
    assert (low + high) / 2 == pytest.approx(0.24)
    assert 2 * stats.norm.sf(0.24 / error) == pytest.approx(0.001)
    narrow = published.widest(0.24, 1e-6)
    assert low < narrow[0] < narrow[1] < high
    assert published.widest(0.24, 0.05)[0] == pytest.approx(0, abs=1e-12)


def test_a_fifth_less_time_is_a_quarter_more_speed():
    assert published.speedup(0.2) == pytest.approx(1.25)
    assert published.speedup(0.5) == pytest.approx(2)


def test_growth_by_a_power_law():
    """A loss that falls as the size to the power of minus a half: four times the size halves it."""
    assert published.same_by_size(0.5, 4, 0.75) == pytest.approx(16)
    grown = published.same_by_size(0.013, 7.5, 0.069)
    exponent = math.log(1 - 0.013) / math.log(7.5)
    assert grown**exponent == pytest.approx(1 - 0.069)
    assert published.needed(120e6, 0.013, 7.5, 0.069) == pytest.approx(120e6 * grown)


def test_the_output_layer_is_what_pytorch_counts():
    layer = torch.nn.TransformerEncoderLayer(64, 4, 256, bias=False)
    body = 6 * sum(weight.numel() for weight in layer.parameters() if weight.ndim == 2)
    output = torch.nn.Linear(64, 5000, bias=False).weight.numel()
    assert published.decoding_share(6, 64, 5000) == pytest.approx(output / (body + output))


def test_the_prize_was_decided_by_the_order_of_two_equal_entries():
    """What the runner-up published: both round to the same four digits, and a blend beats both."""
    first, second, blend = 0.856704, 0.856714, 0.855476
    assert round(first, 4) == round(second, 4) == 0.8567
    gains = [f"{published.improvement(0.9525, error):.2%}" for error in (first, second, blend)]
    assert gains == ["10.06%", "10.06%", "10.19%"]
    assert published.density(6, 3, 4) == 0.5
    assert published.per_member(100e9, 300e6) == pytest.approx(1000 / 3)


# The page of a home


def two(places, boredom=0.8):
    """A home of one genre whose member played entity 0."""
    return Home(np.array(places), np.ones((1, len(places)), dtype=bool), (0,), 1, 2, boredom)


def test_a_copy_loses_its_share_and_a_stranger_does_not():
    one = two([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert one.liking == pytest.approx(expit([2.5, 2.5, -1.5]))
    page = [3, 0]
    worth = one.values(page)
    assert worth[1] == pytest.approx(0.2 * expit(2.5) / math.sqrt(2))
    assert worth[2] == pytest.approx(expit(-1.5) / math.sqrt(2))
    assert one.reward([3, 0, 1]) == pytest.approx(expit(2.5) + worth[1])


def test_a_place_counts_rows_and_columns():
    one = home.home(0)
    assert [one.place([0] * length) for length in range(6)] == [(0, -1), (0, 0), (0, 1), (0, 2), (1, -1), (1, 0)]


def test_the_taste_is_in_the_prompt():
    """Who played an entity twice likes those near it more than who played two others."""
    one = home.home(3)
    fan = Home(one.places, one.belongs, (5, 5))
    other = Home(one.places, one.belongs, (5, 6))
    assert fan.liking[5] == pytest.approx(expit(4 - 1.5))
    assert other.liking[5] < fan.liking[5]


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_decoded_page_keeps_the_rules(first):
    for seed in range(6):
        one = home.home(seed)
        page, count = decoding.decode(one, first)
        assert len(set(page)) == len(page) == 8
        assert count == decoding.passes(2, 3, first)
        for row in (page[:4], page[4:]):
            assert row[0] >= one.entities
            assert one.belongs[row[0] - one.entities][row[1:]].all()


def test_a_mask_names_what_may_come_next():
    one = home.home(1)
    start = one.allowed([])
    assert not start[: one.entities].any()
    assert start[one.entities :].all()
    page, _ = decoding.decode(one, 2)
    inside = one.allowed(page[:6])
    fits = one.belongs[page[4] - one.entities].copy()
    fits[[page[1], page[2], page[3], page[5]]] = False
    assert np.array_equal(inside[: one.entities], fits)
    assert not inside[one.entities :].any()


def test_a_row_that_cannot_be_filled_is_not_begun():
    one = rules.wide(0, 5)
    filled = [int(entity) for entity in np.flatnonzero(one.belongs[0])]
    first, shared = filled[:5], one.belongs[:, filled[:5]].sum(axis=1)
    mask = one.allowed([one.entities, *first])[one.entities :]
    assert mask.tolist() == [False, *(6 - shared[1:] >= 5)]


def test_all_pages_are_those_that_the_masks_let_through():
    """The list is made from permutations; the walk here asks the mask before each token."""
    small = home.home(2, genres=3, each=2)
    small = Home(small.places, small.belongs, small.prompt, width=2)

    def walk(page):
        if len(page) == 6:
            return [page]
        return [full for token in np.flatnonzero(small.allowed(page)) for full in walk([*page, int(token)])]

    listed = {tuple(page) for page in best.every_page(small).tolist()}
    assert listed == {tuple(page) for page in walk([])}
    assert len(listed) > 100


def test_rewards_of_all_pages_are_those_of_each():
    for seed in (0, 7):
        one = home.home(seed)
        some = best.every_page(one)[seed::9001]
        each = [one.reward(page) for page in some.tolist()]
        assert best.rewards(one, some) == pytest.approx(each, rel=1e-12)
        page, worth = best.best(one)
        assert worth == pytest.approx(one.reward(page))
        assert worth == best.rewards(one, best.every_page(one)).max()


@pytest.mark.parametrize("seed", range(5))
def test_without_boredom_the_best_page_is_an_assignment(seed):
    """Entities to slots, for each pair of rows, by SciPy."""
    one = home.home(seed, boredom=0.0)
    looks = [1 / math.sqrt((1 + row) * (1 + column)) for row, column in product(range(2), range(3))]
    found = []
    for rows in permutations(range(4), 2):
        fits = np.repeat(one.belongs[list(rows)], 3, axis=0)
        worth = np.outer(looks, one.liking) * fits
        slots, entities = linear_sum_assignment(worth, maximize=True)
        found.append(worth[slots, entities].sum())
    assert best.best(one)[1] == pytest.approx(max(found))


def test_without_boredom_one_pass_a_row_is_enough():
    """An identity: if no value depends on the prefix, the order of passes changes nothing."""
    for seed in range(10):
        one = home.home(seed, boredom=0.0)
        pages = [decoding.decode(one, first)[0] for first in range(4)]
        assert all(page == pages[0] for page in pages)
        bored = home.home(seed)
        assert decoding.decode(bored, 2)[0] == decoding.decode(bored, 9)[0]


def test_more_passes_come_closer_to_the_best_page():
    once, hybrid, full = (decoding.mean_share(first) for first in (0, 1, 2))
    assert once + 0.02 < hybrid < full < 0.99
    worst = min(decoding.share(seed, 2) for seed in decoding.SEEDS)
    assert 0.8 < worst < 0.95
    assert decoding.saved(20, 40, 3) == pytest.approx(1 - 100 / 820)
    assert decoding.passes(2, 3, 2) == decoding.passes(2, 3, 3) == 8


def test_a_filter_leaves_holes_and_a_mask_does_not():
    for width in (3, 4):
        assert rules.holes(width) > 20
        assert rules.dead_ends(width) == 0
        assert rules.filled(width) == 20
    assert rules.dead_ends(5) == 20
    assert rules.filled(5) == 20
    one = rules.wide(4, 3)
    page = rules.filtered(one)
    assert len(page) == 8
    shown = [token for token in page if token is not None]
    assert len(set(shown)) == len(shown)


def test_the_drawing_shows_the_page_that_is_decoded():
    drawn = drawing.figure_tokens()
    assert drawn.count("stroke-dasharray") == 4
    assert drawn.count("<rect") == 3 + 8 + 12
    one = home.home(0)
    page, _ = decoding.decode(one, 1)
    closed = 12 - int(one.allowed(page[:6])[:12].sum())
    assert drawn.count("<path") == closed


# The cache


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


# A new title


def test_a_half_step_is_a_ridge_regression_from_the_prior():
    draw = np.random.default_rng(3)
    x, played, prior = draw.normal(size=(40, 5)), draw.random(40), draw.normal(size=5)
    theirs = Ridge(alpha=7.0, fit_intercept=False).fit(x, played - x @ prior).coef_
    assert launch.half_step(x, played, prior, 7.0) == pytest.approx(prior + theirs)
    assert launch.half_step(x[:0], played[:0], prior, 7.0) == pytest.approx(prior)


def test_the_audience_is_the_best_tenth():
    truth = np.arange(20.0)
    assert launch.audience(truth, truth) == 1
    assert launch.audience(-truth, truth) == 0
    assert launch.audience(np.where(truth == 19, 99.0, -truth), truth) == 0.5


def test_too_eager_an_id_loses_what_the_description_knew():
    """In each of five worlds in which popular titles are shown more."""
    for seed in launch.SEEDS:
        shares = launch.found("shown", seed)
        assert shares[0, "both, eager"] == shares[0, "description"] > 0.5
        assert shares[1, "both, eager"] < shares[0, "description"] - 0.1
        assert shares[1, "both, patient"] > shares[1, "both, eager"] + 0.1
        assert shares[0, "ID alone"] < 0.2
        assert shares[7, "ID alone"] > 0.45
        assert shares[7, "fallback"] < 0.2
    assert launch.mean_found("liked", 7, "both, patient") < launch.mean_found("liked", 7, "description")


# Two versions


def test_the_rotation_is_scipys_and_changes_no_score():
    draw = np.random.default_rng(5)
    new, reference, members = draw.normal(size=(50, 6)), draw.normal(size=(50, 6)), draw.normal(size=(9, 6))
    turn = versions.rotation(new, reference)
    assert turn == pytest.approx(linalg.orthogonal_procrustes(new, reference)[0])
    assert (members @ turn) @ (new @ turn).T == pytest.approx(members @ new.T)


def test_factors_are_ridge_regressions_of_each_other():
    plays_ = (np.random.default_rng(6).random((40, 30)) < 0.2).astype(float)
    members, titles = versions.factors(plays_, seed=1)
    theirs = Ridge(alpha=versions.PENALTY, fit_intercept=False).fit(titles, plays_.T).coef_
    assert members == pytest.approx(theirs)
    again = Ridge(alpha=versions.PENALTY, fit_intercept=False).fit(members, plays_).coef_
    assert titles.shape == again.shape == (30, 8)


def test_a_consumer_of_the_first_version_is_lost_in_the_next():
    for seed in versions.SEEDS:
        shares = versions.served(seed)
        assert shares["trained on this"][0] > 0.7
        assert shares["turned back"][0] > max(0.5, shares["next version"][0])
        assert 0.5 < shares["next version"][1] / shares["trained on this"][1] < 1.5
    assert versions.mean_right("turned back") > versions.mean_right("next version") + 0.5
