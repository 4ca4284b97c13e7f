"""RLHF: SciPy, statsmodels and brute force as oracles; TRL and `transformers` for what libraries do."""

from __future__ import annotations

import math
import re
from itertools import product

import numpy as np
import pytest
import scipy.signal
import scipy.special
import statsmodels.api as sm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize
from torch.distributions import Categorical, kl_divergence

from snippets.post_training.rlhf import (
    best_of,
    calculator,
    drawing,
    figures,
    frontier,
    judge,
    language,
    night,
    optimum,
    policy,
    preferences,
    rubrics,
    tokens,
)

torch.set_num_threads(1)
P0, SCORE = language.REFERENCE, preferences.proxy()
EXACT = {"rtol": 1e-9, "atol": 1e-12}


def test_replies_are_all_that_can_be_written_and_their_chances_add_up():
    assert language.size() == len(set(language.REPLIES)) == sum(3**n for n in range(4))
    assert P0.sum().item() == pytest.approx(1, abs=1e-12)
    usual = language.USUAL
    by_hand = {
        (): usual[""][3],
        ("fact", "checked"): usual[""][0] * usual["fact"][1] * usual["checked"][3],
        ("um", "um", "fact"): usual[""][2] * usual["um"][2] * usual["um"][0],  # the third word ends it
    }
    for reply, chance in by_hand.items():
        assert P0[language.REPLIES.index(reply)].item() == pytest.approx(chance, rel=1e-12)


def test_logps_of_a_model_are_those_of_pytorch():
    """Walk the tree with PyTorch's distributions; behind the end nothing counts."""
    logits = torch.randn(len(language.PREFIXES), 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    each, total = language.token_logps(logits), language.reply_logps(logits)
    for a, reply in enumerate(language.REPLIES):
        written = [*map(language.WORDS.index, reply), language.END][: language.LIMIT]
        expected = [
            Categorical(logits=logits[language.PREFIXES.index(reply[:t])]).log_prob(torch.tensor(word)).item()
            for t, word in enumerate(written)
        ]
        assert each[a].tolist() == pytest.approx(expected + [0.0] * (3 - len(expected)), abs=1e-12)
        assert total[a].item() == pytest.approx(sum(expected), abs=1e-12)


def test_kl_is_that_of_pytorch_and_a_reply_never_written_adds_nothing():
    other = torch.softmax(torch.arange(40.0).double() / 7, 0)
    torch.testing.assert_close(language.kl(other, P0), kl_divergence(Categorical(other), Categorical(P0)), **EXACT)
    sure = torch.zeros(40, dtype=torch.float64)
    sure[3] = 1
    assert language.kl(sure, P0).item() == pytest.approx(-P0[3].log().item())


@pytest.mark.parametrize(
    ("reply", "worth"),
    [((), 0), (("fact",), 2), (("fact", "checked"), 2.8), (("checked",), -1.2), (("um", "fact", "fact"), 0.7),
     (("fact", "um", "checked"), 0.3), (("fact", "checked", "checked"), 1.6)],
)  # fmt: skip
def test_worth_of_a_reply(reply, worth):
    assert language.worth(reply) == pytest.approx(worth)
    assert language.TRUTH[language.REPLIES.index(reply)].item() == pytest.approx(worth)


def test_the_reward_model_is_the_logistic_regression_of_statsmodels():
    pairs = list(product(range(40), repeat=2))
    first, second = (np.array([p[i] for p in pairs]) for i in (0, 1))
    counts, truth, p0 = (x.numpy() for x in (preferences.COUNTS, language.TRUTH, P0))
    chosen = 1 / (1 + np.exp(truth[second] - truth[first]))
    fit = sm.GLM(
        chosen, counts[first] - counts[second], family=sm.families.Binomial(), freq_weights=p0[first] * p0[second]
    ).fit(tol=1e-12)
    assert preferences.weights().tolist() == pytest.approx(fit.params.tolist(), rel=1e-5)
    entropy = -(chosen * np.log(fit.fittedvalues) + (1 - chosen) * np.log(1 - fit.fittedvalues))
    loss = preferences.judgment_loss(SCORE).item()
    assert loss == pytest.approx((p0[first] * p0[second] * entropy).sum(), rel=1e-9)


def test_accuracy_counts_pairs_of_unlike_worth():
    score, truth, p0 = SCORE.tolist(), language.TRUTH.tolist(), P0.tolist()
    right = total = 0.0
    for a, b in product(range(40), repeat=2):
        if abs(truth[a] - truth[b]) > 1e-12:
            total += p0[a] * p0[b]
            same = round(score[a] - score[b], 9) * (truth[a] - truth[b])
            right += p0[a] * p0[b] * (1.0 if same > 0 else 0.5 if same == 0 else 0.0)
    assert preferences.accuracy(SCORE) == pytest.approx(right / total, rel=1e-9)
    assert preferences.accuracy(language.TRUTH) == 1
    assert preferences.accuracy(torch.zeros(40)) == 0.5


@pytest.mark.parametrize("beta", optimum.BETAS)
def test_the_optimum_is_what_scipy_finds_and_beta_is_the_price_of_a_nat(beta):
    closed = optimum.tilted(SCORE, beta)
    torch.testing.assert_close(closed, optimum.by_scipy(SCORE, beta), rtol=0, atol=1e-4)
    assert optimum.slope(SCORE, beta) == pytest.approx(beta, rel=1e-4)


@pytest.mark.parametrize("budget", [0.1, 1.0, 3.0])
def test_no_policy_within_a_budget_of_kl_has_more_reward(budget):
    """SciPy maximizes the reward alone, under a bound on the KL; it knows no beta."""
    best = optimum.tilted(SCORE, optimum.price(budget, SCORE))
    assert language.kl(best, P0).item() == pytest.approx(budget, rel=1e-6)
    r, p0 = SCORE.numpy(), P0.numpy()

    def spare(z):
        p, ratio = scipy.special.softmax(z), scipy.special.log_softmax(z) - np.log(p0)
        return budget - p @ ratio, -p * (ratio - p @ ratio)

    def cost(z):
        p = scipy.special.softmax(z)
        return -(p @ r), -p * (r - p @ r)

    bound = {"type": "ineq", "fun": lambda z: spare(z)[0], "jac": lambda z: spare(z)[1]}
    start = np.log(0.9 * p0 + 0.1 / 40)
    found = minimize(cost, start, jac=True, method="SLSQP", constraints=bound, options={"maxiter": 500, "ftol": 1e-12})
    assert -found.fun == pytest.approx(language.expected(best, SCORE), rel=1e-4)


@settings(deadline=None)
@given(st.lists(st.floats(-6, 6), min_size=40, max_size=40))
def test_every_policy_lies_on_or_below_the_frontier(logits):
    other = torch.softmax(torch.tensor(logits, dtype=torch.float64), 0)
    spent = min(language.kl(other, P0).item(), 5.0)
    best = optimum.tilted(SCORE, optimum.price(spent, SCORE))
    assert language.expected(other, SCORE) <= language.expected(best, SCORE) + 1e-6 or language.kl(other, P0) > 5


def test_worth_peaks_and_then_falls_below_where_it_began():
    spent, worth = optimum.peak()
    for beta in (0.3, 0.6, 1.2, 3.0):
        assert language.expected(optimum.tilted(SCORE, beta)) < worth
    assert 0.5 < spent < 1.5
    favorite = SCORE.argmax()
    assert language.expected(optimum.end()) == pytest.approx(language.TRUTH[favorite].item(), abs=1e-3)
    assert language.kl(optimum.end(), P0).item() == pytest.approx(-P0[favorite].log().item(), abs=1e-3)
    assert language.expected(optimum.end()) < language.expected(P0) < worth


def by_brute_force(n, scores):
    """All sequences of n draws; the winners of each share its chance."""
    kept = torch.zeros(40, dtype=torch.float64)
    draws = torch.cartesian_prod(*[torch.arange(40)] * n).view(-1, n)
    chance = P0[draws].prod(-1)
    won = scores[draws] >= scores[draws].amax(-1, keepdim=True) - 1e-9
    share = chance[:, None] * won / won.sum(-1, keepdim=True)
    return kept.index_add(0, draws.flatten(), share.flatten())


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("scores", [SCORE, best_of.RIGHT, torch.arange(40.0).double()], ids=["model", "pass", "all"])
def test_best_of_n_is_what_all_sequences_of_draws_give(n, scores):
    torch.testing.assert_close(best_of.best_of(n, scores), by_brute_force(n, scores), **EXACT)


@pytest.mark.parametrize("n", [2, 16, 1000])
def test_the_formula_is_exact_for_scores_without_ties(n):
    """The winner's rank u has density n u^(n-1): SciPy integrates its KL from the uniform one."""
    exact, _ = quad(lambda u: n * u ** (n - 1) * math.log(n * u ** (n - 1)), 0.5 ** (300 / n), 1, limit=200)
    assert best_of.quoted_kl(n) == pytest.approx(exact, rel=1e-6)
    many = torch.full((50_000,), 1 / 50_000, dtype=torch.float64)
    kept = best_of.best_of(n, torch.arange(50_000.0).double(), many)
    assert language.kl(kept, many).item() == pytest.approx(exact, rel=1e-3)


@settings(deadline=None)
@given(st.integers(1, 3000), st.lists(st.integers(0, 5), min_size=40, max_size=40))
def test_the_formula_is_an_upper_bound_and_so_is_the_ceiling(n, levels):
    scores = torch.tensor(levels, dtype=torch.float64)
    spent = best_of.spent(n, scores)
    assert spent <= best_of.quoted_kl(n) + 1e-9
    assert spent <= best_of.ceiling(scores) + 1e-9


def test_the_ceiling_is_reached():
    for scores in (SCORE, best_of.RIGHT):
        assert best_of.spent(100_000, scores) == pytest.approx(best_of.ceiling(scores), rel=1e-6)


@pytest.mark.parametrize("n", [2, 4, 16])
def test_on_pass_or_fail_best_of_n_is_an_optimum(n):
    rate = language.expected(P0, best_of.RIGHT)
    assert rate == pytest.approx(P0[[language.worth(r) > 2.1 for r in language.REPLIES]].sum().item())
    twin = optimum.by_scipy(best_of.RIGHT, best_of.twin(n, rate))
    torch.testing.assert_close(best_of.best_of(n, best_of.RIGHT), twin, rtol=0, atol=1e-4)
    assert best_of.twin_gap(n) < 1e-12


def test_rewards_of_tokens_add_up_to_the_objective_and_leave_padding_alone():
    score = torch.tensor([2.0, -1.0])
    logps, reference = torch.tensor([[-1.0, -2.0, -3.0], [-0.5, -4.0, 9.0]]), torch.full((2, 3), -1.5)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    rewards = tokens.token_rewards(score, logps, reference, 0.1, mask)
    expected = [[-0.05, 0.05, 2.15], [-0.1, -0.75, 0.0]]
    torch.testing.assert_close(rewards, torch.tensor(expected))
    by_scipy = scipy.signal.lfilter([1], [1, -1], rewards.numpy()[:, ::-1])[:, ::-1]
    torch.testing.assert_close(tokens.returns(rewards), torch.from_numpy(by_scipy.copy()).float())


def test_three_conventions_for_penalties_of_foreign_tokens():
    """Two values are those of the report and its fix (miles, pull request 1383); SciPy filters all three."""
    penalty, own = torch.ones(4, dtype=torch.float64), torch.tensor([1.0, 0, 0, 1])
    found = [tokens.first_return(penalty, own, tokens.GAMMA, how) for how in tokens.HOWS]
    assert found == pytest.approx([-3.439, -1.729, -1.9])
    for value, x in zip(found, ([1, 1, 1, 1], [1, 0, 0, 1], [1, 1]), strict=True):
        assert value == pytest.approx(-scipy.signal.lfilter([1], [1, -tokens.GAMMA], x[::-1])[-1])
    assert tokens.undiscounted(40, "all tokens") == pytest.approx(-(10 + 40) * 0.02)
    assert tokens.undiscounted(40, "own penalties") == tokens.undiscounted(0, "own tokens") == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("ratio", "gain", "loss", "slope"),
    [(1.5, 1, -1.2, 0), (1.5, -1, 1.5, 1.5), (0.5, 1, -0.5, -0.5), (0.5, -1, 0.8, 0), (1.1, 2, -2.2, -2.2)],
)
def test_the_clip_stops_a_token_that_went_far_enough_and_no_other(ratio, gain, loss, slope):
    new = torch.tensor([[math.log(ratio), 5.0]], dtype=torch.float64, requires_grad=True)
    found = policy.clipped_loss(new, torch.zeros(1, 2), torch.tensor([[gain, 7.0]]), torch.tensor([[1.0, 0.0]]))
    found.sum().backward()
    assert found.item() == pytest.approx(loss)
    assert new.grad.tolist()[0] == pytest.approx([slope, 0])


def test_price_inside_the_reward_gives_the_exact_gradient_of_the_objective():
    """Over all replies instead of a sample; whatever is expected after a prefix drops out."""
    logits = torch.randn(13, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    chance = language.reply_logps(logits).exp()
    gain = (chance * SCORE).sum() - 0.5 * language.kl(chance, P0)
    (exact,) = torch.autograd.grad(gain, logits)
    now = language.token_logps(logits)
    rewards = tokens.token_rewards(
        SCORE, now.detach(), language.token_logps(language.TREE), torch.tensor(0.5), language.MASK
    )
    usual = torch.arange(13.0)[language.STATES]  # any numbers, one for each prefix
    loss = policy.clipped_loss(now, now.detach(), tokens.returns(rewards) - usual, language.MASK)
    (ours,) = torch.autograd.grad((chance.detach() * loss).sum(), logits)
    torch.testing.assert_close(-ours, exact, rtol=1e-9, atol=1e-10)


def test_runs_end_at_the_optimum_and_differ_little():
    late = policy.runs()[-25:].mean(0)
    for i, beta in enumerate(policy.BETAS[:-1]):
        found = optimum.by_scipy(SCORE, beta)
        assert ((late[i] - found).abs().sum(-1) / 2).max() < 0.03
    spent, score, worth = policy.ends().unbind(-1)
    assert spent.std(1).max() < 0.05
    assert (score[:, 0].diff() > 0).all() and (worth[:, 0].diff() < 0).all()
    assert worth[-1].max() < language.expected(P0)


def test_what_is_expected_after_a_prefix_is_a_mean_over_its_tokens():
    states = torch.tensor([[[0, 1, 2], [0, 2, 2]]])
    sums = policy.by_state(torch.tensor([[[1.0, 2, 3], [10, 20, 30]]]), states)
    assert sums[0, :4].tolist() == [11, 2, 53, 0]
    picked = policy.picked(torch.arange(24.0).view(2, 4, 3), torch.tensor([[0, 3], [1, 1]]))
    assert picked.tolist() == [[[0, 1, 2], [9, 10, 11]], [[15, 16, 17], [15, 16, 17]]]


def test_training_without_a_price_passes_its_best_and_repeats_its_seed():
    once, twice = (policy.train(SCORE, torch.zeros(1, dtype=torch.float64), 3, steps=20) for _ in range(2))
    torch.testing.assert_close(once, twice, rtol=0, atol=0)
    assert once.shape == (11, 1, 40)
    torch.testing.assert_close(once[0, 0], P0, **EXACT)


def test_three_ways_at_the_same_kl():
    path = frontier.free_path()
    for n in (2, 4, 8, 16):
        kept = best_of.best_of(n, SCORE)
        spent = language.kl(kept, P0).item()
        best = optimum.tilted(SCORE, optimum.price(spent, SCORE))
        assert 0.8 < frontier.share(kept) < 0.95
        assert language.expected(kept) > language.expected(best)
        near = frontier.nearest(path, spent)
        gaps = [abs(language.kl(p, P0).item() - spent) for p in path]
        assert abs(language.kl(near, P0).item() - spent) == min(gaps)
    assert frontier.share(optimum.tilted(SCORE, 0.7)) == pytest.approx(1, abs=1e-6)
    worths = [language.expected(best_of.best_of(n, SCORE)) for n in range(1, 257)]
    assert frontier.best_size() == 1 + int(np.argmax(worths))
    assert frontier.late_accuracy() < 0.5 < preferences.accuracy(SCORE)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_best_of_n_with_a_judge_who_errs_by_all_outcomes(n):
    rate, missed, fooled = 0.3, 0.1, 0.2
    kinds = {(1, 1): rate * 0.9, (1, 0): rate * 0.1, (0, 1): 0.7 * 0.2, (0, 0): 0.7 * 0.8}  # right, passed
    found = 0.0
    for draws in product(kinds, repeat=n):
        best = max(passed for _, passed in draws)
        winners = [right for right, passed in draws if passed == best]
        found += math.prod(kinds[d] for d in draws) * sum(winners) / len(winners)
    assert judge.right_of_best(n, rate, missed, fooled) == pytest.approx(found, rel=1e-12)


def test_errors_drawn_anew_only_raise_the_price():
    shown = judge.average_verdict(best_of.RIGHT, 0.1, 0.3)
    cheaper = optimum.by_scipy(best_of.RIGHT, 0.5 / 0.6)
    torch.testing.assert_close(optimum.tilted(shown, 0.5), cheaper, rtol=0, atol=1e-4)
    assert [judge.drawn(b) for b in judge.BETAS] == pytest.approx(
        [language.expected(optimum.tilted(best_of.RIGHT, b / 0.8), best_of.RIGHT) for b in judge.BETAS]
    )


def test_fixed_errors_are_learned():
    verdicts = judge.fixed_verdicts()
    right = best_of.RIGHT.bool()
    assert verdicts[:, right].mean().item() == pytest.approx(1 - judge.MISSED, abs=0.04)
    assert verdicts[:, ~right].mean().item() == pytest.approx(judge.FOOLED, abs=0.02)
    limits = []
    for verdict in verdicts:  # all that passes, as the reference weighs it
        passed = P0 * (verdict == verdict.max())
        limits.append((passed * best_of.RIGHT).sum().item() / passed.sum().item())
    assert judge.fixed(0.01) == pytest.approx(np.mean(limits), abs=1e-6)
    assert judge.fixed(0.05) < 0.75 < judge.drawn(0.05)


@pytest.mark.parametrize(
    ("reply", "stated", "backed", "empty"),
    [(("fact", "checked"), 1, 1, False), (("checked",), 0.5, 0.25, True), (("um", "fact", "checked"), 0.75, 0.75, False),
     ((), 0.25, 0.25, False), (("fact", "checked", "checked"), 1, 1, True), (("checked", "um"), 0.25, 0, True)],
)  # fmt: skip
def test_rubrics_by_hand(reply, stated, backed, empty):
    assert rubrics.explicit(rubrics.STATED, reply) == stated
    assert rubrics.explicit(rubrics.BACKED, reply) == backed
    assert rubrics.empty(reply) is empty
    here = language.REPLIES.index(reply)
    assert rubrics.rewards("item stated")[here] == stated and rubrics.rewards("item backed")[here] == backed


def test_an_item_that_can_be_stated_is_stated():
    before = language.expected(rubrics.HARD_REFERENCE, rubrics.EMPTY)
    stated, backed, grade = (rubrics.claims(how) for how in rubrics.HOWS)
    assert stated > 1.4 * before and grade < backed < before
    assert rubrics.HARD_REFERENCE.sum().item() == pytest.approx(1)
    grades = rubrics.rewards("one grade")
    assert sorted(set((9 * grades).round().int().tolist())) == list(range(10))
    assert rubrics.implicit(2.0, 0.0, 3.0) == pytest.approx(6 / 9)
    for how in rubrics.HOWS:
        assert language.kl(rubrics.trained(how), rubrics.HARD_REFERENCE).item() == pytest.approx(1, rel=1e-6)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 40), st.integers(0, 40))
def test_the_calculator_agrees_with_the_page(n, right, missed, fooled):
    shown = calculator.best_of_n(n, right, missed, fooled)
    rate, miss, fool = right / 100, missed / 100, fooled / 100
    found = judge.right_of_best(n, rate, miss, fool)
    assert shown["right replies"] == f"{found:.1%}"
    passes = rate * (1 - miss) + (1 - rate) * fool
    verdicts = torch.tensor([1 - passes, passes], dtype=torch.float64)
    kept = best_of.best_of(n, torch.tensor([0.0, 1.0]).double(), verdicts)
    assert shown["passed replies"] == f"{kept[1].item():.1%}"
    spent = float(str(shown["KL of the verdicts"]).split()[0])
    assert spent == pytest.approx(language.kl(kept, verdicts).item(), abs=6e-4)
    assert shown["ln n − (n − 1)/n"] == f"{best_of.quoted_kl(n):.3f} nats"
    if n > 1 and kept[0] > 1e-6:
        assert float(str(shown["β of a policy, if verdicts are fixed"])) == pytest.approx(
            best_of.twin(n, passes), abs=6e-4
        )


def test_the_drawing_adds_up():
    chances, reference, rewards, score = drawing.priced()
    best = optimum.tilted(SCORE, drawing.BETA)
    here = language.REPLIES.index(drawing.REPLY)
    assert chances.sum().item() == pytest.approx(best[here].log().item())
    torch.testing.assert_close(reference, language.token_logps(language.TREE)[here], **EXACT)
    gain = score - drawing.BETA * (best[here] / P0[here]).log().item()
    assert rewards.sum().item() == pytest.approx(gain)
    numbers = re.findall(r">([+−][\d.]+)<", drawing.figure_price())
    shown = [float(x.replace("−", "-")) for x in numbers]
    assert shown[-3:] == pytest.approx(rewards.tolist(), abs=0.006) and len(shown) == 13


def test_figures_show_what_the_functions_say():
    above, below = figures.figure_frontier().axes
    line = np.array(above.lines[0].get_xydata())
    assert np.all(np.diff(line[np.argsort(line[:, 0]), 1]) > 0)
    worth = np.array(below.lines[0].get_xydata())
    assert worth[worth[:, 1].argmax(), 0] == pytest.approx(optimum.peak()[0], abs=0.1)
    (axes,) = figures.figure_spent().axes
    formula, scores, verdicts = (line.get_ydata() for line in axes.lines)
    assert np.all(formula[1:] > scores[1:]) and np.all(scores[1:] > verdicts[1:])


def test_the_night_shows_a_score_that_rises_while_people_turn_away(capsys):
    night.example_log()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    score, people = [float(row[1]) for row in rows], [int(row[4][:-1]) for row in rows]
    assert score == sorted(score) and people[0] == 50 and people[-1] < 50 < max(people)
    assert night.best_step() == int(rows[people.index(max(people))][0])
    first = sum(
        (a * b / (1 + math.exp(v - u))).item()
        for a, u in zip(frontier.free_path()[2], language.TRUTH, strict=True)
        for b, v in zip(P0, language.TRUTH, strict=True)
    )
    assert night.preferred(frontier.free_path()[2]) == pytest.approx(first, rel=1e-9)
