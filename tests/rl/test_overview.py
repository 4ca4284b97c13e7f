"""Every estimator against autograd, all groups, libraries and hand-made cases; each symptom of the page."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from torch.distributions import Categorical
from torchrl.objectives.value.functional import reward2go, td_lambda_return_estimate

from snippets.rl.overview import (  # fmt: skip
    baselines,
    calculator,
    dashboard,
    environment,
    figures,
    groups,
    losses,
    lottery,
    penalty,
    rates,
    returns,
    sight,
    stall,
    tasks,
    tree,
)
from snippets.rl.overview.moments import moments, scores
from snippets.sequences.language import Language, Policy

POLICIES = [(seed, scale) for seed in range(3) for scale in (0.0, 1.0, 2.0)]
TASKS = list(tasks.TASKS.values())


def drawn(seed, scale=1.0, end=None):
    return Policy(Language(3, 3, end=end), seed=seed, scale=scale)


@pytest.mark.parametrize("end", [None, 1])
def test_scores_are_autograds(end):
    policy = drawn(4, end=end)
    ours = scores(policy)
    for n, t in product(range(0, len(policy.tokens), 5), range(3)):
        assert torch.allclose(ours[n, t], policy.gradient(policy.logprobs()[n, t]), atol=1e-12)


def test_rewards_by_hand():
    tokens = torch.tensor([[0, 0, 0], [0, 1, 0], [2, 0, 1], [1, 2, 2]])
    assert tasks.fresh(tokens).tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 0]]
    assert tasks.verdict(tokens).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert tasks.to_go(tasks.fresh(tokens))[1].tolist() == [2, 1, 0]


@pytest.mark.parametrize("seed, scale", POLICIES)
@pytest.mark.parametrize("task", TASKS)
def test_no_baseline_before_the_token_bends_the_gradient(seed, scale, task):
    policy = drawn(seed, scale)
    rewards = task(policy.tokens)
    truth = tasks.exact(policy, rewards)
    for name, weights in baselines.baselines(policy, rewards).items():
        assert moments(policy, weights).bias(truth) < 1e-10, name


def test_variance_is_that_of_samples():
    policy = drawn(1)
    weights = baselines.baselines(policy, tasks.fresh(policy.tokens))["minus value"]
    drawn_rows = policy.sample(40_000, torch.Generator().manual_seed(0))
    pushes = torch.einsum("nt,ntkv->nkv", weights, scores(policy))[drawn_rows].flatten(1)
    assert moments(policy, weights).variance == pytest.approx(pushes.var(0).sum().item(), rel=0.03)


@pytest.mark.parametrize("seed, scale", POLICIES)
@pytest.mark.parametrize("task", TASKS)
def test_the_best_baselines_cannot_be_improved(seed, scale, task):
    """The gradient of the variance by the baseline is 0, by autograd, and the variance convex."""
    policy = drawn(seed, scale)
    rewards, chance = task(policy.tokens), policy.probabilities().detach()
    rest = tasks.to_go(rewards)
    for name, shape in (("minus best constant", (1, 3)), ("minus best of prefix", rest.shape)):
        base = rest - baselines.baselines(policy, rewards)[name]
        b = base[:1] if shape == (1, 3) else base
        b = b.clone().requires_grad_()
        pushes = torch.einsum("nt,ntkv->nkv", rest - b, scores(policy))
        (grad,) = torch.autograd.grad((chance * (pushes**2).sum((1, 2))).sum(), b)
        tied = grad if shape == (1, 3) else torch.zeros(13, dtype=torch.float64).index_add(0, policy.before.flatten(), grad.flatten())  # fmt: skip
        assert tied.abs().max() < 1e-12, name


def test_a_value_is_what_sampling_from_the_prefix_returns():
    policy = tasks.policy()
    rewards = tasks.fresh(policy.tokens)
    values = baselines.value(policy, rewards)
    first = (policy.tokens[:, 0] == 1).nonzero().flatten()  # prefix b
    share = policy.probabilities().detach()[first]
    rest = tasks.to_go(rewards)[first, 1]
    assert values[first[0], 1].item() == pytest.approx((share * rest).sum().item() / share.sum().item())


def test_the_table_of_the_page():
    policy = tasks.policy()
    noise = {}
    for task in tasks.TASKS:
        rewards = tasks.TASKS[task](policy.tokens)
        for name, weights in baselines.baselines(policy, rewards).items():
            noise[task, name] = moments(policy, weights).variance
    each, end = tasks.TASKS
    assert noise[each, "reward to go"] < noise[each, "REINFORCE"] / 2
    assert noise[end, "reward to go"] == pytest.approx(noise[end, "REINFORCE"], rel=1e-12)
    assert noise[each, "minus value"] > noise[each, "minus its mean"]  # the page says so
    assert baselines.replies(each, "reward to go") == pytest.approx(noise[each, "reward to go"] / tasks.exact(policy, tasks.fresh(policy.tokens)).square().sum().item())  # fmt: skip


def test_the_value_is_noisier_than_the_mean_for_half_of_the_sure_policies():
    found = [baselines.noise(3.0, seed) for seed in range(baselines.SEEDS)]
    mean, value, best = ([one[name] for one in found] for name in ("minus its mean", "minus value", "minus best of prefix"))  # fmt: skip
    assert baselines.noisier(mean, value) == (1, 2, 10)
    assert all(b <= min(1, m, v) + 1e-12 for b, m, v in zip(best, mean, value, strict=True))
    policy = drawn(5, 3.0)
    weights = baselines.baselines(policy, tasks.verdict(policy.tokens))
    assert value[5] == pytest.approx(moments(policy, weights["minus value"]).variance / moments(policy, weights["REINFORCE"]).variance)  # fmt: skip


@pytest.mark.parametrize("group", [2, 3, 7])
def test_leave_one_out_leaves_one_out(group):
    rewards = torch.randn(5, group, generator=torch.Generator().manual_seed(group), dtype=torch.float64)
    for row, ours in zip(rewards.numpy(), groups.leave_one_out(rewards).numpy(), strict=True):
        others = [np.delete(row, i).mean() for i in range(group)]
        np.testing.assert_allclose(ours, row - others, atol=1e-12)


@pytest.mark.parametrize("group", [2, 3])
@pytest.mark.parametrize("seed", [0, 3])
def test_the_variance_of_a_group_is_that_over_all_groups(group, seed):
    policy = drawn(seed)
    rewards = tasks.verdict(policy.tokens).sum(-1) + 0.1 * policy.tokens[:, 0]
    chance, push = policy.probabilities().detach(), scores(policy).sum(1).flatten(1)
    members = torch.cartesian_prod(*[torch.arange(27)] * group)
    share = chance[members].prod(-1)
    found = torch.einsum("gi,gik->gk", groups.leave_one_out(rewards[members]), push[members]) / group
    mean = share @ found
    assert torch.allclose(mean, policy.gradient(policy.mean(rewards)).flatten(), atol=1e-12)
    square = share @ (found**2).sum(-1)
    assert groups.group_variance(policy, rewards, group) == pytest.approx((square - mean @ mean).item(), rel=1e-9)


def test_small_groups_are_noisier_than_no_baseline():
    policy = tasks.policy()
    rewards = tasks.verdict(policy.tokens)
    bare = moments(policy, rewards.sum(-1, keepdim=True).expand_as(rewards)).variance
    out = {g: groups.group_variance(policy, rewards.sum(-1), g) for g in (2, 4, 8)}
    assert out[2] > bare / 2 and out[4] > bare / 4 and out[8] < bare / 8
    assert groups.own_mean_bias(2) == pytest.approx(1 / 2) and groups.own_mean_bias(3) == pytest.approx(1 / 3)
    mean = moments(policy, baselines.baselines(policy, rewards)["minus its mean"]).variance
    assert groups.overhead(8) == pytest.approx(out[8] * 8 / mean - 1)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("task", TASKS)
def test_a_late_value_takes_its_share_of_the_gradient(share, task):
    policy = drawn(2)
    rewards = task(policy.tokens)
    truth = tasks.exact(policy, rewards)
    found = sight.shifted(policy, rewards, share)
    assert torch.allclose(found.mean, (1 - share) * truth, atol=1e-12)
    assert found.bias(truth) == pytest.approx(share, abs=1e-10)


def test_early_costs_variance_and_late_the_gradient():
    policy = tasks.policy()
    rewards = tasks.verdict(policy.tokens)
    truth, rest = tasks.exact(policy, rewards), tasks.to_go(rewards)
    early = moments(policy, rest - sight.early(policy, rewards))
    place = moments(policy, rest - baselines.value(policy, rewards))
    assert early.bias(truth) < 1e-10 and early.variance > place.variance
    mended = sight.corrected(policy, rewards)
    assert mended.bias(truth) < 1e-10 and mended.variance < place.variance
    assert sight.shift_bias(1.0) == pytest.approx(1) and sight.shift_bias(0.5) == pytest.approx(0.5)
    late = sight.shifted(policy, rewards, 1.0)
    assert late.mean.norm() < 1e-12 and late.variance > 0.1  # nothing but noise


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.0])
def test_the_penalty_in_the_loss_pulls_nowhere(beta):
    policy = tasks.policy()
    rewards = tasks.verdict(policy.tokens)
    truth, wanted = tasks.exact(policy, rewards), penalty.penalized(beta)
    loss, reward = penalty.in_loss(policy, rewards, beta), penalty.in_reward(policy, rewards, beta, penalty.REFERENCE)
    assert loss.bias(truth) < 1e-10 and reward.bias(wanted) < 1e-10
    assert loss.bias(wanted) > 0.2
    log_ratio = policy.logprobs() - penalty.REFERENCE.logprobs().detach()
    held = policy.probabilities().detach()
    bare = policy.gradient((held * log_ratio.sum(-1)).sum())  # samples held fixed, as a loss does
    assert bare.abs().max() < 1e-15


def test_the_penalty_in_the_loss_is_noise_that_grows():
    assert penalty.loss_variance(2.0) > 10 * penalty.loss_variance(0.0)
    assert penalty.loss_variance(0.1) < penalty.loss_variance(0.0)  # a baseline of 0.1, by accident


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_returns_are_torchrls(seed, share):
    draw = torch.Generator().manual_seed(seed)
    rewards, after, discounts = (torch.rand(2, 7, 1, generator=draw, dtype=torch.float64) for _ in range(3))
    done = torch.zeros(2, 7, 1, dtype=torch.bool)
    done[:, -1] = True
    theirs = td_lambda_return_estimate(discounts, share, after, rewards, done, torch.zeros_like(done))
    ours = returns.lambda_returns(rewards[..., 0], discounts[..., 0], after[..., 0], share)
    torch.testing.assert_close(ours, theirs[..., 0])
    cut = torch.rand(2, 7, 1, generator=draw) < 0.3
    cut[:, -1] = True
    torch.testing.assert_close(
        returns.episodic_returns(rewards[..., 0], cut[..., 0].double(), 0.9), reward2go(rewards, cut, 0.9)[..., 0]
    )


def test_a_critic_trades_bias_for_variance():
    policy = tasks.policy()
    truth = tasks.exact(policy, tasks.verdict(policy.tokens))
    for quality, share in product((0.0, 0.5, 1.0), (0.0, 0.5, 1.0)):
        of = returns.bootstrapped(share, quality)
        assert (of.bias(truth) < 1e-10) == (quality == 1 or share == 1)
    steps = [returns.bootstrapped(share, 1.0).variance for share in (0.0, 0.5, 0.9, 1.0)]
    assert steps == sorted(steps)
    assert returns.myopic_bias(0.9) == pytest.approx(returns.bootstrapped(0.9, 0.0).bias(truth))


@pytest.mark.parametrize("seed", range(3))
def test_losses_are_those_of_distributions(seed):
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 4, generator=draw, dtype=torch.float64, requires_grad=True)
    tokens = torch.randint(4, (6,), generator=draw)
    gains, weights = torch.randn(2, 6, generator=draw, dtype=torch.float64)
    policy = Categorical(logits=logits)
    assert losses.policy_loss(logits, tokens, gains, weights).item() == pytest.approx((-policy.log_prob(tokens) * gains * weights).mean().item())  # fmt: skip
    assert losses.entropy_loss(logits, weights).item() == pytest.approx((-policy.entropy() * weights).mean().item())
    gains.requires_grad_()
    losses.policy_loss(logits, tokens, gains, weights).backward()
    assert gains.grad is None and logits.grad.abs().sum() > 0


def test_the_exact_gradient_stalls():
    path = stall.ascent()
    assert path[0].best == pytest.approx(1 / 27) and path[0].entropy == pytest.approx(math.log(27))
    assert path[0].reward == pytest.approx(1 / 27 + 0.5 * 9 / 27)
    assert stall.lowest(0.0) < path[0].best / 10 and path[-1].best > 0.98
    assert all(b.reward >= a.reward - 1e-12 for a, b in pairwise(path))
    worst = min(path, key=lambda now: now.best)
    assert worst.slope < path[0].slope / 50
    assert stall.half(0.1) < stall.half(0.03) < stall.half(0.0) / 3
    assert path[stall.half(0.0)].best > 0.5 >= path[stall.half(0.0) - 1].best
    assert stall.ascent(0.1)[-1].reward < path[-1].reward  # the bonus has its price
    assert stall.met(0.5, 2) == 0.75 and stall.met(0.0, 64) == 0


def test_the_first_step_of_the_ascent_is_its_gradient():
    policy = tasks.policy(scale=0.0)
    rewards = stall.decoy(policy.tokens)
    assert rewards.sum().item() == 1 + 0.5 * 9 and rewards[26] == 1 and (rewards[:9] == 0.5).all()
    goal = policy.mean(rewards) + 0.1 * Categorical(policy.probabilities()).entropy()
    with torch.no_grad():
        policy.logits += stall.RATE * policy.gradient(goal)
    assert stall.ascent(0.1)[1].reward == pytest.approx(policy.mean(rewards).item())
    assert stall.ascent(0.1)[0].slope * stall.RATE == pytest.approx((policy.logits.norm()).item())


def test_the_environment_is_gymnasiums_and_its_loop_scatters_as_predicted():
    check_env(environment.Words(), skip_render_check=True)
    found, expected = environment.distances(150, 12)
    square = sum(d * d for d in found) / len(found)
    assert 0.5 < square / expected**2 < 1.8


def test_the_loop_reveals_rewards_summed_from_the_wrong_end(monkeypatch):
    monkeypatch.setattr(environment, "to_go", lambda rewards: rewards.cumsum(-1))
    found = [(environment.estimate(tasks.policy(), 800, seed) - tasks.exact(tasks.policy(), tasks.fresh(tasks.policy().tokens))).norm().item() for seed in range(5)]  # fmt: skip
    monkeypatch.undo()
    assert min(found) > 1.5 * environment.distances(800, 1)[1]


def test_an_episode_is_a_row_of_the_language():
    env = environment.Words()
    env.reset(seed=0)
    seen = [env.step(np.int64(token)) for token in (2, 0, 2)]
    assert [step[1] for step in seen] == [1, 1, 0] and [step[2] for step in seen] == [False, False, True]
    assert [int(step[0]) for step in seen[:2]] == [3, 10]
    assert env.observation_space.n == 1 + 3 + 9 + 27 and env.action_space.n == 3


@pytest.mark.parametrize("p, right, wrong", [(0.3, 1, 1), (0.8, 2, 5), (0.5, 4, 3)])
def test_the_calculator_is_an_enumeration(p, right, wrong):
    policy = Policy(Language(right + wrong, 1))
    chance = torch.tensor([p / right] * right + [(1 - p) / wrong] * wrong, dtype=torch.float64)
    policy.logits.data = chance.log()[None]
    rewards = torch.tensor([[1.0]] * right + [[0.0]] * wrong, dtype=torch.float64)
    truth = policy.gradient(policy.mean(rewards[:, 0]))
    assert calculator.signal(p, right, wrong) == pytest.approx((truth**2).sum().item())
    found = baselines.baselines(policy, rewards)
    names = {"none": "REINFORCE", "mean reward": "minus its mean", "best constant": "minus best constant"}
    for ours, theirs in names.items():
        assert calculator.variance(p, right, wrong, 3, ours) == pytest.approx(moments(policy, found[theirs]).variance / 3, abs=1e-12)  # fmt: skip
    for group in (2, 5):
        assert calculator.variance(p, right, wrong, group, "leave-one-out") == pytest.approx(groups.group_variance(policy, rewards[:, 0], group))  # fmt: skip


def test_the_calculator_answers():
    out = calculator.policy_gradient_noise()
    need = calculator.needed(0.2, 1000, 1000, "leave-one-out")
    assert out["answers until they are equally long"] == f"{need:,}"
    for group, sign in ((need, 1), (need - 1, -1)):
        gap = calculator.signal(0.2, 1000, 1000) - calculator.variance(0.2, 1000, 1000, group, "leave-one-out")
        assert sign * gap >= 0
    assert out["groups with equal rewards"] == f"{0.2**8 + 0.8**8:.1%}"
    again = calculator.policy_gradient_noise(baseline="none", samples=64)
    assert again["lines"]["points"]["yours"] == (64, pytest.approx((calculator.variance(0.2, 1000, 1000, 64, "none") / calculator.signal(0.2, 1000, 1000)) ** 0.5))  # fmt: skip


def test_the_mean_does_harm_above_two_thirds_or_one_third_or_never():
    assert rates.crossing(1, 1) == pytest.approx(2 / 3) and rates.crossing(1, 10**6) == pytest.approx(1 / 3, abs=1e-5)
    for p in (0.2, 0.6, 0.9):
        assert calculator.constant_variance(p, 1, 1, 1 - p) == pytest.approx(
            0, abs=1e-15
        )  # two answers: no noise at all
        assert calculator.best_constant(p, 1, 1) == pytest.approx(1 - p)
        assert rates.ratio(p, 10**6, 10**6) == pytest.approx(1 - p, rel=1e-4)
    assert rates.answers(0.8, "none") / rates.answers(0.8, "mean reward") == pytest.approx(5, rel=0.01)
    bare, mean, best = rates.noises(0.3, 1, 1)  # by hand: (1 − p) / p, (1 − 2p)² / p(1 − p), 0
    assert bare == pytest.approx(0.7 / 0.3) and best == pytest.approx(0, abs=1e-12)
    assert mean == pytest.approx(0.4**2 / (0.3 * 0.7))


def test_the_plots_mark_what_they_claim():
    axes = figures.figure_rates().axes[0]
    marks = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert [round(x, 2) for x, _ in marks] == [0.67, 0.33] and all(y == 1 for _, y in marks)
    assert {"67%", "33%"} <= {text.get_text() for text in axes.texts}
    (low,) = [line.get_xydata()[0] for line in figures.figure_stall().axes[0].lines if line.get_marker() == "o"]
    assert low[1] == stall.lowest(0.0)


def test_the_drawing_shows_the_reply():
    policy = tasks.policy()
    row = policy.tokens.tolist().index([1, 0, 2])
    right = [(policy.logprobs()[i].exp(), row_) for i, row_ in enumerate(policy.tokens.tolist()) if len({*row_}) == 3]
    after_b = sum((p[1] * p[2]).item() for p, tokens in right if tokens[0] == 1)
    after_ba = policy.logprobs()[row, 2].exp().item()
    whole = sum(p.prod().item() for p, _ in right)
    assert tree.values() == pytest.approx([whole, after_b, after_ba, 1])
    drawing = tree.figure_tree()
    assert drawing.count("<path") == 3 + 9 + 27 and drawing.count("<circle") == 4
    assert all(f">{worth:.2f}<" in drawing for worth in tree.values())


def test_sampled_runs_follow_the_exact_gradient_and_then_scatter():
    best = lottery.runs(128)
    assert best[0].tolist() == pytest.approx([1 / 27] * lottery.SEEDS)
    assert best[1].mean().item() == pytest.approx(stall.ascent()[1].best, rel=0.1)
    few, many = lottery.fates(lottery.runs(8)), lottery.fates(best)
    assert few[1] < many[1] < stall.half(0.0) and few[2] > many[2] and few[0] < many[0]
    hand = torch.tensor([[0.1, 0.1, 0.1], [0.6, 0.1, 0.1], [0.7, 0.2, 0.0001]])
    assert lottery.fates(hand) == (1, 1, 1)


def test_the_dashboard_goes_flat_with_nine_replies_left(capsys):
    dashboard.example_run()
    rows = [[float(cell) for cell in line.split()] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows[0][1] == pytest.approx(stall.ascent()[0].reward, abs=0.1) and rows[0][5] > 20
    assert rows[-1][1:] == [0.5, 0.5, 0, 0, 9] and max(row[2] for row in rows) == 1


def test_replies_to_meet_the_rarest():
    n = dashboard.replies_to_meet(0.95)
    assert stall.met(stall.lowest(0.0), n) >= 0.95 > stall.met(stall.lowest(0.0), n - 1)
