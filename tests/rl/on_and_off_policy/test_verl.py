"""Weights, effective sample size, PPO's loss and the estimators against verl, which takes seconds to import."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from snippets.rl.on_and_off_policy import corrections, decoupled, divergences, shares
from snippets.rl.on_and_off_policy.logs import Reply


@pytest.fixture(scope="module")
def verl():
    from verl.trainer.ppo import core_algos, rollout_corr_helper

    return SimpleNamespace(core=core_algos, corr=rollout_corr_helper)


@pytest.fixture
def batch():
    """Log-probabilities by trainer and sampler of replies of several lengths, and their mask."""
    draw = torch.Generator().manual_seed(5)
    sampler = -torch.rand(16, 9, generator=draw, dtype=torch.float64) * 3
    trainer = (sampler + 0.4 * torch.randn(16, 9, generator=draw, dtype=torch.float64)).clamp(max=0)
    mask = (torch.arange(9) < torch.randint(2, 10, (16, 1), generator=draw)).double()
    return trainer, sampler, mask


@pytest.mark.parametrize("level", ["token", "sequence"])
@pytest.mark.parametrize("cap", [1.2, 1.5, 1e12])
def test_cut_weights_are_verls(verl, batch, level, cap):
    trainer, sampler, mask = batch
    theirs, metrics = verl.corr.compute_rollout_correction_weights(trainer - sampler, mask, level, cap)
    ours = corrections.weights(trainer - sampler, mask, level, cap)
    torch.testing.assert_close(ours, theirs)
    assert (ours == cap).any() == (cap < 1e12)
    assert metrics["rollout_is_max"] >= ours.max().item() - 1e-9


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_dropped_weights_are_verls_icepop_without_a_floor(verl, batch, level):
    trainer, sampler, mask = batch
    theirs, _ = verl.corr.compute_rollout_correction_weights(trainer - sampler, mask, level, "1e-12_1.5")
    ours = corrections.weights(trainer - sampler, mask, level, 1.5, drop=True)
    torch.testing.assert_close(ours, theirs)
    assert ((ours == 0) & (mask > 0)).any()


def test_a_logarithm_is_clamped_where_verl_clamps_it(verl):
    logs, mask = torch.tensor([[-50.0, 50.0]], dtype=torch.float64), torch.ones(1, 2)
    theirs, _ = verl.corr.compute_rollout_correction_weights(logs, mask, "token", 1e12)
    torch.testing.assert_close(corrections.weights(logs, mask), theirs)


def test_the_effective_share_is_verls(verl, batch):
    trainer, sampler, mask = batch
    _, metrics = verl.corr.compute_rollout_correction_weights(trainer - sampler, mask, "token", 1e12)
    logs = (trainer - sampler)[mask.bool()].tolist()
    assert shares.effective_share(logs) == pytest.approx(metrics["rollout_is_eff_sample_size"], rel=1e-6)


def test_the_sequence_share_is_one_over_verls_chi_squared_plus_one(verl, batch):
    """Up to the mean weight, which verl's chi-squared takes to be 1."""
    trainer, sampler, mask = batch
    metrics = verl.corr.compute_offpolicy_metrics(trainer, sampler, mask)
    rows = [(t[m > 0], s[m > 0]) for t, s, m in zip(trainer, sampler, mask, strict=True)]
    replies = [Reply(tuple(s.tolist()), tuple(t.tolist())) for t, s in rows]
    logs = shares.cut(replies, 9)
    mean = sum(math.exp(log) for log in logs) / len(logs)
    assert shares.effective_share(logs) == pytest.approx(mean**2 / (metrics["chi2_seq"] + 1), rel=1e-9)


@pytest.mark.parametrize("stale", [False, True])
def test_both_losses_are_verls(verl, batch, stale):
    """Coupled is verl's loss with the sampler as the old policy; decoupled has the recent one, and weights."""
    from verl.workers.config import ActorConfig

    recent, sampler, mask = batch
    draw = torch.Generator().manual_seed(6)
    now = recent + 0.3 * torch.randn(recent.shape, generator=draw, dtype=torch.float64)
    advantage = torch.randn(16, 1, generator=draw, dtype=torch.float64).abs().expand_as(now)
    config = ActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, clip_ratio=0.2)
    old, weight = (recent, (recent - sampler).exp()) if stale else (sampler, None)
    theirs, _ = verl.core.compute_policy_loss_vanilla(
        old, now, advantage, mask, "token-mean", config, rollout_is_weights=weight
    )
    ours = decoupled.decoupled(now, recent, sampler, advantage) if stale else decoupled.coupled(now, sampler, advantage)
    assert -(ours * mask).sum().item() / mask.sum().item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
def test_values_and_gradients_of_the_estimators_are_verls(verl, batch, name):
    now, reference, _ = batch
    pulls = []
    for k in (divergences.ESTIMATORS[name], lambda a, b: verl.core.kl_penalty(a, b, name)):
        leaf = now.clone().requires_grad_()
        value = k(leaf, reference)
        pulls.append((value.detach(), torch.autograd.grad(value.sum(), leaf)[0]))
    torch.testing.assert_close(pulls[0], pulls[1])


def test_the_defaults_that_the_page_names(verl):
    import inspect

    import yaml
    from trl import GRPOConfig
    from verl.trainer import config

    trl = GRPOConfig.__dataclass_fields__
    assert trl["vllm_importance_sampling_mode"].default == "sequence_mask"
    assert trl["vllm_importance_sampling_clip_max"].default == 3.0
    assert trl["use_bias_correction_kl"].default is True
    folder = Path(inspect.getfile(config)).parent
    text = (folder / "_generated_ppo_trainer.yaml").read_text(encoding="utf-8")
    correction = yaml.safe_load(text)["algorithm"]["rollout_correction"]
    assert (correction["rollout_is"], correction["rollout_is_threshold"]) == (None, 2.0)
