"""Fits against statsmodels, policies against SciPy, tests of a reward model against all draws, and each symptom of the page."""

import ast
import inspect
import itertools
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import integrate, optimize, special, stats
from statsmodels.api import GLM, Logit, families
from statsmodels.miscmodels.ordinal_model import OrderedModel
from trl import RewardTrainer

from snippets.post_training.rlhf.best_of import best_of, quoted_kl
from snippets.post_training.rlhf.preferences import wins
from snippets.rl.reward_modeling import calculator, drawing, errors, forms, judged, measures, pressure, teachers, ties
from snippets.rl.reward_modeling.comparisons import drawn, fit, outcomes
from snippets.rl.reward_modeling.worlds import ERRORS, LANGUAGE, SPREAD, TOP, counts, model, student, world
from snippets.sequences.language import Policy

WORLDS = range(8)


def comparisons(seed, n=400, d=4):
    """Feature gaps, and choices that follow Bradley-Terry."""
    draw = torch.Generator().manual_seed(seed)
    gaps = torch.randn(n, d, generator=draw, dtype=torch.float64)
    chance = wins(gaps @ torch.arange(1.0, d + 1).double())
    return gaps, (torch.rand(n, generator=draw, dtype=torch.float64) < chance).double()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_fit_is_the_logistic_regression_of_statsmodels(seed):
    gaps, chosen = comparisons(seed)
    theirs = Logit(chosen.numpy(), gaps.numpy()).fit(disp=0, tol=1e-12).params
    np.testing.assert_allclose(fit(gaps, chosen, 0.0), theirs, rtol=1e-6)


def test_the_ridge_is_that_of_statsmodels_too():
    gaps, chosen = comparisons(3, n=60)
    theirs = GLM(chosen.numpy(), gaps.numpy(), families.Binomial()).fit_regularized(
        alpha=2.5 / 60, L1_wt=0.0, cnvrg_tol=1e-13, maxiter=2000
    )
    np.testing.assert_allclose(fit(gaps, chosen, 2.5), theirs.params, rtol=1e-4)


def test_a_ridge_of_one_is_the_default_and_keeps_separable_comparisons_finite():
    gaps = torch.eye(2, dtype=torch.float64)
    found = fit(gaps, torch.ones(2).double())
    assert torch.allclose(found, fit(gaps, torch.ones(2).double(), 1.0))
    expected = optimize.brentq(lambda w: w - special.expit(-w), 0, 1)  # its slope: 1 - chance = w
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-8)


def trl_loss(good, bad, center=None, margin=None):
    """`RewardTrainer.compute_loss` itself, on given scores."""
    scores = torch.cat([good, bad])[:, None]
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True), args=SimpleNamespace(center_rewards_coefficient=center),
        accelerator=SimpleNamespace(gather=lambda x: x, gather_for_metrics=lambda x: x),
        _total_train_tokens=0, _tp_size=1, _metrics={"train": defaultdict(list)},
    )  # fmt: skip
    inputs = {"attention_mask": torch.ones(1)} | ({} if margin is None else {"margin": margin})

    def answers(**_):
        return SimpleNamespace(logits=scores)

    answers.training = True
    return RewardTrainer.compute_loss(trainer, answers, inputs)


def test_the_loss_of_trl_is_flat_at_our_weights():
    gaps, chosen = comparisons(4)
    weights = fit(gaps, chosen, 0.0).requires_grad_()
    toward = torch.where(chosen.bool(), 1.0, -1.0)[:, None] * gaps  # chosen less rejected
    loss = trl_loss(toward @ weights, torch.zeros(len(toward)).double())
    assert torch.autograd.grad(loss, weights)[0].abs().max() < 1e-10
    nearby = trl_loss(toward @ (weights * 1.1), torch.zeros(len(toward)).double())
    assert nearby > loss


def test_trl_leaves_the_level_free_unless_it_is_centered_and_takes_a_margin_off():
    draw = torch.Generator().manual_seed(0)
    good, bad = torch.randn(2, 50, generator=draw, dtype=torch.float64)
    plain = trl_loss(good, bad)
    assert trl_loss(good + 7, bad + 7).item() == pytest.approx(plain.item(), rel=1e-12)
    shifted = trl_loss(good + 7, bad + 7, center=0.01) - trl_loss(good + 7, bad + 7)
    assert shifted.item() == pytest.approx(0.01 * ((good + bad + 14) ** 2).mean().item())
    expected = -torch.log(torch.sigmoid(good - bad - 2)).mean().item()
    assert trl_loss(good, bad, margin=torch.tensor(2.0)).item() == pytest.approx(expected)


@pytest.mark.parametrize("seed", [0, 1])
def test_ties_are_the_ordered_logit_of_statsmodels(seed):
    gaps, outcome = ties.judged(world(seed), seed)
    weights, threshold = ties.fit_ties(gaps, outcome)
    both = np.concatenate([gaps, -gaps])  # each comparison from either side: thresholds become symmetric
    levels = np.concatenate([outcome, 2 - outcome])
    ordered = OrderedModel(levels, both, distr="logit")
    theirs = ordered.fit(method="bfgs", disp=0, gtol=1e-8)
    np.testing.assert_allclose(weights, theirs.params[:-2], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(threshold, ordered.transform_threshold_params(theirs.params[-2:])[2], rtol=2e-3)


def test_chances_of_a_tie():
    gap = torch.linspace(-4, 4, 9).double()
    each = ties.chances(gap, torch.tensor(0.7).double())
    torch.testing.assert_close(each.sum(-1), torch.ones(9).double())
    torch.testing.assert_close(each, ties.chances(-gap, torch.tensor(0.7).double()).flip(-1))
    assert each[4, ties.TIE].item() == pytest.approx(np.tanh(0.35))
    torch.testing.assert_close(ties.chances(gap, torch.tensor(0.0).double())[:, ties.FIRST], wins(gap))


def test_only_the_threshold_keeps_the_scale():
    tied, found = ties.scales()
    assert 0.2 < tied < 0.35
    assert found["a threshold"].mean().item() == pytest.approx(1, abs=0.02)
    assert found["ties left out"].min() > 1.25
    assert found["ties by a coin"].max() < 0.9
    assert ties.mean_scale("ties by a coin") == pytest.approx(np.mean(found["ties by a coin"].numpy()))


def test_left_out_ties_steepen_small_gaps_by_up_to_two():
    """With threshold t and a gap near 0 the log-odds of decided comparisons have the slope 2 sigma(t)."""
    for threshold in (0.0, 1.0, 6.0):
        second, _, first = ties.chances(torch.tensor([1e-5]).double(), torch.tensor(threshold).double())[0]
        slope = (first / second).log().item() / 1e-5
        assert slope == pytest.approx(2 * special.expit(threshold), rel=1e-4)
    outcome = outcomes(torch.tensor([[0.0, 0, 1], [1, 0, 0]]), torch.Generator())
    assert outcome.tolist() == [2, 0]


def test_scale_is_a_slope():
    place = world(0)
    weights = torch.linalg.lstsq(place.features, place.worth[:, None]).solution[:, 0]
    assert ties.scale(place, weights) == pytest.approx(1, abs=1e-9)
    assert ties.scale(place, 3 * weights) == pytest.approx(3, abs=1e-9)


@pytest.mark.parametrize("seed", [0, 5])
def test_a_world_is_standardized_and_its_worth_linear(seed):
    place = world(seed)
    assert len(place.reference) == 364 and place.reference.sum().item() == pytest.approx(1)
    torch.testing.assert_close(place.mean(place.features), torch.zeros(12).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(place.mean(place.features**2), torch.ones(12).double())
    assert place.mean(place.worth**2).sqrt().item() == pytest.approx(SPREAD)
    _, residual, *_ = np.linalg.lstsq(place.features.numpy(), place.worth.numpy(), rcond=None)
    assert residual.size == 0 or residual.max() < 1e-15 * len(place.worth)


def test_counts_of_one_reply():
    policy = Policy(LANGUAGE, 0)
    row = (policy.tokens == torch.tensor([2, 2, 3, 0, 0])).all(-1).nonzero()[0, 0]
    found = counts(policy)[row]
    assert found[:3].tolist() == [0, 2, 1]  # words 1, 2, 3
    pairs = found[3:].view(3, 3)
    assert pairs[1, 1] == 1 and pairs[1, 2] == 1 and pairs.sum() == 2


def test_gold_turns_at_the_top_and_a_hole_hides_what_lies_behind():
    place = world(1)
    bent = place.gold(True)
    slopes = 1 - place.worth / TOP  # derivative of the bent gold
    near = place.worth.argsort()
    rising = (bent[near].diff() > 0) == ((slopes[near][1:] + slopes[near][:-1]) > 0)
    assert rising[place.worth[near].diff() > 1e-6].all()
    assert torch.equal(place.gold(False), place.worth)
    found = model("bend in the hole", 1)
    assert found.compared[place.worth > TOP].sum() == 0 and found.compared.sum().item() == pytest.approx(1)
    torch.testing.assert_close(model("bend", 1).compared, place.reference)


def test_own_errors_have_the_quartiles_of_student():
    draw = torch.Generator().manual_seed(0)
    light, heavy = student(40_000, torch.inf, draw), student(40_000, 2.0, draw)
    for found, theirs in ((light, stats.norm), (heavy, stats.t(2))):
        wanted = theirs.ppf([0.6, 0.75, 0.9]) / theirs.ppf(0.75)
        np.testing.assert_allclose(np.quantile(found, [0.6, 0.75, 0.9]), wanted, rtol=0.06)
    assert (heavy.abs() > 10).sum() > 100 > (light.abs() > 10).sum()
    torch.testing.assert_close(model("errors, light tails", 0).gold, world(0).worth)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_accuracy_and_one_of_four_are_those_of_all_draws(seed):
    draw = torch.Generator().manual_seed(seed)
    scores, gold = torch.randint(0, 4, (2, 5), generator=draw).double()
    chances = torch.rand(5, generator=draw, dtype=torch.float64)
    chances = chances / chances.sum()
    right = unlike = best = 0.0
    for i, j in itertools.product(range(5), repeat=2):
        weight = (chances[i] * chances[j]).item() * (gold[i] != gold[j]).item()
        unlike += weight
        right += weight * (0.5 if scores[i] == scores[j] else (scores[i] > scores[j]) == (gold[i] > gold[j]))
    assert measures.accuracy(scores, gold, chances) == pytest.approx(right / unlike)
    for four in itertools.product(range(5), repeat=4):
        tops = [[k for k in range(4) if values[four[k]] == max(values[i] for i in four)] for values in (scores, gold)]
        alone = len(tops[0]) == len(tops[1]) == 1 and tops[0] == tops[1]
        best += alone * chances[list(four)].prod().item()
    assert measures.of_four(scores, gold, chances) == pytest.approx(best)


def test_accuracy_is_a_rank_correlation_and_chance_is_a_half_and_a_quarter():
    draw = torch.Generator().manual_seed(0)
    scores, gold = torch.randn(2, 300, generator=draw, dtype=torch.float64)
    even = torch.full((300,), 1 / 300).double()
    tau = stats.kendalltau(scores, gold).statistic
    assert measures.accuracy(scores, gold, even) == pytest.approx((1 + tau) / 2)
    assert measures.accuracy(scores, gold, even) == pytest.approx(0.5, abs=0.05)
    assert measures.of_four(scores, gold, even) == pytest.approx(0.25, abs=0.04)
    assert measures.of_four(gold, gold, even) == pytest.approx(1, abs=0.03)


def test_the_curve_is_a_mean_for_each_score():
    scores, gold = torch.tensor([2.0, 1, 2]).double(), torch.tensor([1.0, 5, 4]).double()
    levels, share, mean = measures.curve(scores, gold, torch.tensor([0.2, 0.5, 0.3]).double())
    assert levels.tolist() == [1, 2]
    assert share.tolist() == pytest.approx([0.5, 0.5]) and mean.tolist() == pytest.approx([5, 2.8])


def test_rarity_sorts_by_how_many_draws_score_more():
    scores = torch.arange(16.0).double()
    found = measures.by_rarity(scores, scores, torch.full((16,), 1 / 16).double(), 4)
    assert found.tolist() == [3.5, 9.5, 12.5, 14.0]
    three = torch.tensor([0.0, 1, 2]).double()  # half of its own mass scores more: 0.8, 0.425, 0.125
    found = measures.by_rarity(three, three, torch.tensor([0.4, 0.35, 0.25]).double(), 4)
    assert found[[0, 1, 3]].tolist() == [0, 1, 2] and found[2].isnan()


@pytest.mark.parametrize("budget", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("name", ["few labels", "errors, heavy tails"])
def test_a_pressed_policy_is_the_one_that_scipy_finds(name, budget):
    found = model(name, 2)
    prior, scores = found.place.reference.numpy(), found.scores.numpy()

    def at(log_beta):
        return special.softmax(np.log(prior) + scores / np.exp(log_beta))

    root = optimize.brentq(lambda b: special.rel_entr(at(b), prior).sum() - budget, -7, 7)
    np.testing.assert_allclose(pressure.pressed(found, [budget])[0], at(root), atol=1e-7)


def test_no_policy_of_that_kl_has_more_score():
    found = model("few labels", 0)
    prior, scores = found.place.reference[:12] / found.place.reference[:12].sum(), found.scores[:12]
    policy = pressure.tilted(scores, torch.tensor([[0.8]]).double(), prior)[0]
    spent = special.rel_entr(policy.numpy(), prior.numpy()).sum()
    theirs = optimize.minimize(
        lambda p: -(p @ scores.numpy()), prior.numpy(), jac=lambda p: -scores.numpy(), method="SLSQP",
        bounds=[(1e-10, 1)] * 12, options={"maxiter": 500, "ftol": 1e-12},
        constraints=[{"type": "eq", "fun": lambda p: p.sum() - 1, "jac": np.ones_like},
                     {"type": "ineq", "fun": lambda p: spent - special.rel_entr(p, prior.numpy()).sum(),
                      "jac": lambda p: -(np.log(p / prior.numpy()) + 1)}],
    )  # fmt: skip
    assert -theirs.fun == pytest.approx((policy @ scores).item(), abs=1e-5)


def test_the_covariance_is_the_slope_of_the_gold_and_the_correlation_that_of_numpy():
    found = model("bend", 1)
    place, step = found.place, 1e-5
    at = torch.tensor([[1.0], [1 / (1 + step)]], dtype=torch.float64)
    policy, further = pressure.tilted(found.scores, at, place.reference)
    slope = ((further - policy) @ found.gold).item() / step
    assert pressure.slope(policy, found.scores, found.gold) == pytest.approx(slope, rel=1e-3)
    theirs = np.cov(found.scores, found.gold, aweights=policy, ddof=0)
    assert pressure.slope(policy, found.scores, found.gold) == pytest.approx(theirs[0, 1], rel=1e-6)
    wanted = theirs[0, 1] / np.sqrt(theirs[0, 0] * theirs[1, 1])
    assert pressure.correlation(policy, found.scores, found.gold) == pytest.approx(wanted, rel=1e-6)


def along(scores, gold, chances):
    """Gold of tilted policies and of best-of-n, each under growing pressure."""
    betas = torch.logspace(2, -2, 40).double()[:, None]
    tilts = pressure.tilted(scores, betas, chances) @ gold
    return tilts, torch.stack([best_of(n, scores, chances) @ gold for n in (1, 2, 3, 5, 9, 33, 257, 4097)])


@pytest.mark.parametrize("seed", range(6))
def test_gold_cannot_fall_where_the_curve_does_not(seed):
    """Any scores, any gold with a rising mean at each score, any reference."""
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 9, (60,), generator=draw).double()
    chances = torch.rand(60, generator=draw, dtype=torch.float64) ** 3
    chances = chances / chances.sum()
    noise = 5 * torch.randn(60, generator=draw, dtype=torch.float64)
    _, _, bias = measures.curve(scores, noise, chances)
    rising = torch.rand(9, generator=draw, dtype=torch.float64).cumsum(0) * (torch.arange(9) > 3)
    levels, level = torch.unique(scores, return_inverse=True)
    gold = noise - bias[level] + rising.cummax(0).values[: len(levels)][level]
    for way in along(scores, gold, chances):
        assert way.diff().min() > -1e-9
        assert way[-1] <= measures.curve(scores, gold, chances)[2].max() + 1e-9


def test_either_policy_reads_nothing_but_the_curve():
    found = model("errors, heavy tails", 3)
    levels, share, mean = measures.curve(found.scores, found.gold, found.place.reference)
    for theirs, ours in zip(
        along(found.scores, found.gold, found.place.reference), along(levels, mean, share), strict=True
    ):
        torch.testing.assert_close(theirs, ours)


def test_the_end_is_the_favorite_and_a_run_knows_its_fall():
    found = model("bend", 5)
    way = pressure.run(found)
    assert way.last == pytest.approx((found.gold[found.scores.argmax()] - found.place.mean(found.gold)).item())
    assert way.best == max(way.along) and way.fall == pytest.approx(max(way.along) - way.last)
    assert pressure.Run((1.0, 2.0), 3.0).fall == 0


def test_the_correlation_changes_its_sign_at_the_peak():
    for seed in (0, 3, 7):
        found = model("bend", seed)
        budget, gold = pressure.peak(found)
        before, after = pressure.pressed(found, (budget - 0.15, budget + 0.15))
        assert pressure.slope(before, found.scores, found.gold) > 0 > pressure.slope(after, found.scores, found.gold)
        assert gold >= max(pressure.won(found, before), pressure.won(found, after))


def test_noise_only_saturates_and_a_bend_falls():
    assert errors.worlds() == len(errors.runs("bend")) == 8
    assert [errors.falls(name) for name in ERRORS] == [0, 0, 0, 5, 0, 8, 8]
    assert errors.accuracies("few labels")[1] < errors.accuracies("bend")[1] - 0.05
    assert errors.ends("bend")[0] < 0 < errors.ends("errors, heavy tails")[0] < errors.mean("errors, heavy tails", 4.0)
    held, fresh = errors.accuracies("bend in the hole")
    assert held > errors.accuracies("bend")[0] and held > fresh
    assert errors.best_of_mean("bend", 16) > 1 > errors.best_of_mean("bend", 4096)
    assert errors.best_of_mean("none", 4096) > errors.best_of_mean("few labels", 4096)


def test_a_hole_alone_costs_nothing_if_the_guess_behind_it_is_right():
    for budget in (1.0, 4.0):
        assert errors.mean("hole", budget) == pytest.approx(errors.mean("none", budget), rel=0.01)
    last, spread = errors.ends("few labels")
    lasts = [way.last for way in errors.runs("few labels")]
    assert (last, spread) == pytest.approx((np.mean(lasts), np.std(lasts, ddof=1)))


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_judged_replies_are_averaged_over_all_subsets(n):
    draw = torch.Generator().manual_seed(n)
    scores, gold = torch.randn(2, 6, generator=draw, dtype=torch.float64)
    best = [gold[max(some, key=lambda i: scores[i])].item() for some in itertools.combinations(range(6), n)]
    assert judged.estimate(scores, gold, n) == pytest.approx(np.mean(best))


def test_judged_replies_foresee_best_of_n_without_bias():
    found = model("bend in the hole", 0)
    for n in (4, 16):
        said = judged.guesses("bend in the hole", n)
        assert judged.said("bend in the hole", n) == pytest.approx(
            (np.mean(said.numpy()), np.std(said.numpy(), ddof=1)), rel=1e-5
        )
        exact = pressure.won(found, pressure.kept(found, n))
        assert abs(said.mean().item() - exact) < 3 * said.std().item() / len(said) ** 0.5
        assert judged.guess(found, n, 3) == pytest.approx(said[3].item(), abs=1e-6)
    spreads = [judged.guesses("bend in the hole", n).std() for n in (16, 128)]
    assert 1.5 * spreads[0] < spreads[1]


def test_peaks_are_those_that_scipy_finds():
    for alpha, beta in ((2.0, 0.5), (1.0, 0.7), (3.0, 2.0)):
        for name, form in (("square", forms.square), ("logarithmic", forms.logarithmic)):
            theirs = optimize.minimize_scalar(
                lambda d, form=form, a=alpha, b=beta: -form(torch.tensor(d).double(), a, b).item(),
                bounds=(1e-6, 60), method="bounded", options={"xatol": 1e-8},
            )  # fmt: skip
            assert forms.peaks(alpha, beta)[name] == pytest.approx((theirs.x, -theirs.fun), rel=1e-5)


def test_the_fit_of_a_form_is_that_of_scipy():
    d, gold = forms.seen("bend", 3)
    assert (d[0].item() ** 2, d[-1].item() ** 2) == pytest.approx((0.05, 1.0))
    for name, form in (("square", forms.square), ("logarithmic", forms.logarithmic)):
        theirs, _ = optimize.curve_fit(
            lambda x, a, b, f=form: f(torch.from_numpy(x), a, b).numpy(), d.numpy(), gold.numpy(), p0=(1, 0.1)
        )
        assert forms.fitted(name, d, gold) == pytest.approx(tuple(theirs), rel=1e-4)


@pytest.mark.parametrize("shift", [0.3, 1.0, 2.5])
def test_a_parabola_in_is_a_parabola_out(shift):
    """Scores of N(0, 1), tilted to N(shift, 1); the gold is an integral, the form is Gao's for best-of-n."""
    rise, bend = 1.3, 0.8

    def gold(mean):
        return integrate.quad(lambda s: stats.norm.pdf(s, mean) * (rise * s - bend * s**2 / 2), -12, 12)[0]

    spent = integrate.quad(lambda s: special.rel_entr(stats.norm.pdf(s, shift), stats.norm.pdf(s)), -12, 12)[0]
    alpha, beta = forms.of_parabola(rise, bend)
    claimed = forms.square(torch.tensor(spent**0.5), alpha, beta).item()
    assert claimed == pytest.approx(gold(shift) - gold(0), rel=1e-6)


def test_forms_see_peaks_that_do_not_come_and_disagree_about_one_that_does():
    assert all(forms.real("few labels", seed) == np.inf for seed in WORLDS)
    seen = [forms.foreseen("square", "few labels", seed) for seed in WORLDS]
    assert forms.invented("square") == sum(np.isfinite(seen)) == 3
    assert min(seen) < 6
    real, square, log = forms.real("bend", 3), *(forms.foreseen(f, "bend", 3) for f in forms.FORMS)
    assert 1 < real < square < 4 and log > 100 * square
    assert [forms.told(x) for x in (np.inf, 1000.4, 2.34)] == ["none", "> 1,000", "2.3"]


@pytest.mark.parametrize("name", teachers.teachers(teachers.rank(0), 0))
def test_the_gradient_is_no_longer_than_two_deviations_multiplied(name):
    for seed in (0, 1):
        policy = Policy(teachers.LANGUAGE, seed)
        scores = teachers.teachers(teachers.rank(seed), seed)[name]
        score = torch.autograd.functional.jacobian(
            lambda logits, p=policy: (logits.log_softmax(-1)[p.before, p.tokens] * p.mask).sum(-1), policy.logits.data
        )
        chances = policy.probabilities().detach()
        assert teachers.reach(policy).item() == pytest.approx((chances @ score.pow(2).sum((1, 2))).item())
        length = torch.einsum("n,n,nij->ij", chances, scores, score).norm().item()
        deviation = np.sqrt(np.cov(scores, aweights=chances, ddof=0))
        assert length <= teachers.ceiling(policy, scores)
        assert teachers.ceiling(policy, scores) == pytest.approx(deviation * teachers.reach(policy).item() ** 0.5)
        assert teachers.spread(policy, scores).item() == pytest.approx(deviation**2)
        before = policy.logits.data.clone()
        teachers.climb(policy, scores, 1)
        moved = (policy.logits.data - before).norm().item()
        assert moved == pytest.approx(teachers.RATE * length)


def test_a_teacher_that_is_always_right_can_stall_where_a_noisy_one_does_not():
    pleased, noisy, hard = (teachers.lessons(n).mean(0) for n in ("easily pleased", "even, noisy", "hard to please"))
    assert pleased[0] == hard[0] == 1 and noisy[0] < 0.92
    assert pleased[3] < 0.7 and min(noisy[3], hard[3]) > 0.85
    assert hard[1] < pleased[1] and pleased[4] < 0.01 < hard[4]  # the variance at the start does not decide
    assert teachers.learned("even, noisy") == noisy[3] and teachers.right("even, noisy") == noisy[0]
    assert teachers.lessons("even")[:, 3].min() > teachers.lessons("easily pleased")[:, 3].max()


def test_the_calculator_knows_the_forms_and_the_price_in_draws():
    for form, name in (("best-of-n", "square"), ("RL", "logarithmic")):
        said = calculator.when_to_stop(form, 2.0, 0.5, 4.0)
        d, top = forms.peaks(2.0, 0.5)[name]
        assert said["KL at the peak"] == f"{d**2:.2f} nats" and said["gold at the peak"] == f"{top:.2f}"
        shape = forms.square if name == "square" else forms.logarithmic
        assert said["gold at the KL tried"] == f"{shape(torch.tensor(2.0).double(), 2.0, 0.5).item():.2f}"
        assert said["lines"]["points"]["peak"] == pytest.approx((d, top))
    assert calculator.when_to_stop(tried=1.0)["peak lies"].startswith("beyond")
    assert calculator.when_to_stop(tried=9.0)["peak lies"].startswith("within")
    assert calculator.gold("RL", 0.0, 1.0, 1.0) == 0
    for n in (1, 2, 16, 1000):
        assert calculator.draws(quoted_kl(n)) == pytest.approx(n, rel=1e-5, abs=1e-4)
    assert calculator.when_to_stop()["best of"] == f"{calculator.draws(4.0):,.0f} replies"
    for form, alpha, beta in (("RL", 8.0, 1.0), ("RL", 100.0, 0.01), ("best-of-n", 54.0, 1.0)):
        with pytest.raises(ValueError, match="beyond 700 nats"):
            calculator.when_to_stop(form, alpha, beta)
    assert calculator.when_to_stop("best-of-n", 52.0, 1.0)["KL at the peak"] == "676.00 nats"


def test_the_calculator_needs_the_standard_library_alone():
    tree = ast.parse(inspect.getsource(calculator))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {"__future__", "typing"}


def test_the_drawing_shows_means_of_its_curves():
    for kind, exact in (("rises", 0.55 * 2), ("turns", 0.6 * 2 - 0.36 * 5)):
        assert drawing.under(kind, 2.0) == pytest.approx(exact, rel=1e-4)
    assert drawing.figure_pressure().count("<circle") == 4
    assert drawn(torch.tensor([0.0, 1.0]), 3, torch.Generator()).tolist() == [1, 1, 1]
