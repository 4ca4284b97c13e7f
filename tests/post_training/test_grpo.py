"""Losses against TRL's own code, fates against SciPy and TRL's advantages, and each symptom that the page names."""

import re
from collections import defaultdict
from itertools import product
from types import SimpleNamespace

import pytest
import torch
from scipy.stats import betabinom, binom
from trl import GRPOConfig, GRPOTrainer
from trl.rewards import get_soft_overlong_punishment
from trl.trainer.utils import nanstd

from snippets.post_training.grpo import calculator, figures, lengths, losses, shares, weights
from snippets.post_training.grpo.losses import RECIPES
from snippets.post_training.grpo.trainers import SETTINGS

LIMIT, GROUP = 12, 4


def batch(seed: int, drift: float = 0.3):
    """Replies of random lengths and log-probabilities, in double precision."""
    draw = torch.Generator().manual_seed(seed)
    long = torch.randint(1, LIMIT + 1, (8,), generator=draw)
    mask = (torch.arange(LIMIT) < long[:, None]).double()
    old = -3 * torch.rand(8, LIMIT, generator=draw, dtype=torch.float64)
    new = old + drift * torch.randn(8, LIMIT, generator=draw, dtype=torch.float64)
    rewards = (torch.rand(8, generator=draw) < 0.5).double()
    rewards[0], rewards[1] = 1, 0
    return new, old, mask, rewards


def trl_loss(new, old, mask, gain, steps=1, total=None, **settings):
    """`GRPOTrainer._compute_loss` itself, on a trainer that holds settings alone."""
    config = GRPOConfig(output_dir="none", use_cpu=True, bf16=False, report_to="none", beta=0.0, **settings)
    high = config.epsilon if config.epsilon_high is None else config.epsilon_high
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (new, torch.zeros_like(new), None),
        accelerator=SimpleNamespace(num_processes=1, reduce=lambda x, **_: x, gather=lambda x: x),
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None, steps_per_generation=steps),
        model=SimpleNamespace(training=True), top_entropy_quantile=1.0, off_policy_mask_threshold=None, beta=0.0, aux_loss_enabled=False, use_vllm=False,
        importance_sampling_level=config.importance_sampling_level, loss_type=config.loss_type,
        epsilon_low=config.epsilon, epsilon_high=high, max_completion_length=LIMIT,
        current_gradient_accumulation_steps=steps, vllm_importance_sampling_correction=False,
        _entropy_bonus_enabled=False, _metrics={"train": defaultdict(list)},
    )  # fmt: skip
    ones = torch.ones(len(mask), 1)
    inputs = {
        "prompt_ids": ones.long(), "prompt_mask": ones, "completion_ids": mask.long(), "completion_mask": mask,
        "advantages": gain, "old_per_token_logps": old, "num_items_in_batch": mask.sum() if total is None else total,
    }  # fmt: skip
    return GRPOTrainer._compute_loss(trainer, SimpleNamespace(training=True), inputs)


def settings_of(name):
    return {k: v for k, v in SETTINGS[name].items() if k != "mask_truncated_completions"}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("seed", range(3))
def test_each_loss_and_its_gradient_is_trls(name, seed):
    new, old, mask, rewards = batch(seed, 1e-3 if name == "GSPO" else 0.3)
    gain = losses.advantages(rewards, GROUP, RECIPES[name].scale)
    both = []
    for which in ("ours", "theirs"):
        x = new.clone().requires_grad_()
        loss = (
            losses.policy_loss(RECIPES[name], x, old, gain, mask, LIMIT)
            if which == "ours"
            else trl_loss(x, old, mask, gain, **settings_of(name))
        )
        loss.backward()
        both.append((loss.detach(), x.grad))
    torch.testing.assert_close(both[0][0], both[1][0], rtol=0, atol=1e-9)
    torch.testing.assert_close(both[0][1], both[1][1], rtol=0, atol=1e-9)
    assert both[0][1].abs().sum() > 0


@pytest.mark.parametrize("name", [n for n in RECIPES if n != "CISPO"])
def test_gradients_are_finite_differences(name):
    """CISPO's weight is detached on purpose: its loss is no antiderivative of its gradient."""
    new, old, mask, rewards = batch(7, 1e-3 if name == "GSPO" else 0.3)
    gain = losses.advantages(rewards, GROUP, RECIPES[name].scale)
    run = lambda x: losses.policy_loss(RECIPES[name], x, old, gain, mask, LIMIT)  # noqa: E731
    assert torch.autograd.gradcheck(run, (new.requires_grad_(),), eps=1e-8, atol=1e-5)


def test_cispo_has_the_gradient_of_weighted_log_probabilities():
    new, old, mask, rewards = batch(5, 2.0)
    gain = losses.advantages(rewards, GROUP)
    x = new.clone().requires_grad_()
    losses.policy_loss(RECIPES["CISPO"], x, old, gain, mask, LIMIT).backward()
    right = -(new - old).exp().clamp(max=5) * gain[:, None] * mask / mask.sum()
    torch.testing.assert_close(x.grad, right)
    assert ((new - old).exp()[mask.bool()] > 5).any()


@pytest.mark.parametrize("scale", [True, False])
def test_advantages_are_those_that_trl_computes(scale):
    """TRL's lines, with its own `nanstd`: the group's mean, and the sample's deviation plus 1e-4."""
    rewards = torch.rand(24, generator=torch.Generator().manual_seed(1))
    grouped = rewards.view(-1, 6)
    theirs = rewards - torch.nanmean(grouped, dim=1).repeat_interleave(6)
    if scale:
        theirs = theirs / (nanstd(grouped, dim=1).repeat_interleave(6) + 1e-4)
    torch.testing.assert_close(losses.advantages(rewards, 6, scale), theirs)


def test_trls_defaults_are_those_that_the_page_tells():
    config = GRPOConfig(output_dir="none", use_cpu=True, bf16=False, report_to="none")
    assert (config.loss_type, config.beta, config.scale_rewards) == ("dapo", 0.0, "group")
    assert config.importance_sampling_level == "token"
    only = GRPOConfig(output_dir="none", use_cpu=True, bf16=False, report_to="none", loss_type="dr_grpo")
    assert only.scale_rewards == "group", "the loss alone keeps the deviation"


@pytest.mark.parametrize("length", [1, 16_383, 16_384, 16_385, 20_000, 20_480, 30_000])
def test_the_overlong_penalty_is_trls(length):
    theirs = get_soft_overlong_punishment(max_completion_len=20_480, soft_punish_cache=4096)
    assert losses.overlong_penalty(length, 20_480, 4096) == theirs(completion_ids=[[0] * length])[0]


@pytest.mark.parametrize(("group", "mean", "spread"), [(2, 0.3, 0.3), (8, 0.05, 0.12), (64, 0.6, 0.2), (5, 0.4, 0.0)])
def test_right_replies_are_scipys_beta_binomial(group, mean, spread):
    ours = calculator.right_replies(group, mean, spread)
    if spread:
        total = mean * (1 - mean) / spread**2 - 1
        theirs = betabinom(group, mean * total, (1 - mean) * total).pmf(range(group + 1))
    else:
        theirs = binom(group, mean).pmf(range(group + 1))
    assert ours == pytest.approx(list(theirs), abs=1e-10)


@pytest.mark.parametrize(
    ("group", "rate", "missed", "fooled"), [(4, 0.4, 0.2, 0.1), (5, 0.1, 0.0, 0.3), (3, 0.7, 0.6, 0.6)]
)
def test_fates_are_what_trls_advantages_do_in_every_case(group, rate, missed, fooled):
    """Every right-or-wrong and every verdict of the group, with the advantages of TRL's formula."""
    seen = dict.fromkeys(calculator.FATES, 0.0)
    for right in product((0, 1), repeat=group):
        for passed in product((0, 1), repeat=group):
            share = 1.0
            for r, v in zip(right, passed, strict=True):
                accept = (1 - missed) if r else fooled
                share *= (rate if r else 1 - rate) * (accept if v else 1 - accept)
            gain = torch.tensor(passed, dtype=torch.float64)
            gain = (gain - gain.mean()) / (nanstd(gain[None], dim=1) + 1e-4)
            good = torch.tensor(right, dtype=torch.bool)
            if not gain.any():
                seen["nothing"] += share
            elif good.all() or not good.any():
                seen["noise"] += share
            else:
                pull = (gain[good].mean() - gain[~good].mean()).item()
                seen["noise" if abs(pull) < 1e-9 else "right" if pull > 0 else "wrong"] += share
    ours = calculator.fates(group, calculator.right_replies(group, rate, 0.0), missed, fooled)
    assert ours == pytest.approx(seen, abs=1e-12)
    assert sum(ours.values()) == pytest.approx(1)


def test_the_expected_gap_is_that_of_simulated_rewards():
    draw = torch.Generator().manual_seed(0)
    right = torch.arange(8).expand(40_000, 8) < 3
    luck = torch.rand(right.shape, generator=draw)
    rewards = torch.where(right, luck >= 0.2, luck < 0.1).double()
    gain = rewards - rewards.mean(1, keepdim=True)
    assert calculator.gap(0.2, 0.1) == pytest.approx((gain[:, :3].mean() - gain[:, 3:].mean()).item(), abs=0.005)
    assert calculator.gap(0.7, 0.5) == pytest.approx(-0.2)


def test_the_calculator_adds_up():
    plain, refilled = calculator.usable(), calculator.usable(refill=True)
    parts = plain["bars"]["values"]
    assert sum(parts.values()) == pytest.approx(100)
    fate = calculator.fates(8, calculator.right_replies(8, 0.3, 0.3), 0.1, 0.03)
    assert parts["points right"] == pytest.approx(100 * fate["right"])
    kept = 1 - fate["nothing"]
    assert plain["groups whose gradient points right"] == f"{fate['right']:.1%}"
    assert plain["of the groups with a gradient"] == f"{fate['right'] / kept:.1%}"
    assert plain["dynamic sampling's factor"] == f"{1 / kept:.2f}×"
    assert plain["replies per group that points right"] == f"{8 / fate['right']:.1f}"
    assert plain["tokens per group that points right"] == f"{8 * 4000 / fate['right']:,.0f}"
    assert plain["tokens of a step"] == f"{512 * 8 * 4000 / 1e6:.1f} million"
    assert refilled["prompts sampled in a step"] == f"{512 / kept:,.0f}"
    assert refilled["tokens of a step"] == f"{512 / kept * 8 * 4000 / 1e6:.1f} million"
    assert plain["expected advantage gap"] == "+0.87"
    with pytest.raises(ValueError, match=r"below 21\.8"):
        calculator.usable(mean=5, spread=25)
    with pytest.raises(ValueError, match="different rewards"):
        calculator.usable(missed=100, fooled=0)


def test_facts_about_shares_are_scipys_numbers(capsys):
    """The hard pool again, by sums over SciPy's distributions."""

    def again(group, missed, fooled):
        total = 0.05 * 0.95 / 0.12**2 - 1
        pool = betabinom(group, 0.05 * total, 0.95 * total)
        kept = good = 0.0
        for k in range(group + 1):
            for a, b in product(range(k + 1), range(group - k + 1)):
                p = pool.pmf(k) * binom.pmf(a, k, 1 - missed) * binom.pmf(b, group - k, fooled)
                kept += p * (0 < a + b < group)
                good += p * (0 < k < group and a * (group - k) > b * k)
        return kept, good

    kept, good = again(8, 0.10, 0.03)
    facts = shares.facts()
    assert (facts["hard_kept"], facts["hard_right"]) == (f"{kept:.0%}", f"{good / kept:.0%}")
    assert facts["hard_factor"] == f"{1 / kept:.1f}"
    assert facts["hopeless"] == f"{1 - 0.97**8 - 0.03**8:.0%}"
    assert shares.right_of_kept(shares.HARD, shares.PERFECT) == pytest.approx(1)
    falling = [shares.right_of_kept(shares.HARD, shares.CAREFUL, g) for g in (4, 8, 16, 32, 64)]
    assert falling == sorted(falling, reverse=True), "larger groups of a hard pool are kept for their errors"
    shares.example_pools()
    shares.example_groups()
    rows = capsys.readouterr().out.splitlines()
    assert f"{kept:.0%}" in rows[5] and f"{good:.0%}" in rows[5]


def test_a_loss_that_should_be_zero_is_not_and_depends_on_micro_batches(capsys):
    """The field case: 0.673 instead of 0, and 0.614 in two parts; TRL's losses say the same."""
    gain = losses.advantages(torch.tensor(weights.REWARDS), 4).double()
    mask = weights.masks(weights.LENGTHS).double()
    zero = torch.zeros_like(mask)
    for recipe, kind, value in (("GRPO", "grpo", 0.0), ("DAPO", "dapo", 0.673)):
        loss, pulls = weights.token_weights(RECIPES[recipe])
        assert loss == pytest.approx(trl_loss(zero, zero, mask, gain, loss_type=kind).item(), abs=1e-5)
        assert loss == pytest.approx(value, abs=5e-4)
        assert pulls[2] / pulls[0] == pytest.approx(-10 / 200 if recipe == "GRPO" else -1, rel=1e-4)
    parts = [
        trl_loss(zero[:2], zero[:2], m, a, loss_type="bnpo") for m, a in zip(mask.split(2), gain.split(2), strict=True)
    ]
    assert weights.in_parts(RECIPES["DAPO"], 2, False) == pytest.approx((sum(parts) / 2).item(), abs=1e-5)
    whole = [
        trl_loss(zero[:2], zero[:2], m, a, steps=2, total=mask.sum(), loss_type="dapo")
        for m, a in zip(mask.split(2), gain.split(2), strict=True)
    ]
    assert weights.in_parts(RECIPES["DAPO"], 2, True) == pytest.approx(sum(whole).item(), abs=1e-5)
    weights.example_tokens()
    weights.example_parts()
    assert capsys.readouterr().out.count("0.673") == 4


def test_the_deviation_lifts_prompts_that_are_nearly_never_solved():
    """k right of G: sqrt(k(G−k)(G−1)/G) scaled, k(G−k)/G not."""
    for k in (1, 5, 15):
        assert weights.prompt_weight(k, 16, True) == pytest.approx((k * (16 - k) * 15 / 16) ** 0.5, rel=1e-3)
        assert weights.prompt_weight(k, 16, False) == pytest.approx(k * (16 - k) / 16, rel=1e-5)
    assert weights.share_of_even(1, 16, False) == pytest.approx(15 / 64, rel=1e-5)


def test_replies_of_a_policy_that_only_stops_have_its_probabilities():
    """SciPy's geometric distribution, cut off at the limit."""
    from scipy.stats import geom

    stops = torch.tensor([-1.0, 0.5])
    right = torch.tensor([False, True]).repeat(2000)
    new, mask = lengths.replies(stops, right, torch.Generator().manual_seed(0))
    for kind in (0, 1):
        law = geom(stops[kind].sigmoid().item())
        long = mask[right == bool(kind)].sum(1)
        wanted = torch.tensor(law.logpmf(long.numpy()), dtype=torch.float32)
        inside = long < lengths.LIMIT
        torch.testing.assert_close(
            (new * mask).sum(1)[right == bool(kind)][inside], wanted[inside], rtol=1e-4, atol=1e-4
        )
        mean = sum(law.sf(n) for n in range(lengths.LIMIT))
        assert lengths.expected_length(stops)[kind].item() == pytest.approx(mean, rel=1e-5)
        assert long.mean().item() == pytest.approx(mean, rel=0.06)


def test_wrong_replies_grow_if_each_reply_counts_the_same():
    assert all(lengths.trained("GRPO", s)[0] > 25 and lengths.trained("GRPO", s)[1] < 1.5 for s in lengths.SEEDS)
    for name in ("DAPO", "Dr. GRPO"):
        assert all(4 < x < 6.5 for s in lengths.SEEDS for x in lengths.trained(name, s)), name


def test_a_figure_shows_fates_and_pulls():
    drawn = figures.figure_groups()
    assert drawn.count("+0.87") == 2 and drawn.count("-0.87") == 2 and len(re.findall(">0<", drawn)) == 6 + 4
    assert figures.shares_at(0.0)["noise"] == pytest.approx(1 - 0.97**8 - 0.03**8)
    assert figures.shares_at(1.0)["noise"] == pytest.approx(1 - 0.9**8 - 0.1**8)
    labels = [t.get_text() for t in figures.figure_fates().axes[0].texts]
    assert "noise\n22%" in labels and "noise\n57%" in labels
    said = [t.get_text() for t in figures.figure_pulls().axes[0].texts]
    assert said == ["GRPO: 0 above 1.2", "DAPO: 0 above 1.28", "CISPO: learns on"]
    assert losses.slope(RECIPES["DAPO"], 1.25) == pytest.approx(1.25) and losses.slope(RECIPES["GRPO"], 1.25) == 0
    assert losses.slope(RECIPES["CISPO"], 1.5) == pytest.approx(1.5)
