"""Errors against SciPy, statsmodels and Inspect; power against statsmodels; estimators against enumeration."""

import ast
import itertools
import math
import re
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from inspect_ai.scorer import SampleScore, Score, ci, mean_score, pass_at, pass_k, stderr
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.power import normal_power

from snippets.post_training.evaluation import (
    agents,
    attempts,
    calculator,
    costs,
    engine,
    errors,
    flow,
    judges,
    leaks,
    nights,
    passages,
    power,
    prompts,
)  # fmt: skip
from snippets.post_training.evaluation import questions as formulas

NORMAL = NormalDist()


def sampled(values, clusters=None):
    """Scores as Inspect holds them."""
    clusters = range(len(values)) if clusters is None else clusters
    return [
        SampleScore(score=Score(value=float(value)), sample_metadata={"c": int(cluster)})
        for value, cluster in zip(values, clusters, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_errors_are_those_of_scipy_statsmodels_and_inspect(seed):
    a, b, passage = passages.draw(seed)
    named = passage * 7 + 3  # clusters need not be numbered from 0
    assert errors.standard_error(a) == pytest.approx(stats.sem(a), rel=1e-12)
    assert errors.standard_error(a) == pytest.approx(stderr()(sampled(a)), rel=1e-12)
    assert errors.paired_error(a, b) == pytest.approx((b - a).mean() / stats.ttest_rel(b, a).statistic, rel=1e-9)
    for scores in (a, b - a):
        fit = OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds={"groups": named})
        assert errors.clustered_error(scores, named) == pytest.approx(fit.bse[0], rel=1e-9)
        assert errors.clustered_error(scores, named) == pytest.approx(
            stderr(cluster="c")(sampled(scores, named)), rel=1e-12
        )
    shuffled = np.random.default_rng(seed).permutation(len(a))
    assert errors.clustered_error(a[shuffled], named[shuffled]) == pytest.approx(errors.clustered_error(a, named))


def test_a_paired_bootstrap_agrees():
    a, b, _ = passages.draw(3)
    drawn = stats.bootstrap((b - a,), np.mean, n_resamples=2000, rng=np.random.default_rng(0))
    assert errors.paired_error(a, b) == pytest.approx(drawn.standard_error, rel=0.06)


@pytest.mark.parametrize(("questions", "gained", "lost"), [(164, 5, 0), (164, 20, 15), (50, 3, 9), (10, 4, 4)])
def test_flips_are_enough_for_the_paired_error_and_the_exact_test(questions, gained, lost):
    kept = questions - gained - lost
    old = np.array([0.0] * gained + [1.0] * lost + [1.0] * kept)
    new = np.array([1.0] * gained + [0.0] * lost + [1.0] * kept)
    assert errors.flip_error(questions, gained, lost) == pytest.approx(errors.paired_error(old, new), rel=1e-9)
    if kept > 10:
        old[-9:] = new[-9:] = 0.0  # wrong before and after
        before = int(old.sum())
        alike = errors.flip_correlation(questions, before, gained, lost)
        assert alike == pytest.approx(np.corrcoef(old, new)[0, 1], rel=1e-9)
    exact = errors.sign_test(gained, lost)
    assert exact == pytest.approx(stats.binomtest(gained, gained + lost).pvalue, rel=1e-9)
    assert exact == pytest.approx(mcnemar([[kept, lost], [gained, 0]], exact=True).pvalue, rel=1e-9)


def test_the_same_totals_can_mean_much_or_little():
    assert [gained - lost for gained, lost in errors.FLIPS] == [5, 5, 5]
    points = [errors.flip_points(*flips) for flips in errors.FLIPS]
    assert points == [pytest.approx(100 * errors.flip_error(164, *flips)) for flips in errors.FLIPS]
    assert 2 * points[0] < points[2], "more flips, a wider error"
    assert errors.Z95 * points[0] < 3.05 and errors.sign_test(5, 0) == 0.0625, "the normal interval is too sure"


def test_the_planted_test_is_what_it_says():
    """Moments over 400 tests: level, gain, and what questions of one passage share."""
    a, b = (np.array([passages.draw(seed)[i] for seed in range(400)]) for i in (0, 1))
    assert a.mean() == pytest.approx(0.50, abs=0.006) and (b - a).mean() == pytest.approx(0.03, abs=0.005)
    for scores, shared in ((a - a.mean(), 0.2**2), (b - a - (b - a).mean(), 0.12**2)):
        grouped = scores.reshape(400, 50, 10)
        within = (grouped.sum(-1) ** 2 - (grouped**2).sum(-1)).mean() / 90
        assert within == pytest.approx(shared, abs=0.003)
    assert ((a - a.mean()) * (b - b.mean())).mean() == pytest.approx(0.2**2 + 0.15**2, abs=0.004)
    assert 100 * a.mean(1).std() == pytest.approx(math.hypot(*passages.parts().values()), rel=0.08)
    assert passages.total() == pytest.approx(100 * a.mean(1).std(), rel=0.08)
    assert passages.parts()["passages"] == pytest.approx(100 * math.sqrt(0.04 / 50))
    assert passages.parts()["questions"] == pytest.approx(100 * math.sqrt(0.0225 / 500))


def test_only_the_error_that_knows_the_passages_keeps_its_promise():
    covered = {name: errors.coverage(name) for name in errors.METHODS}
    too_narrow = 5 / math.sqrt(5) / math.hypot(*passages.parts().values())
    assert covered["A, alone"] == pytest.approx(2 * NORMAL.cdf(1.96 * too_narrow) - 1, abs=0.04)
    assert 0.92 < covered["A, by passage"] < 0.97 and 0.94 < covered["B-A, by passage"] < 0.97
    assert covered["B-A, paired"] < 0.935 and covered["B-A, two bars"] > 0.99
    a, b, passage = passages.draw(0)
    wide = math.hypot(errors.clustered_error(a, passage), errors.clustered_error(b, passage))
    assert errors.one_eval("B-A, two bars", 0) == (pytest.approx(np.mean(b - a)), pytest.approx(wide), 0.03)
    assert errors.one_eval("A, by passage", 0)[2] == 0.5


@pytest.mark.parametrize("difference", [0.01, 0.03, 0.1])
@pytest.mark.parametrize("wide", [0.3, 0.504])
def test_power_is_that_of_statsmodels(difference, wide):
    for questions in (50, 164, 2000):
        theirs = normal_power(difference / wide, questions, 0.05)
        assert power.power(difference, wide, questions) == pytest.approx(theirs, rel=1e-9)
        assert power.power(-difference, wide, questions) == pytest.approx(theirs, rel=1e-9)
    least = power.questions_needed(difference, wide)
    assert normal_power(difference / wide, least, 0.05) >= 0.8 - 1e-6 > normal_power(difference / wide, least - 1, 0.05)
    assert power.detectable(least, wide) <= difference < power.detectable(least - 1, wide)
    assert power.questions_needed(difference, wide, 0.9) > least
    assert power.detectable(400, wide, 0.9) > power.detectable(400, wide)


@pytest.mark.parametrize("samples", [1, 2, 8])
def test_the_deviation_of_a_difference_by_enumeration(samples):
    """Four kinds of question, with a chance for each model; the samples of each are independent."""
    kinds = {(0.9, 0.9): 0.4, (0.9, 0.6): 0.1, (0.6, 0.9): 0.1, (0.6, 0.6): 0.4}
    mean = sum(share * x for (x, _), share in kinds.items())
    luck = sum(share * x * (1 - x) for (x, _), share in kinds.items())
    alone = mean * (1 - mean)
    shared = sum(share * (x - mean) * (y - mean) for (x, y), share in kinds.items())
    apart = sum(share * (x - y) ** 2 for (x, y), share in kinds.items())
    exact = math.sqrt(apart + 2 * luck / samples)
    assert power.deviation(mean, mean, shared / alone, luck / alone, samples) == pytest.approx(exact, rel=1e-9)


def test_the_deviation_knows_both_accuracies():
    """Two answers of unequal chance that agree as often as they can: the worse is right only where the better is."""
    a, b = 0.6, 0.9
    correlation = (a - a * b) / math.sqrt(a * (1 - a) * b * (1 - b))
    exact = math.sqrt((b - a) - (b - a) ** 2)
    assert power.deviation(a, b, correlation) == pytest.approx(exact, rel=1e-9)


def test_clusters_multiply_the_questions_by_the_design_effect():
    ratio = (math.hypot(*passages.parts().values()) / 5 * math.sqrt(5)) ** 2
    assert power.design_effect(10, power.shared()) == pytest.approx(ratio, rel=1e-9)
    assert (power.design_effect(1, 0.7), power.design_effect(8, 1.0)) == (1, 8)


def test_164_questions_cannot_show_three_points():
    assert power.gap() == pytest.approx(100 * 5 / 164)
    assert normal_power(0.03 / power.WAYS["paired"], 164, 0.05) < 0.25
    for way, wide in power.WAYS.items():
        old, new = 137 / 164, 142 / 164
        paired, luck = ("paired" in way) * 0.5, 0.4 * ("8" in way)
        kept = 1 - luck * 7 / 8
        spread = kept * (old - old**2 + new - new**2) - 2 * paired * math.sqrt((old - old**2) * (new - new**2))
        assert wide == pytest.approx(math.sqrt(spread))
        assert power.error_points(way) == pytest.approx(100 * math.sqrt(spread / 164))
        low, high = power.ends(way)
        assert power.shown_from(way) == pytest.approx(high - power.gap())
        assert (low + high) / 2 == pytest.approx(power.gap())
        assert high - low == pytest.approx(2 * 1.959964 * power.error_points(way), rel=1e-6)
        assert normal_power(power.detectable_points(way) / 100 / wide, 164, 0.05) == pytest.approx(0.8, abs=1e-6)
    assert power.power_here("paired") == pytest.approx(normal_power(5 / 164 / power.WAYS["paired"], 164, 0.05))
    assert power.ends("two error bars")[0] < 0 and power.detectable_points("paired") > 7


def test_two_points_on_500_questions_show_nothing():
    for correlation in (0.0, 0.5):
        wide = math.sqrt(2 * 0.8 * 0.2 * (1 - correlation))
        assert power.claim_error(correlation) == pytest.approx(100 * wide / math.sqrt(500))
        needed = power.claim_needed(correlation)
        assert normal_power(0.02 / wide, needed, 0.05) >= 0.8 > normal_power(0.02 / wide, needed - 1, 0.05)


@pytest.mark.parametrize("trials", [4, 8])
def test_both_estimators_are_inspects_and_right_on_average(trials):
    for successes, k in itertools.product(range(trials + 1), range(1, trials + 1)):
        scores = [Score(value=float(i < successes)) for i in range(trials)]
        some, every = pass_at(k)(scores).as_float(), pass_k(k)(scores).as_float()
        assert attempts.pass_at_k(trials, successes, k) == pytest.approx(some, abs=1e-12)
        assert attempts.pass_hat_k(trials, successes, k) == pytest.approx(every, abs=1e-12)
    for chance, k in itertools.product((0.1, 0.6), (1, 3, 4)):
        assert attempts.expected(attempts.pass_at_k, chance, k, trials) == pytest.approx(1 - (1 - chance) ** k)
        assert attempts.expected(attempts.pass_hat_k, chance, k, trials) == pytest.approx(chance**k)


def test_the_shortcut_is_too_low():
    for k in (2, 4, 8):
        counts = np.random.default_rng(k).binomial(8, 0.1, 200_000)
        mean = np.mean(1 - (1 - counts / 8) ** k)
        assert attempts.expected(attempts.plug_in, 0.1, k) == pytest.approx(mean, abs=0.002)
        assert attempts.expected(attempts.plug_in, 0.1, k) < 1 - 0.9**k - 0.005


def test_one_success_rate_hides_two_agents():
    rng = np.random.default_rng(0)
    for name, agent in attempts.AGENTS.items():
        assert sum(agent.values()) == pytest.approx(1) and attempts.all_of(1, agent) == pytest.approx(0.6)
        chances = rng.choice(list(agent), 40_000, p=list(agent.values()))
        tries = rng.random((40_000, 8)) < chances[:, None]
        for k in (2, 8):
            assert attempts.any_of(k, agent) == pytest.approx(tries[:, :k].any(1).mean(), abs=0.01), name
            assert attempts.all_of(k, agent) == pytest.approx(tries[:, :k].all(1).mean(), abs=0.01), name
    assert attempts.all_of(8, attempts.GPT_4O) == pytest.approx(0.61**8)
    assert attempts.all_of(8, attempts.AGENTS["steady"]) > 20 * attempts.all_of(8, attempts.AGENTS["erratic"])


def test_the_judge_names_the_wrong_winner_with_a_tight_interval():
    for seed in range(20):
        lead, error = judges.judged("judge alone", seed)
        assert lead - 5 * error > 0 > judges.TRUTH
    assert judges.holds("judge alone") == 0
    for way in judges.WAYS[1:]:
        assert 0.91 < judges.holds(way) < 0.99
    means = np.array([[part.mean() for part in judges.leads(seed)] for seed in range(200)]).mean(0)
    assert 100 * means[2] == pytest.approx(judges.judge_lead(), abs=0.15)
    assert 100 * means[1] == pytest.approx(judges.judge_lead(), abs=0.7)
    assert means[0] == pytest.approx(0.62 - 0.70, abs=0.006)


def test_labels_and_judge_do_better_together():
    sizes = [judges.mean_error(way) for way in judges.WAYS]
    exact = 100 * math.sqrt((0.62 * 0.38 + 0.7 * 0.3) / 400)
    assert sizes[1] == pytest.approx(exact, rel=0.02)
    assert sizes[0] < sizes[3] < sizes[2] < sizes[1]
    again = 100 * math.sqrt((0.62 * 0.38 + 0.7 * 0.3) / judges.worth_labels())
    assert again == pytest.approx(sizes[3], rel=0.02)
    around = np.mean(
        [
            [judges.corrected(*judges.leads(seed), judges.best_weight(*judges.leads(seed)) + step)[1] for step in (-0.1, 0, 0.1)]
            for seed in range(20)
        ],
        axis=0,
    )  # fmt: skip
    people, judge, rest = judges.leads(0)
    assert around[1] < around[0] and around[1] < around[2]
    assert judges.corrected(people, judge, rest, 0.0) == pytest.approx((people.mean(), stats.sem(people)))
    assert judges.best_weight(people, -judge, -rest) == 0, "a judge that says the opposite is not trusted"


def test_a_leak_crowns_the_weaker_model_and_new_questions_show_it():
    assert leaks.crowned() > 0.6 and leaks.caught("leaked") > 0.9
    assert leaks.caught("honest", 2000) == pytest.approx(0.025, abs=0.008), "200 seeds scatter by a point or two"
    fresh = [leaks.lead(seed, 1)[0] for seed in range(200)]
    assert np.mean(fresh) == pytest.approx(0.70 - 0.72, abs=0.004)
    public = [leaks.lead(seed, 0)[0] for seed in range(200)]
    assert np.mean(public) == pytest.approx(0.70 + 0.2 * 0.30 - 0.72, abs=0.004)
    drawn = leaks.scores(4)
    for of_public, of_fresh in drawn.values():
        points, error = leaks.gap(of_public, of_fresh)
        theirs = stats.ttest_ind(of_public, of_fresh, equal_var=False)
        assert points / error == pytest.approx(theirs.statistic, rel=1e-9)
        assert (len(of_public), len(of_fresh)) == (1319, 1205)
    one, other = drawn["honest"][1], drawn["leaked"][1]
    assert leaks.lead(4, 1)[1] == pytest.approx((other - one).mean() / stats.ttest_rel(other, one).statistic)


def test_dead_containers_move_the_score_both_ways():
    alive = {"short": 0.99, "long": 0.70}
    wrong = 0.6 * 0.9 * alive["short"] + 0.4 * 0.3 * alive["long"]
    kept = 0.6 * alive["short"] + 0.4 * alive["long"]
    assert agents.truth() == pytest.approx(0.66)
    assert agents.bias("counted as wrong") == pytest.approx(100 * (wrong - 0.66), abs=0.4)
    assert agents.bias("dropped") == pytest.approx(100 * (wrong / kept - 0.66), abs=0.5)
    assert abs(agents.bias("by task")) < 0.5
    assert agents.spread("dropped") == pytest.approx(100 * np.std(agents.found("dropped")))
    assert 0.8 < agents.spread("by task") < 1.5


def test_by_task_is_what_inspect_does_with_unscored_trials():
    for seed in range(3):
        tasks = {}
        for trial in agents.run(seed):
            tasks.setdefault(trial.task, []).append(engine.as_score(trial))
        means = [mean_score()(scores).as_float() for scores in tasks.values()]
        scored = [mean for mean in means if not math.isnan(mean)]
        assert agents.by_task(agents.run(seed)) == pytest.approx(np.mean(scored), rel=1e-12)
        assert len(tasks) == 200


def test_an_inherited_world_passes_trials_that_did_nothing():
    assert agents.rates(reset=True) == (pytest.approx(0.5, abs=0.01), pytest.approx(0.5**4, abs=0.01))
    inherited = np.mean([1 - 0.5**j for j in range(1, 5)])
    assert agents.rates(reset=False) == (pytest.approx(inherited, abs=0.01), pytest.approx(0.5, abs=0.02))


def test_our_functions_agree_with_inspects():
    a, _, passage = passages.draw(2)
    assert engine.inspect_errors(2) == pytest.approx((errors.standard_error(a), errors.clustered_error(a, passage)))
    dead = engine.TASK
    assert engine.reduced(dead) == pytest.approx((4 / 6, 1 - 1 / 15, 6 / 15))
    assert math.isnan(engine.reduced([agents.Trial(0, None)] * 3)[0])
    assert set(ci()(sampled(a))) == {"lower", "upper"}


def test_text_that_is_tokenized_again_starts_twice():
    tok = prompts.tokenizer()
    text, template = prompts.by_text(tok, prompts.QUESTION), prompts.by_template(tok, prompts.QUESTION)
    assert text == [0, 0, 2, 3, 4] and template == text[1:]
    assert not prompts.starts_once(tok, text) and prompts.starts_once(tok, template)
    assert not prompts.starts_once(tok, template[1:]), "none is as wrong as two"
    plain = tok(tok.apply_chat_template(prompts.QUESTION, tokenize=False), add_special_tokens=False)
    assert plain["input_ids"] == template


def test_dollars_are_compared_as_scores_are():
    for outcome in ("solved", "dollars", "minutes"):
        one, three = costs.outcomes(1)[outcome], costs.outcomes(3)[outcome]
        first, second, more, error = costs.compare(outcome)
        assert (first, second) == pytest.approx((one.mean(), three.mean()))
        assert more / error == pytest.approx(stats.ttest_rel(three, one).statistic)
    for tries in (1, 3):
        found = costs.outcomes(tries)
        assert costs.per_solved(tries) == pytest.approx(found["dollars"].mean() / found["solved"].mean())
        assert found["minutes"] == pytest.approx(20 * found["dollars"])
    solved = np.mean([costs.outcomes(1, seed)["solved"].mean() for seed in range(100)])
    again = np.mean([costs.outcomes(3, seed)["solved"].mean() for seed in range(100)])
    chance = stats.beta(3, 2)
    spared = chance.expect(lambda p: p + 0.8 * (1 - p) * (p + 0.8 * (1 - p) * p))
    assert (solved, again) == (pytest.approx(0.6, abs=0.01), pytest.approx(spared, abs=0.01))


def test_the_nights_differ_in_dead_containers_and_in_nothing_else():
    calm, crowded = (nights.night(day) for day in ("Mon", "Thu"))
    dead = [sum(t.passed is None for t in trials) for trials in (calm, crowded)]
    assert dead[1] > 1.5 * dead[0]
    assert agents.counted_wrong(crowded) < agents.counted_wrong(calm) - 0.03
    for is_long, chance in ((False, 0.9), (True, 0.3)):
        assert nights.passed(crowded, is_long) == pytest.approx(chance, abs=0.03)
    assert agents.by_task(crowded) == pytest.approx(0.66, abs=0.03)


def test_the_mechanism_draws_what_each_draw_adds():
    drawn = re.findall(r">(\d\.\d)<", flow.figure_flow())
    assert [float(size) for size in drawn] == [round(part, 1) for part in passages.parts().values()]
    assert "50 drawn" in flow.figure_flow() and "10 of each" in flow.figure_flow()


def test_the_calculator_agrees_with_the_page():
    shown = calculator.real()
    wide = power.deviation(0.8354, 0.8659, 0.5)
    assert shown["is it real?"].startswith("not shown")
    assert shown["standard error, paired"] == f"{100 * wide / math.sqrt(164):.2f} points"
    assert shown["difference"] == "+3.05 points"
    assert shown["questions that show it with 80% power"] == f"{power.questions_needed(0.0305, wide):,}"
    assert shown["smallest difference that these questions show"] == f"{100 * power.detectable(164, wide):.1f} points"
    apart = power.deviation(0.8354, 0.8659)
    assert shown["standard error, from two error bars"] == f"{100 * apart / math.sqrt(164):.2f} points"
    half = 1.959964 * 100 * wide / math.sqrt(164)
    assert shown["95% interval"] == f"{3.05 - half:+.2f} to {3.05 + half:+.2f} points"
    assert shown["unused"] == ["within", "noise"]
    assert shown["lines"]["points"]["yours"] == (164, pytest.approx(3.05))
    for name, spread in (("paired", wide), ("two error bars", apart)):
        for questions, points in shown["lines"]["series"][name]:
            assert points == pytest.approx(100 * power.detectable(questions, spread))


def test_the_calculator_knows_clusters_and_samples():
    once, often = calculator.real(), calculator.real(samples=8)
    wide = power.deviation(0.8354, 0.8659, 0.5, 0.4, 8)
    assert often["standard error, paired"] == f"{100 * wide / math.sqrt(164):.2f} points"
    assert often["unused"] == ["within"]
    grouped = calculator.real(per_cluster=6, within=0.2)
    error = power.deviation(0.8354, 0.8659, 0.5) * math.sqrt(power.design_effect(6, 0.2) / 164)
    assert grouped["standard error, paired"] == f"{100 * error:.2f} points" != once["standard error, paired"]
    assert calculator.real(questions=2000)["is it real?"].startswith("yes")
    assert calculator.real(questions=2000, before=86.59, after=83.54)["is it real?"].startswith("yes")
    assert calculator.real(after=83.54)["questions that show it with 80% power"] == "no number"
    for values, field in (({"correlation": 0.95}, "correlation"), ({"samples": 4, "noise": 80.0}, "noise")):
        with pytest.raises(ValueError, match="at most") as refused:
            calculator.real(**values)
        assert refused.value.field == field


def test_what_the_browser_runs_needs_the_standard_library_alone():
    for module in (calculator, formulas):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        names = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
        assert names - {formulas.__name__} and names - {formulas.__name__} <= sys.stdlib_module_names
