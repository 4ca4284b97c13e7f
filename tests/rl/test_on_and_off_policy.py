"""Shares and weights against sums over all sequences; V-trace against torchrl; divergences against PyTorch's own."""

import json
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from snippets.rl.on_and_off_policy import (
    calculator,
    causes,
    choices,
    corrections,
    drawing,
    logs,
    penalties,
    shares,
    verdict,
    worlds,
    writer,
)
from snippets.rl.on_and_off_policy.logs import Reply

LINE = '{"sampler": [-1.0, -0.5], "trainer": [-1.1, -0.4]}\n'


# Logs


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 3: Expecting property name"),
        ("[1]", "line 3: not an object with the fields sampler and trainer"),
        ('{"sampler": [-1]}', "line 3: trainer is not a list of log-probabilities"),
        ('{"sampler": [], "trainer": []}', "line 3: sampler is not a list"),
        ('{"sampler": [-1, -2], "trainer": [-1]}', "line 3: 2 tokens by the sampler, 1 by the trainer"),
        ('{"sampler": [-1, NaN], "trainer": [-1, -1]}', "line 3: sampler, token 2: nan is not a finite number"),
        ('{"sampler": [-1], "trainer": [-Infinity]}', "line 3: trainer, token 1: -inf is not a finite number"),
        ('{"sampler": [0.3], "trainer": [-1]}', "line 3: sampler, token 1: 0.3 is above 0"),
        ('{"sampler": ["a"], "trainer": [-1]}', "line 3: sampler, token 1: a is not a finite number"),
    ],
)
def test_a_bad_line_is_told_with_its_file_and_number(tmp_path, line, words):
    path = tmp_path / "step-7.jsonl"
    path.write_text(f"{LINE}\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"step-7.jsonl, {words}")):
        logs.read_file(path)


def test_an_empty_log_is_refused():
    with pytest.raises(ValueError, match="log: no replies"):
        logs.read("\n")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.floats(-50, 0), min_size=1, max_size=5), min_size=1, max_size=4))
def test_what_is_written_is_read(rows):
    replies = [Reply(tuple(row), tuple(row[::-1])) for row in rows]
    assert logs.read(logs.write(replies)) == replies


# Shares


def test_the_share_counts_replies():
    """Half of the replies with weight 0 leave half; equal weights leave all, however small they are."""
    assert shares.effective_share([0.0, 0.0, -math.inf, -math.inf]) == 0.5
    assert shares.effective_share([-900.0] * 7) == pytest.approx(1)


def test_a_log_cut_after_its_first_tokens():
    reply = logs.read(LINE)[0]
    assert shares.cut([reply], 1) == pytest.approx([-0.1])
    assert shares.cut([reply], 2) == pytest.approx([0.0], abs=1e-12)
    long = Reply((-1.0,) * 5, (-1.5,) * 5)
    assert [n for n, *_ in shares.by_length([long])] == [1, 2, 4, 5]
    assert shares.token_spread([reply]) == pytest.approx(0.1)


@pytest.mark.parametrize("variance", [0.1, 1.5, 3.28, 9.0])
@pytest.mark.parametrize("cap", [2.0, 3.0])
def test_closed_forms_are_integrals_of_scipys_lognormal(variance, cap):
    spread = math.sqrt(variance)
    weight = stats.lognorm(s=spread, scale=math.exp(-variance / 2))

    def mean(of, above):  # E[of(w); w <= cap], plus what counts above
        return integrate.quad(lambda w: of(w) * weight.pdf(w), 0, cap)[0] + above * weight.sf(cap)

    assert shares.normal_share(variance) == pytest.approx(1 / (weight.var() + 1), rel=1e-6)
    assert shares.beyond(variance, cap) == pytest.approx(weight.sf(cap), rel=1e-9)
    assert shares.masked_mean(variance, cap) == pytest.approx(mean(lambda w: w, 0), rel=1e-6)
    truncated = mean(lambda w: w, cap)
    assert shares.truncated_mean(variance, cap) == pytest.approx(truncated, rel=1e-6)
    square = mean(lambda w: w * w, cap**2)
    assert shares.truncated_share(variance, cap) == pytest.approx(truncated**2 / square, rel=1e-6)
    assert shares.masked_square(variance, cap) == pytest.approx(mean(lambda w: w * w, 0), rel=1e-6)


@pytest.mark.parametrize("x", [-60.0, -31.0, -29.0, -3.0, 0.0, 4.0])
def test_the_tail_of_the_normal_is_scipys(x):
    assert shares.log_cdf(x) == pytest.approx(stats.norm.logcdf(x), rel=1e-5)


def test_a_share_too_small_for_a_float_is_zero():
    assert shares.truncated_share(1e6, 3.0) == 0
    assert shares.truncated_share(2000.0, 3.0) > 0


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_at_the_longest_length_the_share_is_reached(share):
    tokens = shares.longest(0.05, share)
    assert shares.normal_share(tokens * 0.05**2) == pytest.approx(share)


def test_the_mean_weight_is_one_and_weights_of_two_tokens_are_uncorrelated():
    """Exact sums: why the mean of all tokens tests a log, and why its standard error is that of tokens."""
    w = worlds.world(0.8, length=5)
    p, ratio = w.sampler.probabilities().detach(), w.log_ratios().exp()
    assert (p @ ratio).tolist() == pytest.approx([1] * 5)
    covariance = (ratio - 1).T @ (p[:, None] * (ratio - 1))
    assert (covariance - covariance.diag().diag()).abs().max() < 1e-12
    assert covariance.diag().min() > 0.01


def test_the_standard_error_of_the_mean_weight():
    replies = logs.read(calculator.DEFAULT)
    weights = np.exp([x for reply in replies for x in reply.log_ratios()])
    mean, error = shares.mean_weight(replies)
    assert mean == pytest.approx(weights.mean())
    assert error == pytest.approx(stats.sem(weights, ddof=0))


# Weights


def world_by_hand(w):
    """Score of each token of each sequence, [N, T, parameters], by autograd one number at a time."""
    logprobs = w.policy.logprobs()
    n, t = logprobs.shape
    rows = [[w.policy.gradient(logprobs[i, j]).flatten() for j in range(t)] for i in range(n)]
    return torch.stack([torch.stack(row) for row in rows])


@pytest.mark.parametrize("name", choices.CHOICES)
def test_quality_is_that_of_gradients_taken_sequence_by_sequence(name):
    w = worlds.world(0.8, length=4)
    ours = choices.compared(w)[name]
    how, logs_, mask = choices.CHOICES[name], w.log_ratios(), w.policy.mask.double()
    weight = corrections.weights(logs_, mask, **how) if how else mask
    scores, p = world_by_hand(w), w.sampler.probabilities().detach()
    target = w.policy.probabilities().detach()
    advantage = w.reward - target @ w.reward
    truth = (target * w.reward) @ scores.sum(1)
    each = advantage[:, None] * (weight[..., None] * scores).sum(1)
    mean = p @ each
    variance = p @ ((each - mean) ** 2).sum(-1)
    size = truth.norm()
    assert ours.bias == pytest.approx(((mean - truth).norm() / size).item(), abs=1e-9)
    assert ours.size == pytest.approx((mean.norm() / size).item())
    assert ours.spread == pytest.approx((variance.sqrt() / size).item())
    assert ours.cosine == pytest.approx(torch.cosine_similarity(mean, truth, 0).item())
    batch = (each - mean) / 8  # the noise of 64 replies
    square = p @ ((mean + batch) ** 2).sum(-1)
    assert ours.alignment(64) == pytest.approx((mean @ truth / size / square.sqrt()).item())


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, [[2, 3, 0], [0.5, 4, 1]]),
        ({"cap": 2.0}, [[2, 2, 0], [0.5, 2, 1]]),
        ({"cap": 2.0, "drop": True}, [[2, 0, 0], [0.5, 0, 1]]),
        ({"level": "sequence", "cap": 3.0}, [[3, 3, 0], [2, 2, 2]]),
        ({"level": "sequence", "cap": 3.0, "drop": True}, [[0, 0, 0], [2, 2, 2]]),
        ({"level": "mean"}, [[6**0.5, 6**0.5, 0], [2 ** (1 / 3)] * 3]),
    ],
)
def test_weights_by_hand(how, expected):
    ratios = torch.tensor([[2, 3, 7], [0.5, 4, 1]], dtype=torch.float64)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]], dtype=torch.float64)
    ours = corrections.weights(ratios.log(), mask, **how)
    torch.testing.assert_close(ours, torch.tensor(expected, dtype=torch.float64))


def test_sequence_weights_are_unbiased_and_token_weights_are_off_by_the_first_order():
    biases = [choices.compared(worlds.world(gap)) for gap in (0.02, 0.01)]
    assert max(one["sequence"].bias for one in biases) < 1e-9
    assert biases[0]["token"].bias / biases[1]["token"].bias == pytest.approx(2, rel=0.02)
    assert biases[0]["none"].bias / biases[1]["none"].bias == pytest.approx(2, rel=0.02)


def test_the_share_is_the_exact_one():
    w = worlds.world(0.8, length=6)
    p = w.sampler.probabilities().detach()
    weight = w.log_ratios().sum(-1).exp()
    assert p @ weight == pytest.approx(1)
    assert w.share() == pytest.approx((1 / (p @ weight**2)).item())


def test_cutting_helps_a_few_effective_replies_and_hurts_many():
    assert choices.cut_wins(10, 100) > 0.6
    assert choices.cut_wins(300, 1000) < 0.5
    assert choices.cut_wins(1000, 10_000) < 0.3
    assert len(choices.crossing()) == 4 * 2 * 8 * 4
    points = dict.fromkeys(n for n, _ in choices.crossing())
    assert len([n for n in points if 10 <= n < 100]) == 68


def test_the_table_of_corrections_is_of_the_worlds(capsys):
    choices.example_corrections()
    rows = capsys.readouterr().out.splitlines()
    assert f"effective share {choices.mean_share(0.8):.2f}" in rows[10]
    many = {row[:26].strip(): float(row.split()[-1]) for row in rows[12:]}
    assert max(many, key=many.__getitem__) == "sequence"
    some = {row[:26].strip(): float(row.split()[-2]) for row in rows[12:]}
    assert max(some, key=some.__getitem__) == "sequence, cut at 2"
    seeds = [worlds.world(0.8, 8, seed) for seed in range(8)]
    assert choices.mean_share(0.8) == pytest.approx(sum(w.share() for w in seeds) / 8)
    assert choices.mean_alignment(0.8, "none", 64) == pytest.approx(0.70, abs=0.005)


# Logs of four causes


def test_the_same_weights_and_settings_leave_no_gap():
    """Before the first update the log ratio is 0, for every setting that a sampler logs honestly."""
    model = writer.writer()
    for setting in (1.0, 0.9, 0.6):
        tokens, logged = writer.sample(model, 8, 32, 1, temperature=setting)
        torch.testing.assert_close(logged, writer.score(model, tokens, setting), atol=2e-5, rtol=0)


@pytest.mark.parametrize("mass", [0.3, 0.9, 0.95])
def test_top_p_keeps_what_transformers_keeps(mass):
    from transformers import TopPLogitsWarper

    logits = torch.randn(50, 64, generator=torch.Generator().manual_seed(0)) * 3
    theirs = TopPLogitsWarper(top_p=mass)(None, logits)
    assert torch.equal(writer.kept(logits, mass), theirs)


def test_the_mean_weight_finds_faults_that_the_effective_share_does_not_see():
    for name, log in causes.everything().items():
        mean, error = shares.mean_weight(log)
        assert (abs(mean - 1) < 4 * error + 1e-4) == (name in causes.HONEST), name
    assert 0.95 <= causes.kept_mass() < 0.96
    assert causes.blind_share() > 0.99
    assert causes.precise_share() == pytest.approx(0.98, abs=0.01)


def test_the_verdicts(capsys):
    causes.example_verdicts()
    printed = dict(re.split(r"  +", row) for row in capsys.readouterr().out.splitlines())
    assert printed == {
        "other precision": "sequence weights",
        "older weights": "sequence weights, cut at 2",
        "temperature not logged": "none: find the fault first",
        "top-p in the sampler": "none: find the fault first",
    }


@pytest.mark.parametrize(
    ("mean", "token", "sequence", "cut", "words"),
    [
        (1.0, 0.9, 0.30, 0.9, "sequence weights"),
        (1.0, 0.9, 0.29, 0.03, "sequence weights, cut at 2"),
        (1.0, 0.9, 0.01, 0.029, "token weights, cut at 2"),
        (1.0, 0.4, 0.01, 0.02, "none: close the gap first"),
        (1.0415, 0.9, 0.9, 0.9, "none: find the fault first"),
        (0.9595, 0.9, 0.9, 0.9, "sequence weights"),
    ],
)
def test_the_verdict_follows_its_thresholds(mean, token, sequence, cut, words):
    found = verdict.Verdict(1000, mean, 0.01, token, sequence, cut)
    assert found.correction == words


def test_the_verdict_prices_each_level():
    log = causes.everything()["older weights"]
    found = verdict.judge(log, 1024)
    whole = torch.tensor(shares.cut(log, causes.TOKENS), dtype=torch.float64)
    weights = whole.exp().clamp(max=2)
    assert found.cut == pytest.approx((weights.mean() ** 2 / (weights**2).mean()).item())
    assert found.sequence == pytest.approx((-whole.var(correction=0)).exp().item())
    assert found.sequence < shares.effective_share(whole.tolist()), "256 replies miss the tail"
    assert found.token > 0.98


# What the page states


def test_the_calculators_agree_with_the_page():
    facts = calculator.facts()
    found = calculator.sample_budget()
    assert found["effective replies, sequence weights"].split(".")[0] in (facts["opening"], "38")
    assert round(float(found["effective replies, sequence weights"].split()[0])) == int(facts["opening"])
    assert found["half of the batch is left up to"] == f"{facts['half_length']} tokens"
    assert found["mean weight, if those are dropped"].startswith("0.38")
    assert facts["dropped_mean"] == f"{float(found['mean weight, if those are dropped']):.2f}"
    assert facts["cut_mean"] == f"{float(found['mean weight, if those are cut']):.2f}"
    assert round(float(found["effective replies, if those are cut"])) == int(facts["opening_cut"])
    assert calculator.opening() == pytest.approx(1024 * math.exp(-8192 * 0.0004))
    weight = stats.lognorm(s=math.sqrt(8192 * 0.0004), scale=math.exp(-8192 * 0.0002))
    cut = np.minimum(weight.ppf((np.arange(200_000) + 0.5) / 200_000), 3)
    assert calculator.opening_cut() == pytest.approx(1024 * cut.mean() ** 2 / (cut**2).mean(), rel=1e-3)


def test_a_pasted_log_is_judged():
    found = calculator.paste_log()
    replies = [json.loads(line) for line in calculator.DEFAULT.splitlines()]
    gaps = np.array([np.subtract(row["trainer"], row["sampler"]) for row in replies])
    assert found["spread of a token's log ratio"] == f"{gaps.std():.4f} nats"
    assert found["mean weight of a token"].startswith(f"{np.exp(gaps).mean():.4f} ±")
    weights = np.exp(gaps.sum(-1))
    share = min(weights.mean() ** 2 / (weights**2).mean(), math.exp(-gaps.sum(-1).var()))
    assert found["effective replies, sequence weights"] == f"{1024 * share:,.0f} of 1,024"
    assert found["supported"] == "sequence weights"
    assert calculator.paste_log(batch=100)["supported"] == "sequence weights, cut at 2"
    with pytest.raises(ValueError, match="log, line 2"):
        calculator.paste_log(LINE + "{}")


def test_figures_show_what_the_page_says():
    axes = causes.figure_shares().axes[0]
    assert [line.get_ydata()[-1] for line in axes.lines][::2] == [
        pytest.approx(shares.by_length(causes.everything()[name])[-1][1]) for name in causes.PLACES
    ]
    dots = choices.figure_crossing().axes[0].lines
    assert min(dots[0].get_ydata()) > 0 >= max(dots[1].get_ydata())
    flat, reverse, forward = penalties.figure_optima().axes[0].lines
    assert len(set(flat.get_ydata())) == 1
    assert reverse.get_ydata()[0] > forward.get_ydata()[0] and reverse.get_ydata()[17] < forward.get_ydata()[17]
    assert drawing.figure_policies().count("<rect") == 3
