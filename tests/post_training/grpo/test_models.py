"""What the page's small models show: the forecast, the step, and two failures, on a seed or two."""

from copy import deepcopy

import pytest
import torch
from scipy.stats import betabinom

from snippets.post_training.grpo import drift, forecast, learning, losses, precision, tools
from snippets.post_training.grpo.calculator import FATES, right_replies
from snippets.tiny.sampling import sample
from snippets.tiny.tasks import grade, tasks
from snippets.tiny.training import logprobs


@pytest.mark.parametrize(("mean", "spread"), [(0.3, 0.3), (0.6, 0.1)])
def test_mean_and_spread_of_a_pool_come_back_from_eight_tries(mean, spread):
    """SciPy draws the replies; without the correction the spread would be too large."""
    total = mean * (1 - mean) / spread**2 - 1
    right = betabinom(8, mean * total, (1 - mean) * total).rvs(40_000, random_state=1).tolist()
    assert forecast.pool_of(right, 8) == pytest.approx((mean, spread), abs=0.01)
    assert forecast.pool_of([4] * 50, 8) == (0.5, 0.0)


def test_a_planted_verifier_has_its_error_rates():
    right = torch.arange(60_000).view(-1, 2) % 2 == 0
    passed = forecast.verified(right, torch.Generator().manual_seed(0)).float()
    assert passed[right].mean().item() == pytest.approx(1 - forecast.MISSED, abs=0.005)
    assert passed[~right].mean().item() == pytest.approx(forecast.FOOLED, abs=0.005)


def test_the_forecast_of_one_seed_is_near_its_count():
    said, seen = forecast.counted(learning.begun(0), 0)
    assert sum(said.values()) == pytest.approx(1) == pytest.approx(sum(seen.values()))
    assert all(abs(said[name] - seen[name]) < 0.15 for name in FATES)
    assert seen["right"] > 0.5 and seen["noise"] > 0.02, "errors of the verifier are seen among the groups"
    assert len(right_replies(8, 0.5, 0.2)) == 9


def test_a_step_follows_the_advantages_and_counts_useful_groups():
    """At ratio 1 the loss is minus the advantages' mean over tokens; its gradient moves the weights."""
    policy, given = drift.rollouts(0)[0], tasks(3, 4)
    mine, seed = deepcopy(policy), torch.Generator().manual_seed(5)
    drawn = sample(policy, given, learning.GROUP, generator=torch.Generator().manual_seed(5))
    grades = torch.tensor([grade(given[i // 8], text) for i, text in enumerate(drawn.replies)]).view(4, 8)
    assert learning.rewards(given, drawn.replies).tolist() == grades.flatten().tolist()
    share = learning.step(mine, torch.optim.SGD(mine.parameters(), lr=0.1), given, seed)
    assert share == ((grades.std(1) > 0).float().mean().item())
    gain = (grades - grades.mean(1, keepdim=True)) / (grades.std(1, keepdim=True) + 1e-4)
    scores = logprobs(policy, drawn.ids, drawn.trains)
    wanted = torch.autograd.grad(-(gain.view(-1, 1) * scores).sum() / drawn.trains.sum(), list(policy.parameters()))
    norm = torch.cat([g.flatten() for g in wanted]).norm()
    for old, new, grad in zip(policy.parameters(), mine.parameters(), wanted, strict=True):
        torch.testing.assert_close(old - new, 0.1 * grad * min(1.0, 1 / norm.item()), rtol=1e-3, atol=1e-5)
    assert share > 0


def test_updates_silence_tokens_under_a_clip_and_none_under_a_cap():
    rows = drift.updated(0, (0, 2))
    assert rows[0][2:] == [0.0] * 4, "before any update each token with an advantage has a gradient"
    token, reply, grpo, dapo, gspo, cispo = rows[1]
    assert token > reply > 0 and gspo > grpo >= dapo > 0.1 and cispo == 0
    new = torch.tensor([[0.3, -0.3], [0.0, 0.0]])
    silent = drift.silent(losses.RECIPES["DAPO"], new, torch.zeros(2, 2), torch.tensor([1.0, 0.0]), torch.ones(2, 2))
    assert silent == 0.5, "of the two tokens with an advantage, the one that rose too far"
    assert drift.deviation(new, torch.zeros(2, 2), torch.ones(2, 2), False) == pytest.approx(new.flatten().std().item())
    assert drift.deviation(new, torch.zeros(2, 2), torch.ones(2, 2), True) == pytest.approx(0, abs=1e-6)


def test_precision_moves_ratios_before_any_update():
    begun = [drift.rollouts(0)[:2]]
    assert precision.mismatch("float32", begun) == (1.0, 0.0, 0.0)
    largest, tokens, replies = precision.mismatch("bfloat16", begun)
    assert 1.03 < largest < 1.5 and tokens > 0.8 and replies > 0.8
    finer = precision.mismatch("float16", begun)
    assert finer[0] < 1.03 and finer[2] < replies


def test_tool_output_in_the_loss_turns_the_gradient_away():
    """The replies keep their log-probabilities; TRL's product of masks is the right one of the two."""
    policy, drawn, gain = drift.rollouts(0)
    batch, output = tools.with_output(drawn, 20, torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        logprobs(policy, batch.ids, batch.trains).sum(1), drawn.logprobs.sum(1), rtol=1e-4, atol=1e-4
    )
    completion = batch.trains.float() + output
    assert torch.equal(completion * (1 - output), batch.trains.float()) and (output.sum(1) == 21).all()
    rows = tools.leak(policy, drawn, gain, torch.Generator().manual_seed(0))
    shares, kept, cosines = zip(*rows, strict=True)
    assert list(shares) == sorted(shares) and list(cosines) == sorted(cosines, reverse=True)
    assert 0.8 < shares[2] < 0.9 and kept[2] < 0.3 and cosines[2] < 0.6
    assert kept[0] > 0.6 and cosines[0] > 0.8
