"""Advantages against stable-baselines3 and torchrl; the clip against autograd; epochs against a closed form and Jacobians."""

import numpy
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from snippets.rl.ppo import (
    batches,
    calculator,
    carriers,
    cuts,
    dashboard,
    epochs,
    estimators,
    learning,
    rest,
    schedule,
    surrogate,
    task,
    tools,
)
from snippets.rl.ppo.advantages import gae, token_rewards
from snippets.sequences.language import Policy


def trajectory(seed, length=7):
    """Random rewards and values of two trajectories, and the values after their ends."""
    draw = torch.Generator().manual_seed(seed)
    rewards, values = torch.randn(2, 2, length, generator=draw, dtype=torch.float64)
    return rewards, values, torch.randn(2, generator=draw, dtype=torch.float64)


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (0.99, 0.95), (0.9, 0.0)])
def test_advantages_are_those_of_stable_baselines(gamma, lam, finished):
    from stable_baselines3.common.buffers import RolloutBuffer

    rewards, values, after = trajectory(0)
    box = spaces.Box(-1, 1, (1,))
    buffer = RolloutBuffer(7, box, box, "cpu", lam, gamma, n_envs=2)
    for t in range(7):
        step = numpy.zeros((2, 1))
        buffer.add(step, step, rewards[:, t].numpy(), numpy.full(2, t == 0), values[:, t], torch.zeros(2))
    buffer.compute_returns_and_advantage(after, numpy.full(2, finished))
    last = torch.zeros(2).double() if finished else after
    gain, targets = gae(rewards, values, torch.ones_like(values), gamma, lam, last)
    assert numpy.allclose(gain.T, buffer.advantages, atol=1e-5)
    assert numpy.allclose(targets.T, buffer.returns, atol=1e-5)


@pytest.mark.parametrize("cut", [False, True])
def test_a_cut_bootstraps_and_an_end_does_not_as_in_torchrl(cut):
    from torchrl.objectives.value.functional import generalized_advantage_estimate

    rewards, values, after = trajectory(1)
    following = torch.cat([values[:, 1:], after[:, None]], 1)[..., None]
    done = torch.zeros(2, 7, 1, dtype=torch.bool)
    done[:, -1] = True
    ended = torch.zeros_like(done) if cut else done
    theirs = generalized_advantage_estimate(
        0.9, 0.8, values[..., None], following, rewards[..., None], done=done, terminated=ended
    )
    last = after if cut else None
    for ours, found in zip(gae(rewards, values, torch.ones_like(values), 0.9, 0.8, last), theirs, strict=True):
        assert torch.allclose(ours, found[..., 0], atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 6), st.integers(1, 5), st.floats(0, 1), st.floats(0, 1))
def test_foreign_tokens_change_no_advantage(seed, place, number, gamma, lam):
    """Whatever values stand on them; and their reward counts for the own token before."""
    rewards, values, after = trajectory(seed)
    own = torch.ones_like(values)
    noise = torch.randn(2, number, dtype=torch.float64)
    worth = torch.zeros_like(noise)
    worth[:, -1] = rewards[:, place]

    def split(x, middle):
        return torch.cat([x[:, : place + 1], middle, x[:, place + 1 :]], 1)

    later = rewards.clone()
    later[:, place] = 0
    mask = split(own, torch.zeros_like(noise))
    found, targets = gae(split(later, worth), split(values, noise), mask, gamma, lam, after)
    plain, aims = gae(rewards, values, own, gamma, lam, after)
    assert torch.allclose(found[mask > 0], plain.flatten(), atol=1e-9)
    assert torch.allclose(targets[mask > 0], aims.flatten(), atol=1e-9)
    assert not found[mask == 0].any() and not targets[mask == 0].any()


def test_rewards_stand_on_own_tokens_and_the_score_on_the_last():
    mask = torch.tensor([[1.0, 0, 1, 0], [1, 1, 1, 1]])
    new, then = torch.tensor([[-1.0, -9, -2, -9], [-1, -1, -1, -1]]), torch.full((2, 4), -3.0)
    found = token_rewards(torch.tensor([5.0, 7.0]), new, then, mask, beta=0.5)
    assert found.tolist() == [[-1.0, 0.0, 4.5, 0.0], [-1.0, -1.0, -1.0, 6.0]]


@pytest.mark.parametrize("clip", [0.1, 0.2])
def test_silent_tokens_are_those_without_a_gradient(clip):
    ratio = torch.tensor([0.5, 0.95, 1.05, 1.5] * 2, dtype=torch.float64)
    gain = torch.tensor([2.0] * 4 + [-1.0] * 4, dtype=torch.float64)
    log = ratio.log().requires_grad_()
    (slope,) = torch.autograd.grad(surrogate.surrogate(log, 0 * ratio, gain, clip).sum(), log)
    assert torch.equal(surrogate.silent(ratio, gain, clip), slope == 0)
    assert (slope == 0).tolist() == [False] * 3 + [True] * 2 + [False] * 3
    mine = [calculator.pull(r, g, clip, clip) for r, g in zip(ratio.tolist(), gain.tolist(), strict=True)]
    assert mine == pytest.approx(slope.tolist(), rel=1e-12)


def test_regions_of_the_calculator():
    cases = {
        (1.3, 1.0): "silent: clipped", (0.7, 1.0): "has a gradient, outside, and is led back",
        (0.7, -1.0): "silent: clipped", (1.3, -1.0): "has a gradient, outside, and is led back",
        (1.0, 1.0): "has a gradient, inside the clip", (1.3, 0.0): "no advantage",
    }  # fmt: skip
    assert {case: calculator.region(*case, 0.2, 0.2) for case in cases} == cases
    assert calculator.region(4.0, -1.0, 0.2, 0.2, 3.0) == "silent: beyond the second clip"
    shown = calculator.plane(1.5, 1.0, 10.0)
    assert shown["siblings can carry it to"] == "2.80 times its probability, 28.00%"
    assert (shown["pull on its log-probability"], shown["its own gradient ends at"]) == ("0", "1.20")
    assert calculator.plane(0.9, -1.0, 50.0)["siblings can carry it to"] == "0.80 times its probability, 40.00%"
    assert calculator.plane(0.9, -1.0, 50.0)["its own gradient ends at"] == "0.80"


def test_the_value_loss_takes_the_larger_error():
    values, old = torch.tensor([1.0, 0.1]), torch.zeros(2)
    assert surrogate.value_loss(values, old, torch.ones(2), torch.ones(2)).item() == pytest.approx(
        0.5 * (0.8**2 + 0.9**2) / 2
    )


@pytest.mark.parametrize("chance", rest.CHANCES)
def test_a_good_token_climbs_to_the_closed_form(chance):
    first, found = rest.ascent(chance)
    assert found == pytest.approx(calculator.resting_ratio(chance), rel=0.02)
    assert 1.2 < first < 1.25
    assert rest.resting_chance(chance) == pytest.approx(1 - 0.8 * (1 - chance))


@pytest.mark.parametrize(("chance", "ratio"), [(0.5, 0.8), (0.25, 0.4)])
def test_a_bad_token_sinks_to_the_closed_form(chance, ratio):
    assert calculator.resting_ratio(chance, good=False) == pytest.approx(ratio)
    assert rest.ascent(chance, good=False)[1] == pytest.approx(ratio, rel=0.1)


def test_nothing_stops_a_rare_bad_token():
    assert calculator.resting_ratio(1 / 6, good=False) == pytest.approx(0, abs=1e-9)
    assert calculator.resting_ratio(0.1, good=False) == 0
    assert rest.ascent(0.1, good=False)[1] < 0.3


@pytest.mark.parametrize("chance", [0.1, 0.4])
def test_the_closed_form_solves_for_the_least_good_token_at_rest(chance):
    """SciPy's linear constraints: all siblings silent, probabilities sum to 1, the good token least."""
    others = numpy.array([0.5, 0.3, 0.2]) * (1 - chance)
    found = minimize(
        lambda p: p[0],
        numpy.concatenate([[chance], others]),
        bounds=[(0, 1), *((0, 0.8 * q) for q in others)],
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
        method="SLSQP",
    )
    assert found.x[0] / chance == pytest.approx(calculator.resting_ratio(chance), rel=1e-6)


@pytest.mark.parametrize("variant", epochs.VARIANTS.values())
def test_updates_are_those_of_torchs_optimizer(variant):
    ascent = batches.Ascent(2, variant)
    ascent.update()
    theirs = torch.zeros_like(ascent.weights).requires_grad_()
    optimizer = torch.optim.SGD([theirs], lr=ascent.rate, momentum=variant.momentum, maximize=True)
    batch = ascent.batch
    for turn in range(5):
        new = (batch.old + ascent.table @ theirs).log_softmax(-1)
        optimizer.zero_grad()
        (batch.weight * surrogate.surrogate(new, batch.old, batch.gain)).sum().backward()
        optimizer.step()
        assert torch.allclose(ascent.weights, theirs, atol=1e-12), turn
        ascent.update()


@pytest.mark.parametrize("variant", epochs.VARIANTS.values())
def test_what_carries_a_token_is_its_jacobian(variant):
    ascent = batches.Ascent(1, variant)
    for _ in range(3):
        ascent.update()

    def logprobs(weights):
        return (ascent.batch.old + ascent.table @ weights).log_softmax(-1)

    jacobian = torch.autograd.functional.jacobian(logprobs, ascent.weights).flatten(2).flatten(0, 1)
    kernel, pulls = jacobian @ jacobian.T, ascent.pulls().flatten()
    prefix = torch.arange(len(pulls)) // task.LANGUAGE.size
    same = prefix[:, None] == prefix
    alone = torch.eye(len(pulls), dtype=torch.bool)
    parts = [ascent.rate * (kernel * kind) @ pulls for kind in (alone, same & ~alone, ~same)]
    parts.append(jacobian @ (ascent.momentum * ascent.step).flatten())
    assert torch.allclose(carriers.carriers(ascent).flatten(1), torch.stack(parts), atol=1e-12)


@pytest.mark.parametrize("name", epochs.VARIANTS)
def test_each_epoch_is_a_partition_and_the_clip_does_not_hold(name):
    for seed in epochs.SEEDS:
        log = epochs.run(seed, epochs.VARIANTS[name])
        for epoch in log:
            assert epoch.inside + epoch.back + epoch.held + epoch.escaping == pytest.approx(1, abs=1e-9)
        assert (log[0].inside, log[0].largest, log[0].kl) == pytest.approx((1, 1, 0), abs=1e-9)
        ascent = batches.Ascent(seed, epochs.VARIANTS[name])
        ascent.update()
        moved = (ascent.logprobs() - ascent.batch.old)[ascent.batch.weight > 0]
        assert moved.abs().max().exp().item() == pytest.approx(batches.FIRST, abs=0.02)
        assert log[-1].largest > 1.2 and log[-1].escaping > 0 and log[-1].kl > log[2].kl


def test_parts_of_an_update_by_hand():
    batch = batches.Batch(torch.full((1, 5), 0.2), torch.tensor([[1.0, 1, 1, -1, -1]]), torch.zeros(1, 5))
    ratio = torch.tensor([[1.1, 1.3, 1.3, 1.3, 0.7]])
    after = torch.tensor([[1.2, 1.4, 1.25, 1.4, 0.6]])
    assert epochs.parts(batch, ratio, after) == pytest.approx([0.2, 0.2, 0.2, 0.4])


def test_own_pull_of_silent_tokens_is_none_and_momentum_carries_most():
    for name in epochs.VARIANTS:
        own, siblings, others, earlier = carriers.mean_outward(name)
        assert own == pytest.approx(0, abs=1e-12)
        assert (others != pytest.approx(0, abs=1e-12)) == epochs.VARIANTS[name].shared
    assert earlier > 10 * abs(siblings + others)


def test_exact_advantages_are_those_of_the_gradient():
    """Policy gradient theorem: weights times advantages, through the softmax, are autograd's gradient."""
    policy = Policy(task.LANGUAGE, 3)
    batch = batches.rollout(policy, 0)
    worth = task.in_order(policy.tokens)
    true = policy.gradient(policy.mean(worth))
    assert torch.allclose(task.LANGUAGE.length * batch.weight * batch.gain, true, atol=1e-12)


def test_values_of_prefixes_are_means_over_replies():
    policy = Policy(task.LANGUAGE, 4)
    worth = task.in_order(policy.tokens)
    values = task.prefix_values(policy, worth)
    chances = policy.probabilities()
    same = (policy.tokens[:, :1] == 2).squeeze(1)
    assert values[:, 0] == pytest.approx((chances * worth).sum().item())
    after_two = (chances * worth)[same].sum() / chances[same].sum()
    assert values[same, 1].tolist() == pytest.approx([after_two.item()] * 16)
    assert worth.sum() == 20 and len(worth) == 64


@pytest.mark.parametrize("lam", estimators.LAMBDAS)
def test_exact_values_leave_no_bias_whatever_the_lambda(lam):
    assert estimators.mean_bias(lam, 0.0)[0] < 1e-9


def test_wrong_values_cost_bias_or_spread():
    bias = [estimators.mean_bias(lam, estimators.ERROR)[0] for lam in estimators.LAMBDAS]
    spread = [estimators.mean_bias(lam, 0.0)[1] for lam in estimators.LAMBDAS]
    assert bias == sorted(bias, reverse=True) and bias[-1] < 1e-9 and bias[0] > 0.3
    assert spread == sorted(spread)


def test_gradients_of_replies_are_autograds():
    policy = Policy(task.LANGUAGE, 5)
    gain = torch.randn(64, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for n in (0, 17, 63):
        true = policy.gradient((gain[n] * policy.logprobs()[n]).sum())
        assert torch.allclose(estimators.reply_gradients(policy, gain)[n], true, atol=1e-12)


def test_a_penalty_in_the_reward_is_exact_and_one_in_the_loss_forgets_what_follows():
    for seed in estimators.SEEDS:
        assert estimators.penalty("reward, λ = 1", seed) == pytest.approx((1, 1), abs=1e-9)
        policy = Policy(task.LANGUAGE, seed)
        reference = Policy(task.LANGUAGE, seed + 100).logits.detach().log_softmax(-1)
        same = [estimators.penalty_gradient(p, policy, reference) for p in estimators.PLACES[1:]]
        assert torch.allclose(*same, atol=1e-12)
        assert estimators.penalty("loss", seed)[0] < 0.99


def test_tool_tokens_drain_the_first_turn():
    """The figures of the report: credit by length, and three conventions for penalties."""
    drained = [tools.first_turn(n, own_time=False) for n in tools.LENGTHS]
    assert drained == pytest.approx([0.774, 0.463, 0.099, 0.000], abs=5e-4)
    assert {tools.first_turn(n, own_time=True) for n in tools.LENGTHS} == {drained[0]}
    cases = {(True, False): -3.439, (False, False): -1.729, (False, True): -1.9}
    for (leak, own), expected in cases.items():
        assert tools.discounted([1, 1, 1, 1], [1, 0, 0, 1], 0.9, leak, own) == pytest.approx(expected)


def test_a_late_reward_turns_the_sign_at_lambda_zero():
    assert tools.end_token(1.0, True) == tools.end_token(1.0, False) == pytest.approx(0.6)
    assert tools.end_token(0.95, True) == pytest.approx(0.55)
    assert tools.end_token(0.0, True) == pytest.approx(-0.4)


@pytest.mark.parametrize("last", cuts.LASTS)
def test_a_cut_shortens_replies_unless_the_rest_is_valued(last):
    policy = Policy(cuts.WORLD, cuts.SEED)
    true, found = cuts.true_gradient(policy), cuts.cut_gradient(policy, last)
    exact = torch.allclose(found, true, atol=1e-12)
    assert exact == (last == "after the cut")
    start, after = cuts.length_after("start"), cuts.length_after(last)
    assert (after < start) == (last == "0")
    assert (found[0, 2] > 0) == (last == "0") and true[0, 2] < 0


def test_an_overwritten_token_is_trained_on_nothing():
    good, end = cuts.last_token_pull(False, True)
    assert good > 0.05 and end < -0.05
    assert cuts.last_token_pull(True, True) == pytest.approx((0, 0), abs=1e-12)
    good, end = cuts.last_token_pull(True, False)
    assert good < -0.05 and end > 0.05


def test_each_printed_pull_stands_beside_its_name(capsys):
    cuts.example_overwritten()
    rows = {
        line[:22].strip(): [float(x) for x in line[22:].split()] for line in capsys.readouterr().out.splitlines()[1:]
    }
    for name, choice in {
        "as sampled": (False, True),
        "overwritten": (True, True),
        "overwritten, values 0": (True, False),
    }.items():
        assert rows[name] == pytest.approx(cuts.last_token_pull(*choice), abs=6e-4)


def test_ppo_learns_on_each_seed_and_stays_below_the_optimum():
    for seed in learning.SEEDS:
        first, last = learning.curve(seed)[0], learning.curve(seed)[-1]
        best = learning.best_goal(seed)
        assert first[0] == first[1] < 0.5 and last[0] > 0.95
        assert best - 0.1 < last[1] < best


def test_the_best_goal_is_no_policys_but_the_tilted_one():
    """The reference, tilted by the score and normalized, reaches the closed form."""
    start = Policy(learning.LANGUAGE, 0)
    worth, base = task.in_order(start.tokens), start.probabilities().detach()
    tilted = base * (worth / learning.BETA).exp()
    tilted = tilted / tilted.sum()
    goal = tilted @ worth - learning.BETA * (tilted * (tilted / base).log()).sum()
    assert learning.best_goal(0) == pytest.approx(goal.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("passes", "accumulate", "share"), [(1, 1, 0), (2, 4, 0), (4, 4, 0), (4, 2, 0.5), (4, 1, 0.75), (2, 1, 0.5)]
)
def test_stale_passes_are_those_whose_ratio_moved(passes, accumulate, share):
    """Counted, and seen in a run: where no update came before, the ratio is 1."""
    assert schedule.stale_share(passes, accumulate) == share
    ratios = [row[2] for row in dashboard.backward_passes(passes, accumulate, 8)]
    assert sum(r > 1 + 1e-9 for r in ratios) / len(ratios) == share
