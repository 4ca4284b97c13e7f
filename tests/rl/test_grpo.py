"""Losses against TRL's, moments against autograd over each ordered group, and each symptom of the page."""

import ast
import inspect
import itertools
from collections import defaultdict
from dataclasses import replace
from math import comb, inf
from types import SimpleNamespace

import pytest
import torch
from trl import GRPOConfig, GRPOTrainer

from snippets.rl.grpo import calculator, difficulty, regimes, stale, steps, survivors, weights, worlds
from snippets.rl.grpo.estimators import RECIPES, Recipe, advantages, aggregate, loss, pulls, token_losses
from snippets.rl.grpo.groups import Prompt, groups, moments
from snippets.sequences.language import Language, Policy

LIMIT = 12
TRL = {
    "GRPO": {"loss_type": "grpo"},
    "Dr. GRPO": {"loss_type": "dr_grpo"},
    "RLOO": {"loss_type": "dr_grpo", "epsilon": 1e9, "epsilon_high": 1e9},
    "DAPO": {"loss_type": "dapo", "epsilon_high": 0.28},
    "GSPO": {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 3e-4, "epsilon_high": 4e-4},
    "CISPO": {"loss_type": "cispo", "epsilon_high": 5.0},
}


def batch(seed, drift=0.3):
    """A group of replies of random lengths: log-probabilities now and then, mask, rewards."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, LIMIT + 1, (4,), generator=draw)
    mask = (torch.arange(LIMIT) < lengths[:, None]).double()
    old = -3 * torch.rand(4, LIMIT, generator=draw, dtype=torch.float64)
    new = old + drift * torch.randn(4, LIMIT, generator=draw, dtype=torch.float64)
    return new, old, mask, torch.rand(4, generator=draw, dtype=torch.float64)


def trl_loss(new, old, mask, gain, total=None, **settings):
    """`GRPOTrainer._compute_loss` itself, on a trainer that holds settings alone."""
    config = GRPOConfig(output_dir="none", use_cpu=True, bf16=False, report_to="none", beta=0.0, **settings)
    high = config.epsilon if config.epsilon_high is None else config.epsilon_high
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (new, torch.zeros_like(new), None),
        accelerator=SimpleNamespace(num_processes=1, reduce=lambda x, **_: x, gather=lambda x: x),
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None, steps_per_generation=1),
        model=SimpleNamespace(training=True), top_entropy_quantile=1.0, off_policy_mask_threshold=None,
        beta=0.0, aux_loss_enabled=False, use_vllm=False, loss_type=config.loss_type,
        importance_sampling_level=config.importance_sampling_level, epsilon_low=config.epsilon, epsilon_high=high,
        max_completion_length=mask.shape[1], current_gradient_accumulation_steps=1,
        vllm_importance_sampling_correction=False, _entropy_bonus_enabled=False,
        _metrics={"train": defaultdict(list)},
    )  # fmt: skip
    ones = torch.ones(len(mask), 1)
    inputs = {
        "prompt_ids": ones.long(), "prompt_mask": ones, "completion_ids": mask.long(), "completion_mask": mask,
        "advantages": gain, "old_per_token_logps": old, "num_items_in_batch": mask.sum() if total is None else total,
    }  # fmt: skip
    return GRPOTrainer._compute_loss(trainer, SimpleNamespace(training=True), inputs)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_has_the_loss_and_the_gradient_of_trl(name, seed):
    new, old, mask, rewards = batch(seed)
    theirs = new.clone().requires_grad_()
    value = trl_loss(theirs, old, mask, advantages(rewards, RECIPES[name]), **TRL[name])
    value.backward()
    assert loss(RECIPES[name], rewards, new, old, mask, LIMIT).item() == pytest.approx(value.item(), abs=1e-6)
    ours = pulls(RECIPES[name], rewards, new, old, mask, LIMIT)
    torch.testing.assert_close(ours, -theirs.grad, rtol=0, atol=1e-6)


def test_a_group_of_the_field_has_the_losses_that_were_reported():
    """TRL issue 2995 rebuilt: rewards 1, 0, 0, 1 and 10, 40, 200, 20 tokens, before any update."""
    rewards = torch.tensor([1.0, 0, 0, 1]).double()
    zero, mask = weights.fresh((10, 40, 200, 20))
    found = {d: Recipe(divide=d) for d in ("reply", "tokens", "limit")}
    values = {d: loss(r, rewards, zero, zero, mask, 256).item() for d, r in found.items()}
    assert values == pytest.approx({"reply": 0.0, "tokens": 0.673, "limit": 0.178}, abs=1e-3), "TRL adds 1e-4"
    pull = pulls(RECIPES["GRPO"], rewards, zero, zero, mask, 256)[:, 0].tolist()
    assert pull == pytest.approx([0.0216, -0.0054, -0.0011, 0.0108], abs=6e-5)
    gain = advantages(rewards, RECIPES["DAPO"])
    losses = token_losses(zero, zero, gain, mask, RECIPES["DAPO"])
    halves = [aggregate(losses[i : i + 2], mask[i : i + 2], RECIPES["DAPO"], 256).item() for i in (0, 2)]
    assert sum(halves) / 2 == pytest.approx(0.614, abs=5e-4)


SMALL = Language(size=2, length=3, end=0)


def small(seed=3):
    """A prompt with four replies and rewards between 0 and 1."""
    policy = Policy(SMALL, seed)
    return Prompt(policy, torch.tensor([0.1, 0.9, 0.4, 0.7]).double())


def ordered(recipe, prompt, size, old=None):
    """Chance and gradient of each ordered group, each by its own backward pass through the policy."""
    policy = prompt.policy
    chances = (old or policy).probabilities().detach()
    for rows in itertools.product(range(len(prompt.rewards)), repeat=size):
        pick = list(rows)
        new = policy.logprobs()[pick]
        drawn = (old or policy).logprobs().detach()[pick]
        value = loss(recipe, prompt.rewards[pick], new, drawn, policy.mask[pick].double(), SMALL.length)
        yield chances[pick].prod().item(), -policy.gradient(value).flatten()


@pytest.mark.parametrize("name", [*RECIPES, "stale GRPO"])
@pytest.mark.parametrize("size", [2, 3])
def test_moments_are_sums_over_all_ordered_groups(name, size):
    prompt = small()
    old = stale.moved(prompt.policy, 1.0) if name.startswith("stale") else None
    recipe = RECIPES[name.removeprefix("stale ")]
    found = moments(recipe, prompt, size, old)
    mean, square, whole = 0.0, 0.0, 0.0
    for chance, gradient in ordered(recipe, prompt, size, old):
        mean, square, whole = mean + chance * gradient, square + chance * gradient @ gradient, whole + chance
    assert whole == pytest.approx(1)
    torch.testing.assert_close(found.mean, mean, rtol=1e-9, atol=1e-12)
    assert found.square.item() == pytest.approx(square.item(), rel=1e-9)


@pytest.mark.parametrize(("replies", "size"), [(4, 2), (5, 3), (31, 3)])
def test_each_group_is_there_once_with_its_orders(replies, size):
    rows, orders = groups(replies, size)
    assert len(rows) == comb(replies + size - 1, size)
    assert orders.sum().item() == replies**size


def test_scores_are_what_autograd_says():
    prompt = small()
    policy = prompt.policy

    def chosen(logits):
        return logits.log_softmax(-1)[policy.before, policy.tokens] * policy.mask

    jacobian = torch.autograd.functional.jacobian(chosen, policy.logits.detach()).flatten(2)
    torch.testing.assert_close(prompt.scores(), jacobian)


@pytest.mark.parametrize("size", [2, 3])
def test_with_a_constant_divisor_only_the_length_of_the_step_depends_on_the_baseline(size):
    prompt = small()
    exact = prompt.exact() / SMALL.length
    for name, share in (("no baseline", 1.0), ("RLOO", 1.0), ("Dr. GRPO", (size - 1) / size)):
        found = moments(worlds.ROWS[name], prompt, size).mean
        torch.testing.assert_close(found, share * exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("count", [1, 2])
def test_the_gain_is_the_rise_of_the_reward_by_the_length_of_the_step(count):
    """By all steps of `count` groups: expected rise over root mean square length, over the best rise."""
    prompt = small()
    exact = prompt.exact()
    found = worlds.verdict(moments(RECIPES["GRPO"], prompt, 2), exact)
    rise, square = 0.0, 0.0
    every = list(ordered(RECIPES["GRPO"], prompt, 2))
    for parts in itertools.product(every, repeat=count):
        chance = torch.tensor([c for c, _ in parts]).prod().item()
        step = sum(g for _, g in parts) / count
        rise, square = rise + chance * (step @ exact).item(), square + chance * (step @ step).item()
    assert found.gain(count) == pytest.approx(rise / (square**0.5 * exact.norm().item()), rel=1e-5)


@pytest.mark.parametrize("seed", [0, 6])
def test_the_ranking_turns_at_the_crossing_or_not_at_all(seed):
    prompt = worlds.opening(seed)
    few, many = worlds.judged("GRPO", prompt), worlds.judged("Dr. GRPO", prompt)
    even = regimes.crossing(few, many)
    if seed == 6:
        assert few.gain(even) == pytest.approx(many.gain(even), rel=1e-9)
        assert few.gain(even / 2) > many.gain(even / 2) and few.gain(2 * even) < many.gain(2 * even)
        assert 46 < even < 48
    else:
        assert even < 0 and few.gain(1) < many.gain(1) and few.gain(1000) < many.gain(1000)


def test_lengths_are_worth_nothing_and_division_by_reply_prefers_some_all_the_same():
    prompt = worlds.opening(0)
    for name in ("no baseline", "RLOO", "Dr. GRPO"):
        found = moments(worlds.ROWS[name], prompt, 2)
        assert [worlds.drift(found, prompt, first) for first in (1, 2)] == pytest.approx([0, 0], abs=1e-12)
    found = moments(worlds.ROWS["GRPO"], prompt, 2)
    step = 1e-5 * (found.mean / found.mean.norm()).view_as(prompt.policy.logits)
    lengths = prompt.policy.mask.sum(1).double()
    for first, sign in ((1, -1), (2, 1)):
        opened = (prompt.policy.tokens[:, 0] == first).double()
        there = Policy(worlds.LANGUAGE)
        before = there.mean(opened * lengths) / there.mean(opened)
        with torch.no_grad():
            there.logits += step
        after = there.mean(opened * lengths) / there.mean(opened)
        assert sign * worlds.drift(found, prompt, first) > 0.02
        assert worlds.drift(found, prompt, first) == pytest.approx(((after - before) / 1e-5).item(), rel=1e-3)


def test_the_cosine_of_grpo_does_not_depend_on_the_group_and_that_of_dapo_rises():
    cosines = {name: [worlds.judged(name, worlds.opening(0), g).cosine for g in (2, 3)] for name in ("GRPO", "DAPO")}
    assert cosines["GRPO"][0] == pytest.approx(cosines["GRPO"][1], abs=1e-6)
    assert cosines["DAPO"][0] + 0.005 < cosines["DAPO"][1] < 1


def test_the_survey_counts_policies_on_both_sides():
    found = regimes.survey(seeds=3)
    assert set(found) == set(regimes.rules(Policy(worlds.LANGUAGE))) and all(len(x) == 3 for x in found.values())
    ahead = [x > 1 for crossings in found.values() for x in crossings]
    assert 0 < sum(ahead) < len(ahead)
    for name, rewards in regimes.rules(Policy(worlds.LANGUAGE, 1)).items():
        prompt = Prompt(Policy(worlds.LANGUAGE, 1), rewards)
        leads = worlds.judged("GRPO", prompt, 2).gain(1) > worlds.judged("Dr. GRPO", prompt, 2).gain(1)
        assert leads == (found[name][1] > 1)


def test_the_count_of_the_survey_is_that_of_its_printed_rows(capsys):
    regimes.example_survey()
    rows = [row.split() for row in capsys.readouterr().out.splitlines()[1:]]
    printed = [row[row.index("of") - 1 : row.index("of") + 2] for row in rows]
    assert regimes.ahead_of_the_constant() == (sum(int(r[0]) for r in printed), sum(int(r[2]) for r in printed))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_with_binary_rewards_the_scale_only_weighs_the_prompt(size):
    """The expected gradient is the exact one, times the weight of the pass rate."""
    policy = Policy(SMALL, 3)
    prompt = Prompt(policy, torch.tensor([0.0, 1, 0, 1]).double())
    rate = policy.mean(prompt.rewards).item()
    found = moments(Recipe(scale=True, divide="limit"), prompt, size).mean
    expected = difficulty.weight(rate, size) * prompt.exact() / SMALL.length
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize(("name", "tolerance"), [("GRPO", 1e-6), ("DAPO", 1e-3)])
def test_the_scale_is_not_what_biases_the_rows_of_the_table(name, tolerance):
    prompt = worlds.opening(0)
    bare = worlds.verdict(moments(replace(RECIPES[name], scale=False), prompt, 3), prompt.exact())
    assert bare.cosine == pytest.approx(worlds.judged(name, prompt).cosine, abs=tolerance)


def test_with_graded_rewards_the_scale_turns_the_gradient():
    prompt = small()
    exact = prompt.exact()
    cosines = [
        worlds.verdict(moments(Recipe(scale=scale, divide="limit"), prompt, 3), exact).cosine for scale in (False, True)
    ]
    assert cosines[0] == pytest.approx(1, abs=1e-9) and cosines[1] < 0.9999


def test_weights_of_prompts_approach_the_slope_of_an_arcsine():
    rate = torch.tensor(0.05, dtype=torch.float64, requires_grad=True)
    (2 * rate.sqrt().asin()).backward()
    assert difficulty.limit(0.05) == pytest.approx(rate.grad.item() / 2, rel=1e-9)
    assert difficulty.lift(0.05, 400) == pytest.approx(difficulty.limit(0.05), rel=0.01)
    assert [difficulty.lift(0.01, size) for size in (2, 3)] == pytest.approx([1, 1], abs=1e-5)
    assert difficulty.lift(0.01, 4) < difficulty.lift(0.01, 8) < difficulty.lift(0.01, 64) < difficulty.limit(0.01)
    assert difficulty.weight(0.3, 5, scale=False) == pytest.approx(0.8), "a group's mean shrinks the step, no more"


def test_a_limit_trades_bias_for_noise_once_the_policy_has_moved():
    near = stale.compare(0.0)
    assert {round(c, 9) for c, _ in near.values()} == {1.0} and len({round(n, 9) for _, n in near.values()}) == 1
    far = stale.compare(stale.MOVES[1])
    assert far["token, 0.2"][0] < far["token, none"][0] - 0.005
    assert far["token, 0.2"][1] < 0.95 * far["token, none"][1]
    assert far["reply, GSPO's"][0] < 0.7 and far["reply, none"][0] > 0.98


def test_tokens_outside_are_weighed_by_how_often_they_are_drawn():
    old = Policy(worlds.LANGUAGE)
    new = stale.moved(old, 6.0)
    draw = torch.Generator().manual_seed(0)
    rows = old.sample(40_000, draw)
    ratio = (new.logprobs() - old.logprobs()).exp()[rows]
    counted = old.mask[rows]
    drawn = (((ratio - 1).abs() > 0.2) & counted).sum() / counted.sum()
    assert stale.outside(old, new) == pytest.approx(drawn.item(), abs=0.005)
    assert (new.logits - old.logits).norm().item() == pytest.approx(6.0)


def test_micro_batches_that_divide_by_their_own_tokens_change_the_recipe():
    zero, mask = weights.fresh()
    gain = advantages(torch.tensor(weights.REWARDS).double(), RECIPES["DAPO"])
    whole = trl_loss(zero, zero, mask, gain, loss_type="dapo").item()
    for parts in (1, 2, 4):
        pieces = zip(mask.chunk(parts), gain.chunk(parts), strict=True)
        theirs = [trl_loss(zero[: len(m)], zero[: len(m)], m, a, loss_type="bnpo").item() for m, a in pieces]
        assert steps.accumulated(parts, whole=False)[0] == pytest.approx(sum(theirs) / parts, abs=1e-9)
        value, pull = steps.accumulated(parts, whole=True)
        assert value == pytest.approx(whole, abs=1e-9)
        assert pull == pytest.approx(weights.of_tokens(RECIPES["DAPO"]), abs=1e-12)
    alone = steps.accumulated(4, whole=False)[1]
    assert alone == pytest.approx(weights.of_tokens(RECIPES["GRPO"]), abs=1e-12)
    assert steps.accumulated(2, whole=False)[1] != pytest.approx(weights.of_tokens(RECIPES["DAPO"]), rel=0.1)


def test_passes_are_no_updates():
    """The rows of tt-blacksmith issue 731: two passes, an update after four, two rollouts and a half."""
    assert steps.ages(2, 4, 3)[:5] == [0, 0, 0, 0, 0]
    assert steps.ages(4, 2, 2) == [0, 0, 1, 1, 0, 0, 1, 1]
    assert steps.ages(3, 2, 2) == [0, 0, 1, 0, 1, 1], "a remainder is stale (TRL pull request 3493)"
    shares = [steps.stale(*s) for s in ((2, 4), (4, 4), (4, 2), (4, 1))]
    assert shares == [0, 0, 0.5, 0.75]


def test_the_deviation_forgets_the_size_of_a_penalty():
    sizes = (1.0, 0.1, 0.01)
    assert [weights.penalized(p, True) for p in sizes] == pytest.approx([-7 / 8**0.5] * 3, abs=1e-3)
    assert [weights.penalized(p, False) for p in sizes] == pytest.approx([-7 / 8 * p for p in sizes], abs=1e-9)


def test_relative_pulls_are_one_on_average():
    found = weights.relative(weights.of_tokens(RECIPES["GRPO"]))
    assert sum(abs(p) * n for p, n in zip(found, weights.LENGTHS, strict=True)) == pytest.approx(sum(weights.LENGTHS))
    assert [p > 0 for p in found] == [True, False, False, True]
    assert weights.ratio(RECIPES["GRPO"]) == pytest.approx(24 / 3) and weights.ratio(RECIPES["DAPO"]) == 1


@pytest.mark.parametrize("name", ["GRPO", "Dr. GRPO", "RLOO", "DAPO"])
def test_the_calculator_pulls_as_the_page_does(name):
    r = RECIPES[name]
    shown = calculator.weights(baseline=r.baseline, scale=r.scale, divide=r.divide, limit=weights.LIMIT)
    rows = [[float(cell) for cell in row] for row in shown["table"][1:]]
    assert [row[3] for row in rows] == pytest.approx(weights.of_tokens(r), abs=6e-6)
    assert [row[2] for row in rows] == pytest.approx(advantages(torch.tensor(weights.REWARDS), r).tolist(), abs=6e-4)
    assert [row[4] for row in rows] == pytest.approx([row[3] * row[1] for row in rows], abs=2e-4)
    assert float(shown["loss on the dashboard"]) == pytest.approx(weights.value(r), abs=6e-4)
    assert shown["hardest pulled token against the least pulled"] == f"{weights.ratio(r):.1f} to 1"
    assert shown["unused"] == ([] if r.divide == "limit" else ["limit"])


@pytest.mark.parametrize(
    ("group", "why"),
    [("1 3\n0", "line 2"), ("1 3", "two replies"), ("1 0\n0 2", "one token"), ("1 3\n0 99", "longer than the limit")],
)
def test_the_calculator_says_what_is_wrong_with_a_group(group, why):
    with pytest.raises(ValueError, match=why) as caught:
        calculator.weights(group=group, divide="limit")
    assert caught.value.field == "group"


def test_equal_rewards_pull_nothing():
    shown = calculator.weights(group="1 3\n1 5\n\n1,7")
    assert shown["hardest pulled token against the least pulled"] == "no token is pulled"
    assert [row[3] for row in shown["table"][1:]] == ["+0.00000"] * 3


def test_the_calculator_needs_the_standard_library_alone():
    tree = ast.parse(inspect.getsource(calculator))
    names = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert names == {"__future__", "math", "typing"}


def test_wrong_replies_that_stop_at_once_are_counted():
    for seed, near in ((0, 0.22), (6, 0.87)):
        prompt = worlds.opening(seed)
        rows = prompt.policy.sample(40_000, torch.Generator().manual_seed(1))
        wrong = rows[prompt.rewards[rows] == 0]
        share = (prompt.policy.mask[wrong].sum(1) == 1).double().mean().item()
        assert regimes.stopped_at_once(seed) == pytest.approx(share, abs=0.01) == pytest.approx(near, abs=0.02)


@pytest.mark.parametrize("lone", [0.0, 1.0])
def test_filtered_groups_are_summed_over_all_orders(lone):
    """Against a loop over ordered groups, with the mean of the other survivors taken by hand."""
    prompt = small()
    kept = torch.tensor([1.0, 1, 0, 1]).double()
    scores, chances = prompt.scores().sum(1), prompt.policy.probabilities().detach()
    expected = torch.zeros(scores.shape[1]).double()
    for rows in itertools.product(range(4), repeat=3):
        left = [i for i in rows if kept[i]]
        for place, i in enumerate(left):
            others = [prompt.rewards[j].item() for j in left[:place] + left[place + 1 :]]
            gain = prompt.rewards[i] - sum(others) / len(others) if others else lone * prompt.rewards[i]
            expected += chances[list(rows)].prod() * gain * scores[i] / 3
    torch.testing.assert_close(survivors.filtered(prompt, kept, 3, lone), expected)


@pytest.mark.parametrize("size", [2, 3])
def test_a_last_reply_without_advantage_leaves_the_direction_exact(size):
    better, shorter = survivors.directions(0.0, size)
    raw, pushed = survivors.directions(1.0, size)
    assert better == pytest.approx(1, abs=1e-9)
    assert raw < 0.999 and pushed > shorter + 0.05


def test_no_limit_is_infinite_in_both_directions():
    assert (RECIPES["RLOO"].low, RECIPES["RLOO"].high) == (inf, inf)
