"""V-trace against torchrl; PPO on stale replies; divergences against PyTorch's own; temperature."""

import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from snippets.rl.on_and_off_policy import decoupled, divergences, estimates, penalties, temperature, vtrace, worlds
from snippets.sequences.language import Language

# V-trace


@pytest.mark.parametrize("cut", [(1.0, 1.0), (2.0, 1.0), (1.5, 0.5)])
def test_targets_are_torchrls(cut):
    from torchrl.objectives.value.functional import vtrace_advantage_estimate

    draw = torch.Generator().manual_seed(2)
    rewards, values, target, behavior = (torch.randn(7, generator=draw, dtype=torch.float64) for _ in range(4))
    after = torch.cat([values[1:], torch.tensor([0.3], dtype=torch.float64)])
    done = torch.zeros(7, 1, dtype=torch.bool)
    columns = (x[:, None] for x in (target, behavior, values, after, rewards))
    _, theirs = vtrace_advantage_estimate(0.9, *columns, done, rho_thresh=cut[0], c_thresh=cut[1])
    discounts = torch.full((7,), 0.9, dtype=torch.float64)
    ours = vtrace.vtrace(rewards, discounts, (target - behavior).exp(), values, after, *cut)
    torch.testing.assert_close(ours + values, theirs.squeeze(-1))


@pytest.mark.parametrize("rho", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("c", [0.3, 1.0])
def test_at_the_values_that_it_learns_nothing_is_left_to_correct(rho, c):
    """Exact: the expected error of the first prefix, over what the sampler writes, is 0 for each c."""
    w = worlds.world(0.8, length=5)
    learned = vtrace.value(w, rho)
    before = w.policy.before
    values = learned[before]
    after = learned[before * 2 + 1 + w.policy.tokens]
    zero, one = torch.zeros_like(values), torch.ones_like(values)
    errors = vtrace.vtrace(zero, one, w.log_ratios().exp(), values, after, rho, c)
    p = w.sampler.probabilities().detach()
    assert (p @ errors)[0].item() == pytest.approx(0, abs=1e-12)
    assert (p @ errors.abs())[0] > 0.01


def test_the_cut_decides_whose_value_is_learned():
    w = worlds.world(0.8)
    assert vtrace.learned_value(1e-3) == pytest.approx(w.sampler.mean(w.reward).item())
    assert vtrace.learned_value(1e3) == pytest.approx(w.policy.mean(w.reward).item())
    assert w.policy.mean(w.reward) < vtrace.learned_value(1.0) < w.sampler.mean(w.reward)


# Decoupled PPO


def test_without_a_gap_both_losses_are_one():
    w = worlds.world(0.0, length=4)
    assert decoupled.moved(w, True) == pytest.approx(decoupled.moved(w, False))
    assert decoupled.silent(w, True) == decoupled.silent(w, False) == 0


def test_staleness_silences_tokens_of_the_coupled_loss_before_it_begins():
    w = worlds.world(0.8, length=6)
    p, ratio = w.sampler.probabilities().detach(), w.log_ratios().exp()
    up = (w.reward > w.policy.mean(w.reward))[:, None]
    beyond = torch.where(up, ratio > 1.2, ratio < 0.8)
    assert decoupled.silent(w, False) == pytest.approx((p @ beyond.double().mean(-1)).item())
    assert decoupled.silent(w, False) > 0.15
    assert decoupled.silent(w, True) == 0


def test_the_decoupled_step_does_not_grow_with_the_gap():
    for seed in range(3):
        w = worlds.world(0.8, 6, seed)
        still = worlds.world(0.0, 6, seed)
        assert decoupled.moved(w, True) < 2 * decoupled.moved(still, True)
        assert decoupled.moved(w, False) > 2 * decoupled.moved(w, True)


# Divergences


@pytest.fixture(scope="module")
def one_token():
    policy, reference = divergences.pair(Language(size=6, length=1))
    return policy, reference, divergences.gradients(policy, reference)


def test_gradients_of_both_divergences_are_pytorchs(one_token):
    policy, reference, found = one_token
    now, fixed = Categorical(logits=policy.logits[0]), Categorical(logits=reference.squeeze(-1))
    torch.testing.assert_close(found["reverse KL"], policy.gradient(kl_divergence(now, fixed)))
    torch.testing.assert_close(found["forward KL"], policy.gradient(kl_divergence(fixed, now)))


RIGHT = {"k1 as reward", "k1 as loss × ratio", "k2 as loss", "k3 as loss × ratio"}


def test_which_forms_have_the_gradient_of_the_reverse_divergence(one_token):
    *_, found = one_token
    for name, g in found.items():
        exact = torch.allclose(g, found["reverse KL"], atol=1e-12)
        assert exact == (name in RIGHT | {"reverse KL"}), name
    assert found["k1 as loss"].abs().max() < 1e-12
    torch.testing.assert_close(found["k3 as loss"], found["forward KL"])
    torch.testing.assert_close(found["k3 as reward"], found["reverse KL"] - found["forward KL"])
    assert divergences.cosine(found["k1 as loss"], found["reverse KL"]) == 0
    assert divergences.cosine(found["k3 as loss"], found["forward KL"]) == pytest.approx(1)


def test_on_a_sequence_a_loss_leaves_out_what_a_token_does_to_later_ones():
    """By hand for two tokens: the missing part is the score of the first times the cost of the second."""
    policy, reference = divergences.pair(Language(3, 2))
    found = divergences.gradients(policy, reference)
    now = policy.logprobs()
    cost = (now - reference).detach()
    p = policy.probabilities().detach()
    missing = policy.gradient((p * cost[:, 1] * now[:, 0]).sum())
    torch.testing.assert_close(found["k2 as loss"] + missing, found["reverse KL"])
    torch.testing.assert_close(found["k1 as reward"], found["reverse KL"])
    assert missing.norm() > 0.01
    assert divergences.error("k2 as loss", length=1) < 1e-9 < divergences.error("k2 as loss")
    assert divergences.error("k3 as loss") > divergences.error("k2 as loss")


@pytest.mark.parametrize("mu", [0.1, 0.5, 1.0])
def test_values_of_the_estimators_between_normals(mu):
    """Closed forms of the moments, which the page's quadrature does not know."""
    true = mu**2 / 2
    assert estimates.value_bias(mu, "k1") == pytest.approx(0, abs=1e-9)
    assert estimates.value_bias(mu, "k3") == pytest.approx(0, abs=1e-9)
    assert estimates.value_bias(mu) == pytest.approx(mu**2 / 4)
    spreads = {"k1": mu**2, "k2": mu**4 / 2 + mu**6 / 4, "k3": math.exp(mu**2) - 1 - mu**2}
    for name, variance in spreads.items():
        assert estimates.value_spread(mu, name) == pytest.approx(math.sqrt(variance) / true)


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("forward", [False, True])
def test_no_policy_is_better_than_the_optimum(beta, forward):
    """The gradient of reward minus penalty vanishes there, by PyTorch's own divergence."""
    best = penalties.forward_optimum(beta) if forward else penalties.reverse_optimum(beta)
    logits = best.log().requires_grad_()
    now, fixed = Categorical(logits=logits), Categorical(logits=penalties.reference())
    penalty = kl_divergence(fixed, now) if forward else kl_divergence(now, fixed)
    gain = now.probs @ penalties.rewards() - beta * penalty
    assert torch.autograd.grad(gain, logits)[0].abs().max() < 1e-9
    assert best.sum().item() == pytest.approx(1)
    assert penalties.divergence(best) == pytest.approx(
        kl_divergence(Categorical(best), Categorical(logits=penalties.reference())).item()
    )
    assert penalties.divergence(best) < penalties.unbounded()


def test_a_larger_coefficient_of_k1_as_loss_does_not_bring_the_policy_closer():
    betas = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    k1, k2, k3 = (penalties.learned(name, betas, steps=800) for name in divergences.ESTIMATORS)
    assert (k1 - k1[0]).abs().max() < 0.1 and k1.min() > 2.9
    assert k2[1] < 0.5 * k2[0] and k3[1] < 0.7 * k3[0]
    assert k2[2] == pytest.approx(penalties.divergence(penalties.reverse_optimum(1.0)), abs=0.02)
    assert k3[2] == pytest.approx(penalties.divergence(penalties.forward_optimum(1.0)), abs=0.03)


# Temperature


def test_a_temperature_that_is_not_logged_moves_the_ratio_and_the_cap_hides_it():
    assert temperature.ratios(1.0) == temperature.Ratios(0.0, pytest.approx(1), 0.0, pytest.approx(1))
    low, high = temperature.ratios(0.6), temperature.ratios(1.2)
    assert low.log > 0.3 and low.mean > 1.8 and low.above > 0.3
    assert high.log > 0 and high.mean > 1
    assert low.capped < 0.8 * low.mean
    repaired = temperature.ratios(0.6, divided=True)
    assert repaired.above > 0.99 and repaired.capped > 1.99 and repaired.mean > 10


def test_ratios_are_means_over_what_is_sampled():
    """PyTorch's own distribution draws the tokens."""
    model = temperature.logits()
    trainer, raw = Categorical(logits=model / 0.8), Categorical(logits=model)
    torch.manual_seed(0)
    tokens = trainer.sample((400,))
    log = trainer.log_prob(tokens) - raw.log_prob(tokens)
    exact = temperature.ratios(0.8)
    assert exact.log == pytest.approx(log.mean().item(), rel=0.05)
    assert exact.mean == pytest.approx(log.exp().mean().item(), rel=0.02)
    assert exact.above == pytest.approx((log.exp() > 2).double().mean().item(), abs=0.01)
    assert exact.capped == pytest.approx(log.exp().clamp(max=2).mean().item(), rel=0.02)


def test_the_release_shows_the_cap(capsys):
    temperature.example_release()
    rows = [row.split()[2:] for row in capsys.readouterr().out.splitlines()]
    before = [float(weight) for row in rows[:3] for weight in row[1::2]]
    after = [(float(log), float(weight)) for row in rows[3:] for log, weight in zip(row[::2], row[1::2], strict=True)]
    assert set(before) == {1.0}
    assert {weight == 2.0 for log, weight in after if log > -4.2} == {True}
    assert max(weight for log, weight in after if log < -5) < 0.9
