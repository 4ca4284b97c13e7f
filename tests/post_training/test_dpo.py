"""DPO and its family: TRL's own losses, finite differences, enumerated optima, and runs that go wrong."""

from __future__ import annotations

import copy
import inspect
import math
import os
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch.distributions import Categorical, kl_divergence

from snippets.post_training.dpo import (
    calculator,
    displacement,
    flow,
    learning,
    lengths,
    logprobs,
    losses,
    optimum,
    overlap,
    pair,
    phrases,
    remedy,
    runs,
    stage,
    stuck,
    trainers,
    weights,
)
from snippets.tiny.tokens import tokenizer

os.environ["HF_HUB_OFFLINE"] = "1"
torch.set_num_threads(1)
CLOSE = {"rtol": 0, "atol": 1e-5}
PAIRS = 16


def scores(seed: int = 0, dtype: torch.dtype = torch.float32):
    """Log-probabilities of 16 random pairs under a policy and a reference, and their tokens."""
    chance = torch.Generator().manual_seed(seed)
    policy, reference = (-60 * torch.rand(PAIRS, 2, generator=chance, dtype=dtype) - 1 for _ in range(2))
    return policy, reference, torch.randint(1, 40, (PAIRS, 2), generator=chance)


class Accelerator:
    """One process."""

    device = torch.device("cpu")

    def gather(self, x):
        return x

    gather_for_metrics = gather


def trainer(**how):
    """What TRL's `_compute_loss` reads of its trainer."""
    common = {
        "model": SimpleNamespace(training=True), "accelerator": Accelerator(), "aux_loss_enabled": False,
        "precompute_ref_logps": True, "_metrics": defaultdict(lambda: defaultdict(list)), "_total_train_tokens": 0,
        "_tp_size": 1, "use_weighting": False, "ld_alpha": None, "f_divergence_type": "reverse_kl",
        "loss_weights": [1.0], "label_smoothing": 0.0,
    }  # fmt: skip
    return SimpleNamespace(**common | how)


def model_of(sums, tokens):
    """A model whose answers have these sums: each token has an equal part, padding none."""
    width = int(tokens.max()) + 1
    mask = (torch.arange(width) >= 1) & (torch.arange(width) <= tokens[:, None])
    each = (sums / tokens)[:, None] * mask[:, 1:]
    zeros = torch.zeros_like(each)
    outputs = SimpleNamespace(log_probs=each, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
    inputs = {
        "input_ids": torch.zeros_like(mask, dtype=torch.long),
        "attention_mask": mask.long(),
        "completion_mask": mask.long(),
    }
    return (lambda **_: outputs), inputs


def trl_dpo(loss, policy, reference, tokens, beta, **how):
    """TRL's own code on log-probabilities of ours, one pair at a time."""
    found = []
    for p, r, n in zip(policy, reference, tokens, strict=True):
        model, inputs = model_of(p, n)
        inputs |= {"ref_chosen_logps": r[:1], "ref_rejected_logps": r[1:]}
        own = trainer(loss_types=[loss], beta=beta, **how)
        found.append(trainers.DPOTrainer._compute_loss(own, model, inputs, False))
    return torch.stack(found)


def trl_cpo(loss, scores, beta, **how):
    """TRL's CPO on two columns of numbers."""
    own = SimpleNamespace(
        alpha=0.0, accelerator=Accelerator(), loss_type=loss, beta=beta, **{"label_smoothing": 0.0} | how
    )
    return trainers.CPOTrainer.cpo_loss(own, scores[:, 0], scores[:, 1])[0]


@pytest.mark.parametrize("beta", [0.05, 0.5])
def test_each_loss_agrees_with_trl(beta):
    policy, reference, tokens = scores()
    h, means = losses.margin(policy, reference), losses.margin(policy / tokens, reference / tokens)
    gap = policy / tokens
    gap = gap[:, 0] - gap[:, 1]
    ours = {
        "sigmoid": losses.dpo(h, beta), "hinge": losses.rso(h, beta), "ipo": losses.ipo(means, beta),
        "sigmoid_norm": losses.dpo(means, beta),
    }  # fmt: skip
    for name, value in ours.items():
        torch.testing.assert_close(
            value, trl_dpo(name, policy, reference, tokens, beta), rtol=1e-6, atol=1e-5, msg=name
        )
    noisy = trl_cpo("sigmoid", policy - reference, beta, label_smoothing=0.2)
    torch.testing.assert_close(losses.cdpo(h, beta, 0.2), noisy, **CLOSE)
    simpo = trl_cpo("simpo", policy / tokens, beta, simpo_gamma=0.3)
    torch.testing.assert_close(losses.simpo(gap, beta, 0.3), simpo, **CLOSE)
    odds = trainers.ORPOTrainer.odds_ratio_loss(
        SimpleNamespace(beta=beta, accelerator=Accelerator()), *(policy / tokens).T
    )[0]
    torch.testing.assert_close(losses.orpo(policy / tokens, beta), -(policy / tokens)[:, 0] - odds, **CLOSE)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_kto_agrees_with_trl_and_clamps_its_anchor_at_zero(sign):
    policy, reference, tokens = (x.flatten() for x in scores(1))
    model, inputs = model_of(policy, tokens)
    good = torch.arange(2 * PAIRS) % 2 == 0
    kl = torch.full((2 * PAIRS,), sign)
    own = trainer(
        loss_type="kto", beta=0.1, calculate_KL=True, desirable_weight=1.0, undesirable_weight=1.0,
        _compute_kl_logps=lambda *_: kl,
    )  # fmt: skip
    inputs |= {"label": good.long(), "ref_logps": reference, "ref_KL_logps": torch.zeros_like(kl)}
    ours = losses.kto(policy - reference, torch.tensor(max(sign, 0.0)), 0.1, good).mean()
    theirs = trainers.KTOTrainer._compute_loss(own, model, inputs, False)
    torch.testing.assert_close(ours, theirs.mean(), **CLOSE)


def slope(loss, x):
    """Central difference, in double precision."""
    return -(loss(x + 1e-5) - loss(x - 1e-5)) / 2e-5


@pytest.mark.parametrize("beta", [0.05, 0.1, 1.0])
def test_each_push_is_minus_the_slope_by_finite_differences(beta):
    h = torch.linspace(-30, 30, 41, dtype=torch.float64) + 0.123
    anchor = torch.tensor(0.7, dtype=torch.float64)
    for ours, loss in (
        (weights.dpo_weight(h, beta), lambda x: losses.dpo(x, beta)),
        (weights.cdpo_weight(h, beta, 0.2), lambda x: losses.cdpo(x, beta, 0.2)),
        (weights.rso_weight(h, beta).double(), lambda x: losses.rso(x, beta)),
        (weights.ipo_weight(h, beta), lambda x: losses.ipo(x, beta)),
        (weights.simpo_weight(h, beta, 0.8), lambda x: losses.simpo(x, beta, 0.8)),
        (weights.kto_weight(h, anchor, beta), lambda x: losses.kto(x, anchor, beta, torch.tensor(True))),
        (-weights.kto_weight(h, anchor, beta), lambda x: losses.kto(x, anchor, beta, torch.tensor(False))),
    ):
        torch.testing.assert_close(ours, slope(loss, h), rtol=1e-6, atol=1e-7)


def test_gradients_through_the_four_log_probabilities():
    """PyTorch's own check by finite differences; the reference has no gradient, chosen and rejected opposite ones."""
    policy, reference, tokens = scores(2, torch.float64)
    policy.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: losses.dpo(losses.margin(p, reference), 0.1), (policy,))
    assert torch.autograd.gradcheck(lambda p: losses.ipo(losses.margin(p, reference), 0.1), (policy,))
    means = (policy / tokens).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda m: losses.orpo(m, 0.3), (means,))
    (found,) = torch.autograd.grad(losses.dpo(losses.margin(policy, reference), 0.1).sum(), policy)
    push = weights.dpo_weight(losses.margin(policy, reference), 0.1)
    torch.testing.assert_close(found, torch.stack([-push, push], 1))


def test_targets_are_where_scipy_finds_the_least_loss():
    for target, loss in (
        (weights.cdpo_target(0.1, 0.2), lambda x: losses.cdpo(x, 0.1, 0.2)),
        (weights.ipo_target(0.1), lambda x: losses.ipo(x, 0.1)),
    ):
        found = minimize(lambda x, loss=loss: loss(torch.tensor(x)).item(), [1.0], method="Nelder-Mead", tol=1e-9)
        assert found.x[0] == pytest.approx(target, rel=1e-4)
    edge = weights.rso_target(0.1)
    assert losses.rso(torch.tensor(edge), 0.1) == 0 < losses.rso(torch.tensor(edge - 0.1), 0.1)


def test_the_same_policy_wins_by_formula_by_reward_and_by_preferences():
    closed = optimum.optimum(optimum.REWARDS, optimum.REFERENCE, optimum.BETA)
    torch.testing.assert_close(optimum.by_reward(), closed, rtol=0, atol=1e-6)
    torch.testing.assert_close(optimum.by_preferences(), closed, rtol=0, atol=1e-6)
    assert optimum.favorite() == closed[0] > 8 * optimum.REFERENCE[0]


def test_the_objective_is_reward_less_pytorchs_kl():
    policy, reference = torch.rand(2, 5, dtype=torch.float64).softmax(-1)
    kl = kl_divergence(Categorical(policy), Categorical(reference))
    ours = optimum.objective(policy, optimum.REWARDS, reference, 0.3)
    torch.testing.assert_close(ours, policy @ optimum.REWARDS - 0.3 * kl)


def test_the_answer_is_counted_as_transformers_counts_it():
    model, (tokens, answer) = logprobs.tiny(), logprobs.batch()
    with torch.no_grad():
        sums, counts = logprobs.answer_logps(model(tokens).logits, tokens, answer)
        for i, row in enumerate(tokens):
            labels = row.masked_fill(answer[i] == 0, -100)[None]
            loss = model(row[None], labels=labels).loss
            torch.testing.assert_close(sums[i], -loss * counts[i], rtol=1e-5, atol=1e-5)
    assert counts.tolist() == [6, 3]


def test_the_pull_is_autograds_gradient_at_the_head():
    model, found = phrases.trained(0)
    answers = found[:3]
    with torch.no_grad():
        ours = overlap.pull(model, answers)
    for i in range(3):
        (theirs,) = torch.autograd.grad(phrases.logps(model, answers[i : i + 1]).sum(), model.head.weight)
        torch.testing.assert_close(ours[i].T, theirs, rtol=1e-4, atol=1e-4)


def test_the_prediction_is_exact_for_a_small_step_of_the_head():
    model, found = phrases.trained(1)
    pair, others = found[:2], found[2:8]
    with torch.no_grad():
        lift, before = overlap.predicted(model, pair, others), phrases.logps(model, others)
    policy = copy.deepcopy(model).double()
    start = phrases.logps(policy, pair).detach()
    now = phrases.logps(policy, pair)
    loss = losses.dpo((now[0] - start[0]) - (now[1] - start[1]), 0.1)
    (step,) = torch.autograd.grad(loss, policy.head.weight)
    with torch.no_grad():
        policy.head.weight -= 1e-5 * step
        change = phrases.logps(policy, others) - before
    expected = 1e-5 * weights.dpo_weight(torch.tensor(0.0), 0.1) * lift
    clean = phrases.logps(copy.deepcopy(model).double(), others).detach()
    torch.testing.assert_close((phrases.logps(policy, others).detach() - clean).float(), expected, rtol=0.02, atol=1e-7)
    assert change.shape == expected.shape


def test_all_answers_have_all_probability():
    model, found = phrases.trained(0)
    answers = phrases.every_answer()
    with torch.no_grad():
        assert phrases.logps(model, answers).exp().sum().item() == pytest.approx(1.0, abs=1e-4)
    assert len(answers) == 6**5 == len(answers.unique(dim=0))
    near = phrases.edits(found[0])
    assert len(near) == 25
    assert ((near != found[0]).sum(1) == 1).all()


def test_of_all_edits_the_lowest_the_middle_and_the_highest_prediction_are_tried():
    """Each edit with `predicted` on its own pair, as the page has it."""
    model, found = phrases.trained(0)
    with torch.no_grad():
        pairs = [torch.stack([found[0], other]) for other in phrases.edits(found[0])]
        said = sorted(overlap.predicted(model, pair, pair[:1]).item() for pair in pairs)
        tried = [overlap.predicted(model, pair, pair[:1]).item() for pair in displacement.spread(model, found[0])]
    assert len(said) == 25 and tried == pytest.approx([said[0], said[12], said[-1]], abs=1e-5)


def test_overlap_predicts_which_chosen_answers_fall():
    found = displacement.everything()
    fell = [one for one in found if one.chosen < 0]
    assert displacement.count() == len(found) == 60
    assert displacement.right_signs(found) >= 57
    assert 8 <= displacement.both_fell(found) == len(fell)
    assert displacement.right_signs(found) == sum(
        math.copysign(1, a.predicted) == math.copysign(1, a.chosen) for a in found
    )
    for seed in range(phrases.SEEDS):
        answers, pairs, score = displacement.correlations(seed)
        assert answers > 0.85
        assert pairs > 0.85
        assert score < pairs, "the score without errors says less, in this toy"


def test_the_score_is_that_of_its_authors_definition():
    """Inner product of the summed states, less the square of the chosen sum: by loops over tokens."""
    model, found = phrases.trained(2)
    with torch.no_grad():
        chosen, rejected = model.states(found[:2])
        both = sum((a @ b).item() for a in chosen for b in rejected)
        own = sum((a @ b).item() for a in chosen for b in chosen)
        assert overlap.ches(model, found[:2]).item() == pytest.approx(both - own, abs=1e-3)


def test_probability_goes_where_it_was_predicted_to():
    flows = flow.flows(0)
    (_, _, lift, change, before, after), (_, _, _, lost, *_) = flows[:2]
    assert lift < 0 > change > lost
    assert after < before
    for name, _, lift, change, before, after in flows[2:]:
        assert name == "gainer"
        assert lift > 0 < change
        assert after == pytest.approx(before * math.exp(change), rel=1e-3)


def test_in_nats_is_the_first_step_times_the_steps():
    lift = torch.tensor([3.0])
    push = -torch.autograd.functional.jacobian(lambda h: losses.dpo(h, overlap.BETA), torch.tensor(0.0))
    torch.testing.assert_close(overlap.in_nats(lift), overlap.STEPS * overlap.RATE * push * lift)


def test_both_remedies_lift_the_chosen_answer():
    rows = [remedy.remedies(seed) for seed in (1, 3)]
    for plain, _, anchored, _, other, _ in rows:
        assert plain < 0 < min(anchored, other)


@pytest.mark.parametrize("name", ["shared, no gradient", "shared, with gradient", "beta 0"])
def test_three_runs_never_leave_ln_2(name):
    logs = stuck.run(**stuck.RUNS[name])
    assert {round(log.loss, 4) for log in logs} == {round(math.log(2), 4)}
    moved = abs(logs[-1].chosen - logs[0].chosen)
    if name == "shared, no gradient":
        assert moved > 1 < min(log.norm for log in logs) * 10
        assert all(log.margin == 0 for log in logs)
    else:
        assert moved == 0 == max(log.norm for log in logs)


def test_the_frozen_reference_slows_what_the_shared_one_does_not():
    frozen, shared = stuck.run(), stuck.run(shared=True)
    assert frozen[0].loss == shared[0].loss == pytest.approx(losses.first_loss(), abs=1e-6)
    assert frozen[-1].loss < frozen[0].loss
    assert stuck.drift(True) == shared[0].rejected - shared[-1].rejected > stuck.drift(False) > 0


@given(st.floats(-1, 1), st.integers(1, 500))
def test_pushes_on_sums_grow_with_length_and_on_means_do_not(per_token, tokens):
    x = torch.tensor(per_token, dtype=torch.float64)

    def loss(m):
        return losses.ipo(m * tokens, 0.1)

    assert lengths.summed(per_token, tokens) == pytest.approx(slope(loss, x).item(), rel=1e-3, abs=1e-2)
    assert lengths.averaged(per_token, tokens) == pytest.approx(
        slope(lambda m: losses.ipo(m, 0.1), x).item(), rel=1e-4, abs=1e-4
    )


def test_ipo_on_sums_leaves_a_token_of_a_long_answer_less():
    each, total = lengths.report()
    torch.testing.assert_close(total, torch.full_like(total, weights.ipo_target(0.1)), rtol=0.05, atol=0)
    assert each[0] > 0.2
    assert each[1] == pytest.approx(0.1, rel=0.02)
    assert each[2] == pytest.approx(0.05, rel=0.01)
    assert each[3] == pytest.approx(0.025, rel=0.01)


def test_quality_a_token_is_no_preference_in_means_and_one_in_sums():
    """Both answers gain 0.1 nats a token; the rejected one is longer."""
    tokens = torch.tensor([[20, 100]])
    gained = 0.1 * tokens
    nothing = torch.zeros_like(gained)
    assert losses.margin(gained, nothing).item() == pytest.approx(-8)
    assert losses.margin(gained / tokens, nothing / tokens).item() == pytest.approx(0)


def test_an_answer_cut_to_nothing_has_a_finite_loss():
    policy, reference, tokens = scores(3)
    policy[:, 1] = reference[:, 1] = 0
    tokens[:, 1] = 0
    sums = torch.where(tokens > 0, policy / tokens.clamp(min=1), 0.0)
    assert math.isfinite(lengths.masked(0))
    assert lengths.masked(0) == lengths.masked(1) == pytest.approx(losses.ipo(torch.tensor(0.5), 0.1).item())
    assert sums.isfinite().all()


def test_no_two_losses_are_one_under_two_names():
    """An option that is accepted and ignored would make two columns equal."""
    h, tokens = torch.tensor([6.0]), 2.0
    found = [
        losses.dpo(h, 0.1),
        losses.cdpo(h, 0.1, 0.1),
        losses.rso(h, 0.1),
        losses.ipo(h, 0.1),
        losses.dpo(h / tokens, 0.1),
    ]
    assert len({round(loss.item(), 4) for loss in found}) == len(found)


def test_trl_ignores_label_smoothing_in_its_default_loss():
    """Accepted and without effect in 1.16: cDPO has to be had from CPO's code, or as robust DPO."""
    policy, reference, tokens = scores(4)
    plain = trl_dpo("sigmoid", policy, reference, tokens, 0.1)
    assert torch.equal(plain, trl_dpo("sigmoid", policy, reference, tokens, 0.1, label_smoothing=0.2))
    assert not torch.equal(plain, trl_dpo("robust", policy, reference, tokens, 0.1, label_smoothing=0.2))


@pytest.fixture(scope="module")
def in_folder(tmp_path_factory):
    """Trainers write beside where they run."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("trl"))
    yield
    os.chdir(before)


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("name", ["sigmoid", "hinge", "ipo", "sigmoid_norm", "kto", "simpo"])
def test_the_first_loss_of_each_trainer_is_ours(name):
    make = {"kto": trainers.kto, "simpo": trainers.simpo}.get(name, lambda: trainers.dpo(name))
    steps = trainers.logged(make())
    assert len(steps) == 3
    assert steps[0]["loss"] == pytest.approx(runs.ours(name, steps[0].get("kl", 0.0) / 0.5 * 0.5), abs=1e-5)
    assert steps[-1]["loss"] < steps[0]["loss"]


@pytest.mark.usefixtures("in_folder")
def test_orpos_odds_are_ours_and_its_cross_entropy_counts_the_prompt():
    first = trainers.logged(trainers.orpo())[0]
    (policy, tokens), model = runs.scores(0), trainers.llama(0)
    odds = losses.orpo(policy / tokens, 0.5) + (policy / tokens)[:, 0]
    texts = [f"{prompt} {good} <end>".split() for prompt, good, _ in trainers.PAIRS]
    rows = [torch.tensor([[trainers.WORDS.index(word) for word in words]]) for words in texts]
    with torch.no_grad():
        whole = [F.cross_entropy(model(row).logits[0, :-1], row[0, 1:], reduction="sum") for row in rows]
    nll = sum(whole) / sum(row.shape[1] - 1 for row in rows)
    assert first["loss"] == pytest.approx((nll + odds.mean()).item(), abs=1e-5)


@pytest.mark.usefixtures("in_folder")
def test_trl_refuses_the_policy_as_reference_and_accepts_its_shallow_copy():
    policy = trainers.llama(0)
    with pytest.raises(ValueError, match="cannot be the same object"):
        trainers.dpo("sigmoid", policy, policy)
    steps = runs.shared()
    assert {round(step["loss"], 4) for step in steps} == {round(math.log(2), 4)}
    assert all(step["grad_norm"] > 1 and step["rewards/margins"] == 0 for step in steps)
    assert steps[-1]["logps/chosen"] > steps[0]["logps/chosen"] + 0.1


@settings(deadline=None, max_examples=50)
@given(st.floats(-200, 200), st.floats(-200, 200), st.floats(0.01, 5), st.integers(1, 300), st.integers(1, 300))
def test_the_calculator_says_what_the_losses_say(chosen, rejected, beta, long, short):
    shown = calculator.preference_losses(chosen, rejected, beta, long, short, noise=0.2, anchor=1.5)
    pair_of = torch.tensor([[chosen, rejected]], dtype=torch.float64)
    h = losses.margin(pair_of, torch.zeros_like(pair_of))
    mean = losses.margin(pair_of / torch.tensor([long, short]), torch.zeros_like(pair_of))
    gap = torch.tensor([0.5], dtype=torch.float64)
    good, bad = pair_of[0]
    anchor = torch.tensor(1.5, dtype=torch.float64)
    for name, loss, push in (
        ("DPO", losses.dpo(h, beta), weights.dpo_weight(h, beta)),
        ("cDPO", losses.cdpo(h, beta, 0.2), weights.cdpo_weight(h, beta, 0.2)),
        ("RSO hinge", losses.rso(h, beta), weights.rso_weight(h, beta)),
        ("IPO on sums", losses.ipo(h, beta), weights.ipo_weight(h, beta)),
        ("IPO on means", losses.ipo(mean, beta), weights.ipo_weight(mean, beta)),
        ("SimPO", losses.simpo(gap, 2.0, 1.0), weights.simpo_weight(gap, 2.0, 1.0)),
        ("KTO, chosen", losses.kto(good, anchor, beta, torch.tensor(True)), weights.kto_weight(good, anchor, beta)),
        ("KTO, rejected", losses.kto(bad, anchor, beta, torch.tensor(False)), -weights.kto_weight(bad, anchor, beta)),
    ):
        words = shown[name].replace(",", "").split()
        assert float(words[1]) == pytest.approx(loss.item(), rel=1e-6, abs=1e-4), name
        assert float(words[3]) == pytest.approx(push.item(), rel=1e-6, abs=1e-4), name
    means = torch.tensor([[-0.8, -1.3]], dtype=torch.float64)
    odds = losses.orpo(means, 1.0).item() - 0.8
    assert f"odds term {odds:.4f}" in shown["ORPO"]


def test_the_calculators_targets_are_the_pages():
    shown = calculator.preference_losses(beta=0.1, noise=0.1)
    facts = weights.facts()
    assert shown["cDPO"].endswith(f"target {facts['cdpo_target']}")
    assert shown["RSO hinge"].endswith(f"target {float(facts['rso_target'])}")
    assert shown["IPO on sums"].endswith(f"target {float(facts['ipo_target'])}")
    assert inspect.signature(calculator.preference_losses).parameters["beta"].default == 0.1


def test_the_drawn_pair_is_computed():
    h, loss, push = pair.numbers()
    svg = pair.figure_pair()
    assert h == pytest.approx(-42 + 45 - (-61 + 52))
    assert loss == pytest.approx(math.log1p(math.exp(-0.1 * h)))
    assert push == pytest.approx(0.1 / (1 + math.exp(0.1 * h)))
    assert f"margin h = {h:.0f}" in svg
    assert f"loss = {loss:.3f}" in svg


# -- the stage on the tiny world -------------------------------------------------------------------------------------


def words(ids, trains):
    """Prompt and reply of a row, as text."""
    reply = tokenizer().decode(ids[trains], skip_special_tokens=True)
    prompt = tokenizer().decode(ids[~trains], skip_special_tokens=True)
    return prompt.split()[-1], reply


def test_of_each_pair_one_reply_is_right():
    _, chosen, rejected = learning.begun(0)
    for side, right in ((chosen, True), (rejected, False)):
        assert len(side.ids) > 50
        for ids, trains in zip(side.ids, side.trains, strict=True):
            given, reply = words(ids, trains)
            assert (reply == "".join(sorted(given))) is right
    for one, other in zip(chosen.ids, rejected.ids, strict=True):  # replies to one prompt
        start = int(chosen.trains.int().argmax(1)[0])
        assert torch.equal(one[:start], other[:start])


def test_cross_entropy_of_the_stage_is_that_of_transformers():
    model, chosen, rejected = learning.begun(0)
    with torch.no_grad():
        now = stage.scores(model, chosen, rejected)
        labels = chosen.ids.masked_fill(~chosen.trains, -100)
        seen = (chosen.ids != tokenizer().pad_token_id).long()
        theirs = model(input_ids=chosen.ids, attention_mask=seen, labels=labels).loss
    ours = stage.stage_loss(now, now, chosen.trains.sum(), 0.5, 3.0)
    assert ours.item() == pytest.approx(math.log(2) + 3 * theirs.item(), abs=1e-5)


def test_beta_0_leaves_cross_entropy_alone():
    now = torch.tensor([[-3.0, -4.0]], requires_grad=True)
    stage.stage_loss(now, torch.tensor([[-5.0, -1.0]]), torch.tensor(6.0), 0.0, 1.0).backward()
    assert now.grad.tolist() == [[pytest.approx(-1 / 6), 0.0]]


@pytest.mark.parametrize("seed", learning.SEEDS)
def test_separating_pairs_is_not_solving_tasks(seed):
    runs = {arm: learning.trained(seed, arm) for arm in learning.ARMS}
    ends = {arm: run.solved[-1] for arm, run in runs.items()}
    assert learning.change(learning.begun(seed)[0], seed) == [0, 0]
    assert runs["DPO"].rejected < runs["cross-entropy"].rejected < -1  # the rejected fall most with DPO alone
    assert ends["both"] > runs["DPO"].solved[0] + 0.05
    assert ends["both"] > ends["DPO"] + 0.05
    assert runs["both"].chosen > runs["DPO"].chosen + 0.2


def test_the_table_of_the_stage_has_means_over_seeds():
    runs = [learning.trained(seed, "both") for seed in learning.SEEDS]
    columns = [[run.solved[-1] for run in runs], [run.chosen for run in runs], [run.rejected for run in runs]]
    for found, ends in zip([learning.solved("both"), *learning.moved("both")], columns, strict=True):
        assert found == (pytest.approx(np.mean(ends)), pytest.approx(np.std(ends, ddof=1)))
    assert len(learning.figure_arms().axes[0].lines) == len(learning.ARMS) * (len(learning.SEEDS) + 1)
