"""Laws against enumeration in fractions, SciPy and the sampler of `transformers`; speed against published numbers and counted FLOPs."""

import ast
import itertools
import math
import re
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.generation.utils import _speculative_sampling

from snippets.inference.speculative_decoding import batch, calculator, mistakes, model, schedule, speed
from snippets.inference.speculative_decoding import chisquare as samples
from snippets.inference.speculative_decoding import enumeration as exact
from snippets.inference.speculative_decoding import verification as core


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Models this small run many times slower on several threads of a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def laws(size: int) -> st.SearchStrategy[list[Fraction]]:
    """Laws over `size` tokens with small whole weights, zeros included."""
    all_weights = st.integers(1, 6**size - 1)  # digits to base 6: one draw instead of many
    weights = all_weights.map(lambda n: [n // 6**i % 6 for i in range(size)])
    return weights.map(lambda w: [Fraction(x, sum(w)) for x in w])


def power(target: exact.Chain, start: int, length: int) -> exact.Law:
    """The target's law by multiplying along each text, without any code of ours."""
    texts = itertools.product(range(len(target)), repeat=length)
    law = {t: math.prod((target[a][b] for a, b in itertools.pairwise((start, *t))), start=Fraction(1)) for t in texts}
    return {t: p for t, p in law.items() if p}  # fmt: skip


@settings(deadline=None, max_examples=20)
@given(data=st.data(), k=st.integers(0, 3))
def test_the_law_of_four_tokens_is_exactly_the_targets(data, k):
    target, draft = ([data.draw(laws(3)) for _ in range(3)] for _ in range(2))
    steps = {x: exact.step_law(target, draft, x, k) for x in range(3)}
    assert exact.text_law(steps.__getitem__, 0, 4) == power(target, 0, 4)


@settings(max_examples=50)
@given(p=laws(5), q=laws(5))
def test_kept_and_refilled_add_up_to_p_and_keep_the_overlap(p, q):
    kept, refilled = exact.rejection(p, q)
    assert [a + b for a, b in zip(kept, refilled, strict=True)] == p
    assert sum(kept) == sum(map(min, p, q)) == 1 - sum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2


def test_no_rule_with_the_right_law_keeps_more():
    """A linear program over all rules of one position finds no better one: SciPy's, not ours."""
    from scipy.optimize import linprog

    p, q = (chain[0] for chain in core.chains())
    # variables: probability that x is proposed and kept, and that x is put in after a rejection
    n = len(p)
    equal = np.hstack([np.eye(n), np.eye(n)])  # kept + refilled = p
    best = linprog(-np.r_[np.ones(n), np.zeros(n)], A_eq=equal, b_eq=p, bounds=[(0, x) for x in q] + [(0, None)] * n)
    assert -best.fun == pytest.approx(core.acceptance(p, q))  # fmt: skip


@pytest.mark.parametrize("k", [1, 2, 4])
def test_samples_agree_with_scipy_and_mistakes_do_not(k):
    assert samples.goodness(core.verify, 3000, k)[1] > 0.01
    assert samples.goodness(samples.by_argmax, 2000, k)[1] < 1e-20
    assert samples.goodness(samples.from_target, 3000, k)[1] < 1e-9


def test_the_sampler_of_transformers_emits_the_same_steps():
    """Whole steps, as lists of one to three tokens, ours and theirs, in one contingency table."""
    target, draft = core.chains()
    rng, counts = np.random.default_rng(5), {}
    torch.manual_seed(5)
    for _ in range(1500):
        guess = [int(rng.choice(4, p=draft[0]))]
        guess.append(int(rng.choice(4, p=draft[guess[0]])))
        states = [0, *guess]
        ours = core.verify(guess, draft[states[:-1]], target[states], rng)
        logits = [torch.from_numpy(np.log(x))[None] for x in (draft[states[:-1]], target[states])]
        theirs, _ = _speculative_sampling(torch.tensor([guess]), logits[0], 2, logits[1])
        for column, tokens in enumerate((ours, theirs[0].tolist())):
            counts.setdefault(tuple(tokens), [0, 0])[column] += 1
    common = [c for c in counts.values() if sum(c) >= 10]
    assert len(common) > 25
    assert chi2_contingency(common).pvalue > 0.01


def test_argmax_acceptance_shifts_the_law_as_the_page_says():
    target, draft = exact.chains()
    p, q = target[1], draft[1]
    m = p.index(max(p))
    law = exact.step_law([p] * 3, [q] * 3, 0, 1, mistakes.by_argmax)
    first = [sum(x for tokens, x in law.items() if tokens[0] == y) for y in range(3)]
    assert first[m] == q[m] + (1 - q[m]) * p[m] > p[m]
    assert sum(abs(a - b) for a, b in zip(first, p, strict=True)) / 2 == q[m] * (1 - p[m])


@given(p=st.integers(0, 3), q=laws(4))
def test_for_a_greedy_target_argmax_acceptance_is_right(p, q):
    one = [Fraction(int(x == p)) for x in range(4)]
    kept, refilled = mistakes.by_argmax(one, q)
    assert [a + b for a, b in zip(kept, refilled, strict=True)] == one


def test_every_mistake_is_farther_from_the_target_than_zero(capsys):
    mistakes.example_laws()
    right, *wrong = capsys.readouterr().out.splitlines()[1:]
    assert right.count("exactly 0") == 4
    distances = [[float(x) for x in re.findall(r"\d\.\d{4}", line)] for line in wrong]
    assert all(len(row) == 4 and min(row) > 0.1 for row in distances)
    assert min(distances[2]) > max(distances[0]), "the wrong q is the worst"


def test_the_wrong_q_shifts_samples_as_the_enumeration_says():
    """The sampler itself, fed with the softmax of a draft that took its favorite."""
    p, q = np.array([0.2, 0.5, 0.3]), np.array([0.5, 0.3, 0.2])
    rng = np.random.default_rng(2)
    seen = [core.verify([0], q[None], np.stack([p, p]), rng)[0] for _ in range(4000)]
    tenths = ([Fraction(n, 10) for n in law] for law in ((2, 5, 3), (5, 3, 2)))
    kept, refilled = mistakes.greedy_unreported(*tenths)
    law = np.array([float(a + b) for a, b in zip(kept, refilled, strict=True)])
    assert chisquare(np.bincount(seen), law * 4000).pvalue > 0.01
    assert chisquare(np.bincount(seen), p * 4000).pvalue < 1e-20


def test_a_favorite_draft_is_kept_with_the_probability_of_its_favorite():
    p, q = (chain[2] for chain in core.chains())
    one_hot = np.eye(4)[q.argmax()]
    rng = np.random.default_rng(0)
    seen = [core.verify([int(q.argmax())], one_hot[None], np.stack([p, p]), rng) for _ in range(3000)]
    assert np.mean([len(s) == 2 for s in seen]) == pytest.approx(p[q.argmax()], abs=0.03)
    assert chisquare(np.bincount([s[0] for s in seen], minlength=4), p * 3000).pvalue > 0.01


@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("alpha", [Fraction(1, 2), Fraction(4, 5), Fraction(1)])
def test_expected_tokens_are_the_mean_of_the_enumerated_law(alpha, k):
    p = [Fraction(1), Fraction(0)]
    q = [alpha, 1 - alpha]  # overlap alpha at every position
    law = exact.step_law([p] * 2, [q] * 2, 0, k)
    assert float(exact.mean_length(law)) == pytest.approx(speed.expected_tokens(float(alpha), k))


def test_a_sampled_chain_yields_the_enumerated_mean():
    target, draft = core.chains()
    out, passes = core.generate(target, draft, 0, 8000, 4, np.random.default_rng(1))
    pair = [[[Fraction(x).limit_denominator(100) for x in row] for row in c] for c in (target, draft)]
    after = np.array([float(exact.mean_length(exact.step_law(*pair, x, 4))) for x in range(4)])
    assert after.min() < len(out) / passes < after.max()


@given(alpha=st.floats(0.01, 0.99), cost=st.floats(0.001, 0.99))
def test_one_guess_pays_if_it_is_kept_more_often_than_it_costs(alpha, cost):
    assert (speed.speedup(alpha, 1, cost) > 1) == (alpha > cost) or abs(alpha - cost) < 1e-9
    assert speed.speedup(alpha, speed.best_length(alpha, cost), cost) >= speed.speedup(alpha, 3, cost)


@pytest.mark.parametrize(("alpha", "k", "cost", "printed"), [(0.75, 7, 0.02, 3.2), (0.82, 7, 0.11, 2.5)])
def test_speedups_printed_by_leviathan_and_others(alpha, k, cost, printed):
    assert speed.speedup(alpha, k, cost) == pytest.approx(printed, abs=0.05)


def test_greedy_text_with_a_draft_is_the_targets_text(capsys):
    model.example_assisted()
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[-1] for row in rows[2:]] == ["True"] * 4
    passes = [int(re.search(r"(\d+)\s+\d\.\d\d", row)[1]) for row in rows[1:]]
    assert passes[0] == 64 and passes[1] == 13 and passes == [passes[0], *sorted(passes[1:])]


def test_a_pass_is_as_long_as_its_bytes_and_flops():
    """FLOPs of matrices and attention against PyTorch's counter, on a Llama whose head group is 4."""
    config = LlamaConfig(
        vocab_size=64, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=8,
        num_key_value_heads=2, attn_implementation="eager",
    )  # fmt: skip
    llama = LlamaForCausalLM(config).eval()
    tokens, context = 5, 400
    with torch.no_grad():
        cache = llama(torch.zeros(1, context - tokens, dtype=torch.long), use_cache=True).past_key_values
        with FlopCounterMode(display=False) as counter:
            llama(torch.zeros(1, tokens, dtype=torch.long), past_key_values=cache)
    params = sum(p.numel() for n, p in llama.named_parameters() if "embed" not in n and "norm" not in n)
    ours = batch.Model(params, 2 * 3 * 2 * 16 * 2, group=4)
    busy = batch.Chip(peak=1.0, bandwidth=1e30)  # nothing waits for memory: seconds are FLOPs
    assert batch.pass_seconds(ours, busy, 1, tokens, context) == pytest.approx(counter.get_total_flops(), rel=1e-6)
    idle = batch.Chip(peak=1e30, bandwidth=1.0)  # nothing waits for arithmetic: seconds are bytes
    held = sum(t.nbytes for layer in cache.layers for t in (layer.keys, layer.values)) / 2  # fp32 to bf16
    assert batch.pass_seconds(ours, idle, 1, 1, context) == 2 * params + held


def test_shapes_of_llama_are_counted_not_remembered():
    with torch.device("meta"):
        config = LlamaConfig(
            vocab_size=128_256, hidden_size=8192, intermediate_size=28_672, num_hidden_layers=80,
            num_attention_heads=64, num_key_value_heads=8, head_dim=128, tie_word_embeddings=False,
        )  # fmt: skip
        large = LlamaForCausalLM(config)
        small = LlamaForCausalLM(LlamaConfig(
            vocab_size=128_256, hidden_size=4096, intermediate_size=14_336, num_hidden_layers=32,
            num_attention_heads=32, num_key_value_heads=8, head_dim=128, tie_word_embeddings=False,
        ))  # fmt: skip
    assert sum(p.numel() for p in large.parameters()) == batch.LLAMA3_70B.params
    assert sum(p.numel() for p in small.parameters()) == batch.LLAMA3_8B.params
    layer = sum(p.numel() for p in large.model.layers[0].parameters())
    assert layer + large.lm_head.weight.numel() == batch.ONE_LAYER.params
    assert config.num_attention_heads // config.num_key_value_heads == batch.LLAMA3_70B.group


def test_checking_is_free_until_the_chip_is_busy_and_then_loses():
    chip, target = batch.EIGHT_H100, batch.LLAMA3_70B
    free = int(batch.tokens_until_busy(target, chip)) // 5
    step, check = (batch.pass_seconds(target, chip, free, n, 0) for n in (1, 5))
    assert step == check < batch.pass_seconds(target, chip, free + 1, 5, 0)
    gains = [batch.speedup_under_load(0.8, 4, target, batch.LLAMA3_8B, chip, b, 1024) for b in range(1, 300)]
    assert all(b < a + 1e-12 for a, b in itertools.pairwise(gains))
    assert gains[0] > 2.3 and gains[191] > 1 > gains[192]


def test_a_schedule_covers_every_batch_and_never_grows():
    ranges = schedule.schedule(0.8, batch.LLAMA3_70B, batch.ONE_LAYER, batch.EIGHT_H100, 1024, 256)
    assert ranges[0][0] == 1 and ranges[-1][1] == 256
    assert all(a[1] + 1 == b[0] and a[2] > b[2] for a, b in itertools.pairwise(ranges))
    page = Path("docs/inference/speculative-decoding.md").read_text(encoding="utf-8")
    assert str([list(r) for r in ranges]) in page, "the command on the page is this schedule"


def test_experts_that_wake_agree_with_a_simulation():
    rng = np.random.default_rng(0)
    for tokens in (2, 64):
        woken = [len(set(np.concatenate([rng.permutation(256)[:8] for _ in range(tokens)]))) for _ in range(200)]
        assert np.mean(woken) / 256 == pytest.approx(schedule.experts_read(256, 8, tokens), rel=0.01)


def test_with_experts_one_guess_gains_least_at_a_few_sequences_and_as_in_a_dense_model_beyond_a_hundred():
    """Counted again from DeepSeek-V3's shapes: attention, shared, dense, router, head and norms; 58 layers of 256 experts."""
    rank = 1536 * (7168 + 1 + 128 * 192) + 7168 * 576 + 512 + 512 * 128 * 256 + 128 * 128 * 7168
    expert = 3 * 7168 * 2048
    fixed = 61 * rank + 58 * (expert + 256 * 7168) + 3 * 3 * 7168 * 18_432 + 129_280 * 7168 + 123 * 7168
    assert fixed == pytest.approx(16.2e9, rel=1e-3)
    assert schedule.parameters_read(schedule.V3, 1) == pytest.approx(36.6e9, rel=2e-3), "as published"
    assert schedule.parameters_read(schedule.MTP, 1) == pytest.approx(1.5e9, rel=0.02), "as published"
    for tokens in (2, 64):
        read = fixed + 58 * 256 * expert * (1 - (31 / 32) ** tokens)
        assert schedule.parameters_read(schedule.V3, tokens) == pytest.approx(read)
    gains = [schedule.guess_gain(0.85, batch) for batch in (1, 2, 4, 8, 16, 32, 64)]
    assert gains == pytest.approx([1.17, 1.09, 1.05, 1.07, 1.17, 1.35, 1.61], abs=0.01)
    free = speed.speedup(0.85, 1, 0.041)
    assert all(1 < schedule.guess_gain(0.85, batch) < free for batch in range(1, 101))
    assert schedule.guess_gain(0.85, 200) > free


def test_the_mean_of_mixed_text_depends_on_what_is_counted():
    """Steps drawn by NumPy: each emits up to the first rejection, and one more."""
    rng = np.random.default_rng(0)
    slow, fast = (1 + np.cumprod(rng.random((40_000, 4)) < a, axis=1).sum(axis=1) for a in (0.6, 0.95))
    facts = speed.facts()
    assert np.mean([slow, fast]) == pytest.approx(float(facts["mixed"]), rel=0.01)
    tokens = 80_000  # of each kind
    steps = [np.searchsorted(np.cumsum(kind), tokens) + 1 for kind in (slow, fast)]
    assert 2 * tokens / sum(steps) == pytest.approx(float(facts["mixed_tokens"]), rel=0.01)
    assert steps[0] / sum(steps) == pytest.approx(2 / 3, abs=0.01)


def test_deepseeks_counts_without_the_embedding():
    """Active parameters from the published shape: layers, and the output head, as its makers count now."""
    width, heads, expert = 7168, 128, 3 * 7168 * 2048
    attention = width * (1536 + 512 + 64) + 1536 * heads * 192 + 512 * heads * 256 + heads * 128 * width
    head, mixture = 129_280 * width, 9 * expert + 256 * width
    active = 61 * attention + 3 * 3 * width * 18_432 + 58 * mixture + head
    assert active / 1e9 == pytest.approx(36.6, abs=0.05)
    module = attention + mixture + 2 * width * width + head
    assert speed.speedup(0.875, 1, module / active) == pytest.approx(speed.speedup(0.875, 1, 1.5 / 36.6), rel=0.005)


def test_shares_that_the_last_question_names():
    assert [round((speed.expected_tokens(0.8, k) - 1) / k, 2) for k in (4, 8)] == [0.59, 0.42]


def test_the_calculator_agrees_with_the_page():
    result = calculator.speculative()
    assert result["speed-up with drafts of 4"] == f"{speed.speedup(0.8, 4, 0.05):.2f}×"
    assert result["verifying is free up to"] == f"{batch.facts()['busy_batch']} sequences"
    assert calculator.speculative(batch=2048, context=0)["best draft length"] == "0: do not speculate"
    assert calculator.speculative(length=0)["speed-up with drafts of 0"] == "1.00×"
    for chip in calculator.CHIPS:
        assert calculator.speculative(chip=chip, acceptance=0.0)["tokens per step of the target"] == "1.00"


@pytest.mark.parametrize("module", [calculator, speed, batch, exact])
def test_what_needs_the_standard_library_alone(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert names <= sys.stdlib_module_names
