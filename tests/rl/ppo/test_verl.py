"""The page's advantages and losses against verl's own functions, which take seconds to import."""

import pytest
import torch

from snippets.rl.ppo import calculator
from snippets.rl.ppo.advantages import gae
from snippets.rl.ppo.surrogate import policy_loss, silent, value_loss


@pytest.fixture(scope="module")
def verl():
    """verl's algorithms and the settings of its actor."""
    from verl.trainer.ppo import core_algos
    from verl.workers.config import ActorConfig

    def settings(**more):
        return ActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, **more)

    core_algos.settings = settings
    return core_algos


def turns(seed):
    """Replies with tool output inside, rewards and values of all positions; padding at the end."""
    draw = torch.Generator().manual_seed(seed)
    mask = torch.tensor([[0, 1, 1, 0, 0, 1, 1, 1, 0], [1, 1, 0, 1, 0, 0, 0, 1, 1]]).double()
    rewards, values, old, noise = torch.randn(4, 2, 9, generator=draw, dtype=torch.float64)
    return rewards, values, mask, -1 - old.abs(), 0.4 * noise


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (0.9, 0.7), (0.99, 0.0)])
def test_targets_over_own_tokens_are_verls(verl, seed, gamma, lam):
    rewards, values, mask, _, _ = turns(seed)
    rewards = rewards * mask  # verl drops a reward on a foreign token
    gain, targets = gae(rewards, values, mask, gamma, lam)
    whitened, theirs = verl.compute_gae_advantage_return(rewards, values, mask, gamma, lam)
    assert torch.allclose(targets, theirs * mask, atol=1e-12)
    own = gain[mask > 0]
    assert torch.allclose((own - own.mean()) / (own.var() + 1e-8).sqrt(), whitened[mask > 0], atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("clip", [0.1, 0.2])
def test_losses_and_gradients_are_verls(verl, seed, clip):
    rewards, _, mask, old, noise = turns(seed)
    ours, theirs = ((old + noise).clone().requires_grad_() for _ in range(2))
    config = verl.settings(clip_ratio=clip, clip_ratio_low=clip, clip_ratio_high=clip, clip_ratio_c=1e9)
    value, logged = verl.compute_policy_loss_vanilla(old, theirs, rewards, mask, config=config)
    loss = policy_loss(ours, old, rewards, mask, clip)
    assert loss.item() == pytest.approx(value.item(), rel=1e-9)
    (a,), (b,) = torch.autograd.grad(loss, ours), torch.autograd.grad(value, theirs)
    assert torch.allclose(a, b, atol=1e-12)
    mute = silent(noise.exp(), rewards, clip)
    assert torch.equal(mute & (mask > 0), (b == 0) & (mask > 0))
    assert logged["actor/pg_clipfrac"] == pytest.approx((mute * mask).sum().item() / mask.sum().item())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_value_loss_is_verls(verl, seed):
    rewards, values, mask, _, noise = turns(seed)
    new = (values + noise).requires_grad_()
    theirs, _ = verl.compute_value_loss(new, rewards, values, mask, 0.2)
    ours = value_loss(new, values, rewards, mask, 0.2)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    assert torch.allclose(*(torch.autograd.grad(loss, new)[0] for loss in (ours, theirs)), atol=1e-12)


@pytest.mark.parametrize("gain", [-1.5, 2.0])
@pytest.mark.parametrize("ratio", [0.3, 0.79, 0.9, 1.3, 2.9, 3.5])
def test_the_calculator_draws_verls_objective_with_its_second_clip(verl, ratio, gain):
    log = torch.tensor([[ratio]], dtype=torch.float64).log().requires_grad_()
    config = verl.settings(clip_ratio=0.2, clip_ratio_low=0.2, clip_ratio_high=0.28)
    one = torch.ones_like(log)
    loss, _ = verl.compute_policy_loss_vanilla(0 * log.detach(), log, gain * one, one.detach(), config=config)
    assert calculator.objective(ratio, gain, 0.2, 0.28, 3.0) == pytest.approx(-loss.item(), rel=1e-9)
    (slope,) = torch.autograd.grad(-loss, log)
    assert calculator.pull(ratio, gain, 0.2, 0.28, 3.0) == pytest.approx(slope.item(), rel=1e-9)


def test_verl_loses_a_reward_on_a_foreign_token(verl):
    own = torch.tensor([[1.0, 1.0, 0.0]])
    reward, values = torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1, 3)
    _, theirs = verl.compute_gae_advantage_return(reward, values, own, 1.0, 1.0)
    assert (theirs * own).tolist() == [[0.0, 0.0, 0.0]]
    assert gae(reward, values, own)[1].tolist() == [[1.0, 1.0, 0.0]]
