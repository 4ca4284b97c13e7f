"""Half-steps against implicit, EASE against Ridge, gradients against autograd, the search against all subsets."""

import itertools

import numpy as np
import pytest
import torch
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix, random_array
from scipy.stats import norm
from sklearn.linear_model import Ridge
from sklearn.metrics import ndcg_score
from sklearn.metrics.pairwise import cosine_similarity

from snippets.recommenders.collaborative_filtering import (
    budget,
    calculator,
    checks,
    drawing,
    factors,
    gauge,
    leaks,
    neighbors,
    pairs,
    search,
    small,
    splits,
    transposed,
    truth,
)
from snippets.recommenders.collaborative_filtering.budget import MOVIES, WORLD
from snippets.worlds.world import World

DICE = np.random.default_rng(0)


def counts(users=30, items=20, seed=0):
    """A matrix of whole counts, a few in each row."""
    draw = np.random.default_rng(seed)
    plays = random_array((users, items), density=0.25, format="csr", rng=draw)
    return csr_matrix((draw.integers(1, 4, plays.nnz).astype(float), plays.indices, plays.indptr), plays.shape)


# iALS


@pytest.mark.parametrize("alpha", [0.5, 40.0])
def test_the_last_half_step_is_that_of_implicit(alpha):
    """Its data are the weights themselves: 1 + alpha r, not r."""
    plays = counts()
    weights = plays.copy()
    weights.data = 1 + alpha * plays.data
    model = AlternatingLeastSquares(5, regularization=2.0, alpha=1.0, iterations=3, dtype=np.float64, use_cg=False,
                                    num_threads=1, random_state=0)  # fmt: skip
    model.fit(weights, show_progress=False)
    ours = factors.half_step(plays.T.tocsr(), model.user_factors, alpha, 2.0)
    assert np.abs(ours - model.item_factors).max() < 1e-12
    assert np.allclose(factors.confidence(plays.data, alpha), weights.data)


def test_a_half_step_leaves_no_gradient_of_the_loss():
    plays, items = counts(seed=1), DICE.normal(size=(20, 4))
    users = torch.tensor(factors.half_step(plays, items, 3.0, 0.7), requires_grad=True)
    dense, fixed = torch.tensor(plays.toarray()), torch.tensor(items)
    weight = torch.where(dense > 0, 1 + 3.0 * dense, 1.0)
    errors = weight * ((dense > 0).double() - users @ fixed.T) ** 2
    value = errors.sum() + 0.7 * (users**2).sum() + 0.7 * (fixed**2).sum()
    value.backward()
    assert users.grad.abs().max() < 1e-10
    assert factors.loss(plays, users.detach().numpy(), items, 3.0, 0.7) == pytest.approx(value.item(), rel=1e-12)


def test_each_round_lowers_the_loss_and_shapes_are_those_of_users_and_items():
    plays = counts(seed=2)
    values = []
    for rounds in (1, 2, 4, 8):
        users, items = factors.fit(plays, 3, 2.0, 0.5, rounds)
        values.append(factors.loss(plays, users, items, 2.0, 0.5))
    assert values == sorted(values, reverse=True)
    assert (users.shape, items.shape) == ((30, 3), (20, 3))


# BPR


def test_the_gradients_of_bpr_are_those_of_autograd():
    plays = counts(seed=3)
    other = DICE.integers(0, 20, plays.nnz)
    users, items = DICE.normal(size=(30, 4)), DICE.normal(size=(20, 4))
    u, v = (torch.tensor(part, requires_grad=True) for part in (users, items))
    row = torch.tensor(plays.nonzero()[0])
    gap = (u[row] * (v[torch.tensor(plays.indices).long()] - v[torch.tensor(other)])).sum(1)
    (torch.nn.functional.softplus(-gap).sum() + 0.15 * ((u**2).sum() + (v**2).sum())).backward()
    ours = pairs.gradients(users, items, plays, other, 0.3)
    assert np.allclose(ours[0], u.grad, atol=1e-12)
    assert np.allclose(ours[1], v.grad, atol=1e-12)


def test_the_loss_of_a_pair_and_its_slope():
    gap = torch.linspace(-30, 30, 13, dtype=torch.float64, requires_grad=True)
    value = -torch.nn.functional.logsigmoid(gap)
    value.sum().backward()
    assert np.allclose(pairs.loss(gap.detach().numpy()), value.detach(), rtol=1e-12)
    assert np.allclose(pairs.slope(gap.detach().numpy()), gap.grad, rtol=1e-9)


def test_training_puts_played_items_first_and_given_items_stand_still():
    plays = counts(seed=4)
    users, items = pairs.fit(plays, 4, 0.2, 0.1, 40)
    scored, played = users @ items.T, plays.toarray() > 0
    gaps = scored[played].mean() - scored[~played].mean()
    assert gaps > 1
    folded, same = pairs.fit(plays, 4, 0.2, 0.1, 40, items=items)
    assert same is items
    assert (folded @ items.T)[played].mean() - (folded @ items.T)[~played].mean() > 1


def test_the_first_step_of_bpr_has_the_size_of_its_rate():
    """Adagrad's first step is the sign of the gradient, times the rate."""
    plays = counts(seed=4)
    one, start = pairs.fit(plays, 4, 0.2, 0.1, 1), pairs.fit(plays, 4, 0.2, 0.1, 0)
    moved = np.abs(one[1] - start[1])
    assert np.median(moved) == pytest.approx(0.2, rel=1e-3)
    assert moved.max() < 0.2001


# EASE and popularity


def test_each_column_of_ease_is_a_ridge_regression_on_the_others():
    plays = counts(seed=5)
    weights, dense = neighbors.ease(plays, 3.0), plays.toarray()
    for item in range(20):
        others = np.delete(np.arange(20), item)
        ridge = Ridge(alpha=3.0, fit_intercept=False).fit(dense[:, others], dense[:, item])
        assert np.allclose(weights[others, item], ridge.coef_, atol=1e-10)
        assert weights[item, item] == 0


def test_the_table_of_ease_has_the_size_that_numpy_reports():
    weights = neighbors.ease(counts(seed=5), 3.0)
    assert neighbors.gigabytes(20) * 1e9 == pytest.approx(weights.nbytes)
    assert neighbors.gigabytes(100_000) == pytest.approx(neighbors.gigabytes(20) * 5000**2)


def test_a_play_counts_half_after_a_half_life():
    item, age = np.array([0, 0, 1, 3]), np.array([0.0, 7.0, 14.0, 0.0])
    assert neighbors.popularity(item, age, 7.0, 5).tolist() == [1.5, 0.25, 0.0, 1.0, 0.0]


# Splits


def made() -> splits.Plays:
    """Two users: one of ten days who goes on for eight, one who comes late."""
    user = np.r_[np.zeros(10), np.zeros(8), np.ones(12)].astype(int)
    item = np.r_[np.arange(10), [3, 0, 1, 2, 9, 4, 11, 10], np.r_[np.arange(8), 20, 8, 5, 9]].astype(int)
    day = np.r_[np.arange(10), np.full(8, 10), np.full(12, 11)].astype(float)
    return splits.Plays(user, item, day)


def test_a_cut_trains_on_the_past_and_asks_for_what_is_new_to_the_user():
    task = splits.cut(made(), 10, 12, 0.5, 100)
    assert task.train.day.max() < 10
    assert task.plays.shape == (1, 10)  # items of later days have no column
    assert task.users.tolist() == [1]  # all that user 0 plays later is old or unknown
    column = {item: place for place, item in enumerate(task.catalog)}
    assert task.history.toarray()[0].nonzero()[0].tolist() == sorted(column[i] for i in (0, 1, 2, 3, 4, 5))
    assert sorted(task.catalog[task.targets.indices]) == [6, 7, 8, 9]


def test_a_catalog_keeps_the_most_played_and_a_place_counts_earlier_rows():
    plays = splits.Plays(np.zeros(6, int), np.array([4, 4, 4, 2, 2, 7]), np.arange(6.0))
    assert splits.cut(plays, 6, 7, 0.0, 2).catalog.tolist() == [4, 2]
    assert splits.place(np.array([5, 1, 5, 5, 1])).tolist() == [0, 0, 1, 2, 1]


def test_movielens_is_cut_at_its_fifths():
    validation, test = budget.tasks(MOVIES)
    everything = splits.movielens()
    assert len(validation.train.day) / len(everything.day) == pytest.approx(0.6, abs=0.001)
    assert len(test.train.day) / len(everything.day) == pytest.approx(0.8, abs=0.001)
    assert not test.history.multiply(test.targets > 0).nnz


def test_shuffled_plays_are_the_same_plays_on_other_days():
    plays = made()
    other = leaks.shuffled(plays)
    assert sorted(zip(other.user, other.item, strict=True)) == sorted(zip(plays.user, plays.item, strict=True))
    assert np.array_equal(other.day, plays.day)
    assert not np.array_equal(other.user, plays.user)


def test_a_random_cut_knows_all_users_and_flatters_ease():
    plays, _ = leaks.everything(MOVIES)
    users, titles = leaks.missing(MOVIES, plays)
    window = plays.day >= budget.tasks(MOVIES)[1].cut
    before, after = set(plays.user[~window]), set(plays.user[window])
    assert users == pytest.approx(len(after - before) / len(after))
    known = set(plays.item[~window])
    assert titles == pytest.approx(np.mean([item not in known for item in plays.item[window]]))
    in_time, at_random = (leaks.score(task, "EASE") for task in (budget.tasks(MOVIES)[1], leaks.at_random(MOVIES)))
    assert at_random > 1.3 * in_time
    assert leaks.flattered() == at_random / in_time
    assert leaks.missing(MOVIES, leaks.shuffled(plays))[0] == 0


# Search


def test_ndcg_is_that_of_scikit_learn():
    task = budget.tasks(WORLD)[1]
    scored = np.random.default_rng(6).normal(size=task.history.shape)
    allowed = task.history.toarray() == 0
    ours = search.ndcg(search.top(scored, task), task)
    for user in range(0, len(ours), 25):
        seen = allowed[user]
        wanted = (task.targets[[user]].toarray()[:, seen] > 0).astype(float)
        assert ours[user] == pytest.approx(ndcg_score(wanted, scored[[user]][:, seen], k=10), abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_the_best_of_n_is_the_mean_over_all_subsets(n):
    draw = np.random.default_rng(7)
    tried = search.Trials([], draw.normal(size=7), draw.normal(size=(7, 3)), [])
    picks = [max(some, key=tried.validation.__getitem__) for some in itertools.combinations(range(7), n)]
    assert np.allclose(search.best_of(tried, n), tried.test[picks].mean(axis=0), atol=1e-12)
    assert search.chance(tried.validation, n).sum() == pytest.approx(1)


def test_scores_are_those_of_the_methods():
    task = budget.tasks(WORLD)[0]
    flat = search.scores("popularity", task, {"half_life": 1e9})
    assert np.allclose(flat[0], np.asarray(task.plays.sum(axis=0)).ravel())
    assert np.allclose(flat[0], flat[-1])
    recent = search.scores("popularity", task, {"half_life": 0.5})[0]
    last = task.train.where(task.train.day == task.train.day.max())
    assert np.corrcoef(recent, np.bincount(last.item, minlength=150)[task.catalog])[0, 1] > 0.9
    weights = neighbors.ease(task.plays, 50.0)
    assert np.allclose(search.scores("EASE", task, {"lam": 50.0}), task.history @ weights)
    how = {"rank": 4, "alpha": 1.0, "lam": 1.0, "rounds": 3}
    items = factors.fit(task.plays, 4, 1.0, 1.0, 3)[1]
    users = factors.half_step(task.history, items, 1.0, 1.0)
    assert np.allclose(search.scores("iALS", task, how), users @ items.T)
    how = {"rank": 4, "rate": 0.2, "lam": 2.0, "rounds": 20}
    by_pairs = search.scores("BPR", task, how)
    assert search.ndcg(search.top(by_pairs, task), task).mean() > 0.12
    assert not np.allclose(by_pairs[0], by_pairs[1])


def test_configurations_stay_in_their_ranges_and_repeat():
    dice = np.random.default_rng(8)
    for _ in range(50):
        assert 1 <= search.draw("popularity", 100.0, dice)["half_life"] <= 100
        assert 1 <= search.draw("EASE", 100.0, dice)["lam"] <= 10_000
        how = search.draw("iALS", 100.0, dice)
        assert 0.1 <= how["alpha"] <= 100
        assert 0.1 <= how["lam"] <= 100
        wide, narrow = search.draw("BPR", 100.0, dice), search.draw("BPR, narrow", 100.0, dice)
        assert 0.01 <= wide["rate"] <= 1
        assert 0.1 <= narrow["rate"] <= 0.5
        assert 1 <= narrow["lam"] <= 5
    validation, test = budget.tasks(WORLD)
    one, again = (search.trials("EASE", validation, test, 3, seed=9) for _ in range(2))
    assert one.configurations == again.configurations
    assert np.array_equal(one.test, again.test)
    first = search.scores("EASE", validation, one.configurations[0])
    assert one.validation[0] == search.ndcg(search.top(first, validation), validation).mean()


def test_the_interval_of_a_difference_is_that_of_the_normal():
    draw = np.random.default_rng(10)
    one, two = draw.normal(size=(2, 60))
    middle, half = budget.paired(one, two)
    low, high = norm.interval(0.95, middle, (one - two).std(ddof=1) / np.sqrt(60))
    assert (middle - half, middle + half) == pytest.approx((low, high), abs=1e-4)


def test_facts_are_means_over_users_of_the_chosen():
    for data, method in ((WORLD, "iALS"), (MOVIES, "EASE")):
        tried = budget.found(data, method)
        assert budget.reached(data, method, 16) == pytest.approx(tried.test[tried.validation.argmax()].mean())
        assert budget.reached(data, method, 1) == pytest.approx(tried.test.mean())
    assert budget.judged(MOVIES) == budget.found(MOVIES, "EASE").test.shape[1]
    gap, half = budget.against(WORLD, "iALS", 16, "EASE", 1)
    assert gap == pytest.approx(budget.reached(WORLD, "iALS", 16) - budget.reached(WORLD, "EASE", 1))
    assert gap > half


def test_the_order_of_ease_and_ials_reverses_in_five_searches():
    for seed in range(5):
        assert budget.lead(seed, 1) < 0 < budget.lead(seed, 16)
    assert budget.against(WORLD, "iALS", 16, "EASE", 16)[0] > budget.against(WORLD, "iALS", 16, "EASE", 16)[1]


def test_whoever_has_sixteen_trials_is_reported_ahead():
    for one, two in itertools.permutations(("popularity", "EASE", "iALS"), 2):
        assert budget.against(MOVIES, one, 16, two, 1)[0] > 0


def test_ranges_decide_about_bpr_and_tuning_hurts_popularity_in_the_world():
    assert budget.reached(WORLD, "BPR, narrow", 1) > budget.reached(WORLD, "BPR", 16)
    assert (
        budget.reached(WORLD, "BPR", 16) < budget.reached(WORLD, "EASE", 16) < budget.reached(WORLD, "BPR, narrow", 16)
    )
    assert budget.reached(WORLD, "popularity", 16) < budget.reached(WORLD, "popularity", 1)


# Truth


@pytest.mark.parametrize("fame", ["liked", "shown"])
def test_worth_is_utility_over_the_best_possible(fame):
    task, tried = budget.tasks(WORLD)[1], budget.found(WORLD, "iALS")
    world, lists = World(fame, **budget.SIZE), tried.lists[3]
    got, best = 0.0, 0.0
    for place, user in enumerate(task.users):
        useful = world.utility(24)[user]
        new = [t for column, t in enumerate(task.catalog) if task.history[place, column] == 0]
        got += sum(useful[task.catalog[column]] for column in lists[place])
        best += sum(sorted((useful[t] for t in new), reverse=True)[:10])
    assert truth.worth(lists, fame) == pytest.approx(got / best)
    assert truth.chosen("iALS", fame) == truth.worth(tried.lists[tried.validation.argmax()], fame)
    draw = np.random.default_rng(11)
    random = [
        np.array([draw.choice(np.flatnonzero(row == 0), 10, replace=False) for row in task.history.toarray()])
        for _ in range(12)
    ]
    assert truth.random_worth(fame) == pytest.approx(np.mean([truth.worth(some, fame) for some in random]), rel=0.03)


def test_plays_rank_lists_where_fame_is_liking_and_mislead_where_it_is_exposure():
    assert truth.chosen("popularity", "liked") > 1.5 * truth.random_worth("liked")
    assert truth.chosen("popularity", "shown") < truth.random_worth("shown")
    assert truth.agreement("popularity", "liked") > 0.9
    assert truth.agreement("popularity", "shown") < -0.9


# What breaks


@pytest.mark.parametrize("power", [1.0, -3.0])
def test_rescaled_factors_predict_the_same_and_change_neighbors(power):
    users, items, names = gauge.trained()
    other_users, other_items = gauge.rescale(users, items, power)
    assert np.allclose(users @ items.T, other_users @ other_items.T, atol=1e-12)
    assert np.allclose(gauge.cosines(items), cosine_similarity(items), atol=1e-12)
    change, plain, by_score = gauge.compared(power)
    assert change < 1e-12
    assert plain < 0.9
    assert by_score == 1
    assert len(names) == 500


def test_the_cosine_of_scores_is_that_of_the_columns_of_predictions():
    users, items, _ = gauge.trained()
    ours = gauge.cosines(items, users.T @ users)
    assert np.allclose(ours, cosine_similarity((users @ items.T).T), atol=1e-10)
    close = gauge.nearest(ours, 2)
    assert all(row not in found for row, found in enumerate(close))
    assert gauge.shared(np.array([[1, 2], [3, 4]]), np.array([[2, 5], [4, 3]])) == 0.75


def test_a_transposed_matrix_is_silent_half_silent_or_loud():
    right, wrong = (float(transposed.outcome(600, 600, turned)) for turned in (False, True))
    assert wrong < 0.03
    assert right > 0.1
    assert (transposed.square(False), transposed.square(True)) == pytest.approx((right, wrong), abs=0.0006)
    test = transposed.watched(600, 600)[1].toarray() > 0
    train = transposed.watched(600, 600)[0].toarray() > 0
    draw = np.random.default_rng(13)
    found = [hit[draw.permutation(np.flatnonzero(~old))[:10]].sum() / 5
             for _ in range(20) for hit, old in zip(test, train, strict=True)]  # fmt: skip
    assert transposed.chance(600) == pytest.approx(np.mean(found), rel=0.1)
    half = transposed.outcome(800, 600, True)
    assert "no items" in half
    assert half.endswith("IndexError")
    assert transposed.outcome(600, 800, True) == "IndexError"


def test_three_checks_notice_each_transposed_matrix_and_the_count_of_rows_does_not():
    for shape in transposed.SHAPES:
        assert transposed.passed(*shape, turned=False) == [True, True, True, True]
        assert transposed.passed(*shape, turned=True)[1:] == [False, False, False]
    assert transposed.passed(600, 600, turned=True)[0]


def test_a_round_trip_needs_each_row_of_the_log():
    matrix = csr_matrix(np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]))
    assert checks.round_trip(matrix, np.array([[0, 2], [1, 1]]))
    assert not checks.round_trip(matrix, np.array([[0, 2], [1, 0]]))
    assert not checks.round_trip(matrix, np.array([[2, 0]]))
    assert checks.hits(matrix, np.array([[2, 1], [0, 1]])) == 2


def test_the_metric_of_the_library_is_zero_on_what_it_trained_on(capsys):
    transposed.example_zeros()
    train, test = capsys.readouterr().out.splitlines()
    assert "precision 0.000  map 0.000  ndcg 0.000" in train
    precision = float(test.split("precision ")[1][:5])
    model, data = transposed.fitted(transposed.watched(600, 600)[0]), transposed.watched(600, 600)
    assert precision == pytest.approx(transposed.recall(model, *data, np.arange(600))[0], abs=0.001)


# Calculator


def test_the_small_half_step_is_that_of_implicit_and_the_small_ease_that_of_ridge():
    plays = counts(8, 6, seed=12)
    items = np.array(small.ials(plays.toarray().tolist(), 2, 0.5, 3.0))
    weights = plays.copy()
    weights.data = 1 + 0.5 * plays.data
    model = AlternatingLeastSquares(2, regularization=3.0, dtype=np.float64, num_threads=1)
    model.item_factors, model.user_factors = items, np.zeros((8, 2))
    theirs = model.recalculate_user(np.arange(8), weights)
    ours = np.array(small.half_step(plays.toarray().tolist(), items.tolist(), 0.5, 3.0))
    assert np.allclose(ours, theirs, atol=1e-10)
    scored = small.scored(plays.toarray().tolist(), plays.toarray()[1].tolist(), 2, 0.5, 3.0)
    assert np.allclose(scored, items @ theirs[1], atol=1e-10)
    dense, others = plays.toarray(), np.arange(1, 6)
    ridge = Ridge(alpha=2.0, fit_intercept=False).fit(dense[:, others], dense[:, 0])
    assert np.allclose(np.array(small.ease(dense.tolist(), 2.0))[others, 0], ridge.coef_, atol=1e-10)


def test_more_weight_on_plays_changes_what_stands_first():
    light, heavy = calculator.small_matrix(alpha=0.5), calculator.small_matrix(alpha=4.0)
    assert (light["first by iALS"], heavy["first by iALS"]) == ("Heat", "Gilda")
    assert light["first by popularity"] == "Heat"
    assert light["first by iALS as α grows"] == heavy["first by iALS as α grows"] == "Heat (from 0), Gilda (from 1)"
    assert [row[0] for row in heavy["table"]][1] == "Gilda"


@pytest.mark.parametrize(
    ("how", "field", "words"),
    [
        ({"rows": "Ann Alien"}, "rows", "line 1: write a user"),
        ({"rows": "Ann: Alien"}, "rows", "2 to 60 users"),
        ({"user": 9}, "user", "there are 8 users"),
        ({"rows": "Ann: A, B\nBen: A", "user": 1}, "user", "Ann has played every title"),
    ],
)
def test_the_form_says_what_is_wrong(how, field, words):
    with pytest.raises(ValueError, match=words) as error:
        calculator.small_matrix(**how)
    assert error.value.field == field


def test_titles_are_counted_in_alphabetical_order():
    users, names, plays = calculator.read("Ann: B, A, B\n\nBen: C")
    assert (users, names, plays) == (["Ann", "Ben"], ["A", "B", "C"], [[1, 2, 0], [0, 0, 1]])


def test_the_drawing_has_a_product_for_each_play():
    drawn = drawing.figure_gram()
    assert drawn.count('fill="var(--fg-s1)"') == 2 * len(drawing.PLAYED) + 1
