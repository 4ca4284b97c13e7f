"""The simulator against queueing theory, SciPy and NumPy; the cost of a step against PyTorch's FLOP counter."""

import ast
import json
import math
import random
import sys
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from snippets.inference.batching import arrivals, blocking, calculator, latency, queues
from snippets.inference.batching import engine as batching_engine
from snippets.inference.batching import policies as batching_policies
from snippets.inference.batching import spread as batching_spread
from snippets.inference.batching.engine import H100_LLAMA3_8B
from snippets.inference.batching.simulator import Policy, simulate

traces = st.lists(st.tuples(st.floats(0, 2), st.integers(1, 60), st.integers(1, 12)), min_size=1, max_size=12)
policies = st.builds(
    Policy,
    slots=st.integers(1, 6),
    budget=st.integers(1, 100),
    chunk=st.integers(1, 50),
    hold=st.booleans(),
    wait=st.floats(0, 1),
)


def cost(batch):
    return 0.01 + 0.001 * sum(new for _, new in batch)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("exponential", [False, True])
def test_waits_lie_in_the_confidence_interval_of_the_closed_form(load, exponential):
    """20 batch means after a warm-up, each much longer than the queue's memory; SciPy's t interval."""
    waits = queues.waits(load, 84_000, exponential, seed=5)[4_000:]
    means = np.reshape(waits, (20, -1)).mean(axis=1)
    low, high = stats.t.interval(0.99, 19, loc=means.mean(), scale=stats.sem(means))
    textbook = {0.5: 1.0, 0.8: 4.0, 0.9: 9.0}[load] / (1 if exponential else 2)
    assert low < textbook < high
    assert (high - low) / textbook < 0.6, "an interval that wide proves nothing"
    assert queues.mean_wait(load, 1, float(exponential)) == pytest.approx(textbook)


def test_waits_of_an_m_m_1_queue_have_the_right_distribution():
    """P(no wait) is 1 - load, and a wait that happens is exponential with rate 1 - load: SciPy's KS test."""
    waits = np.array(queues.waits(0.5, 60_000, exponential=True, seed=2))[500::60]
    some = waits[waits > 1e-9]
    assert stats.binomtest(len(some), len(waits), 0.5).pvalue > 0.01
    assert stats.kstest(some, stats.expon(scale=2).cdf).pvalue > 0.01


def test_one_slot_is_lindleys_recursion():
    """W' = max(0, W + S - A), customer by customer, in NumPy."""
    trace = arrivals.poisson_trace(1.0, 400, seed=4)
    requests, _ = simulate(trace, Policy(slots=1), H100_LLAMA3_8B.seconds)
    service = np.array([r.finish - r.start for r in requests])
    apart, wait = np.diff([r.arrival for r in requests]), np.zeros(400)
    for i in range(399):
        wait[i + 1] = max(0.0, wait[i] + service[i] - apart[i])
    np.testing.assert_allclose([r.start - r.arrival for r in requests], wait, atol=1e-8)
    assert wait.max() > 1


def test_mean_wait_equals_the_textbook_number_in_system():
    """L = load + load² (1 + cv²) / (2 (1 - load)), as the LINE solver writes it; Little's law joins the two."""
    for load, mean, cv2 in ((0.3, 2.0, 0.0), (0.7, 0.5, 1.0), (0.95, 3.0, 4.0)):
        rate = load / mean
        inside = load + load**2 / (2 * (1 - load)) + load**2 * cv2 / (2 * (1 - load))
        assert rate * (queues.mean_wait(rate, mean, cv2) + mean) == pytest.approx(inside)
    with pytest.raises(ValueError, match="grows forever"):
        queues.mean_wait(2, 0.5, 1)


@settings(deadline=None, max_examples=60)
@given(trace=traces, policy=policies)
def test_littles_law_is_exact_on_every_run(trace, policy):
    """In fractions, so that equal means equal: area under the curve of the number inside, and sum of times."""
    exact = [(Fraction(arrival), prompt, output) for arrival, prompt, output in trace]
    unit, policy = Fraction(1, 1000), replace(policy, wait=Fraction(policy.wait))
    requests, steps = simulate(exact, policy, lambda batch: 10 * unit + unit * sum(n for _, n in batch))
    assert queues.area_in_system(requests) == sum(r.finish - r.arrival for r in requests)
    held = sum(s.sequences * (s.end - s.start) for s in steps)
    assert held == sum(r.finish - r.start for r in requests), "the log of steps counts the same"


@settings(deadline=None, max_examples=60)
@given(trace=traces, policy=policies)
def test_every_request_is_served_whole_once_and_in_order(trace, policy):
    requests, steps = simulate(trace, policy, cost)
    for r in requests:
        assert len(r.tokens) == r.output and r.computed == r.prompt + r.output - 1
        assert r.arrival <= r.start < r.tokens[0] and r.tokens == sorted(set(r.tokens))
        assert r.finish >= r.tokens[-1] and (policy.hold or r.finish == r.tokens[-1])
    assert sum(s.tokens for s in steps) == sum(r.computed for r in requests)
    assert all(s.sequences <= policy.slots and s.tokens <= policy.budget for s in steps)
    assert all(a.end <= b.start for a, b in pairwise(steps))
    starts = [r.start for r in requests]
    assert starts == sorted(starts), "first come, first served"


def test_a_held_batch_leaves_together_and_starts_full_or_after_the_wait():
    trace = [(0.0, 10, 3), (1.0, 10, 9), (5.0, 10, 1)]
    full, _ = simulate(trace, Policy(slots=2, hold=True, wait=100), cost)
    assert full[0].start == full[1].start == 1.0 and full[0].finish == full[1].finish
    timed, _ = simulate(trace, Policy(slots=2, hold=True, wait=0.5), cost)
    assert [r.start for r in timed] == [0.5, 1.5, 5.0]


def test_a_budget_serves_running_requests_first_and_cuts_prompts():
    requests, steps = simulate([(0.0, 1, 50), (0.03, 100, 1)], Policy(budget=10), cost)
    assert [s.tokens for s in steps[3:14]] == [10] * 11, "one token for the running one, nine of the prompt"
    assert max(b - a for a, b in pairwise(requests[0].tokens)) < 0.021
    assert requests[1].computed == 100


def test_parameters_of_llama_3_8b_are_counted_not_remembered():
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=128_256, hidden_size=4096, intermediate_size=14_336, num_hidden_layers=32,
            num_attention_heads=32, num_key_value_heads=8, head_dim=128, tie_word_embeddings=False,
        ))  # fmt: skip
    params = sum(p.numel() for p in model.parameters())
    assert H100_LLAMA3_8B.weights * 3.35e12 == pytest.approx(2 * params, rel=1e-12)
    assert H100_LLAMA3_8B.cached * 3.35e12 == pytest.approx(2 * 32 * 8 * 128 * 2)


def test_attention_costs_what_pytorchs_flop_counter_counts():
    """4·width FLOPs a pair and layer without a mask; the causal half of the pairs is what a step pays."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    q, k = torch.zeros(1, 4, 6, 8), torch.zeros(1, 4, 20, 8)  # 6 new tokens, 20 keys, width 32
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        torch.nn.functional.scaled_dot_product_attention(q, k, k)
    toy = batching_engine.engine(params=0, layers=1, width=32, kv_bytes=0, bandwidth=1.0, flops=1.0)
    assert toy.pair * 6 * 20 == counter.get_total_flops()
    pairs = toy.parts([(14, 6)])[1] / toy.pair
    assert pairs == pytest.approx(np.tril(np.ones((6, 20)), k=14).sum(), abs=6 / 2), "but for half the diagonal"


@settings(deadline=None, max_examples=60)
@given(prompt=st.integers(1, 2000), output=st.integers(1, 60))
def test_the_work_of_a_request_is_the_sum_over_its_steps(prompt, output):
    _, steps = simulate([(0.0, prompt, output)], Policy(), H100_LLAMA3_8B.seconds)
    total = steps[-1].end - output * H100_LLAMA3_8B.weights
    assert total == pytest.approx(H100_LLAMA3_8B.work(prompt, output), rel=1e-6)


def test_capacity_is_what_a_backlog_of_equal_requests_reaches():
    backlog = [(0.0, 512, 128)] * 512
    _, steps = simulate(backlog, Policy(slots=32), H100_LLAMA3_8B.seconds)
    work = H100_LLAMA3_8B.work(512, 128)
    assert 512 / steps[-1].end == pytest.approx(
        batching_engine.capacity(32, H100_LLAMA3_8B.weights, 128, work), rel=1e-6
    )


def test_one_at_a_time_the_engine_is_an_m_g_1_queue():
    trace = arrivals.poisson_trace(1.0, 20_000, seed=8, prompt=1024, output=2, spread=0.5)
    engine = H100_LLAMA3_8B
    times = np.array([row.output * engine.weights + engine.work(row.prompt, row.output) for row in trace])
    rate = 0.7 / times.mean()
    squeezed = [(row.arrival / rate, row.prompt, row.output) for row in trace]
    requests, _ = simulate(squeezed, Policy(slots=1), engine.seconds)
    waits = np.reshape([r.start - r.arrival for r in requests], (20, -1)).mean(axis=1)
    low, high = stats.t.interval(0.99, 19, loc=waits.mean(), scale=stats.sem(waits))
    assert low < queues.mean_wait(rate, times.mean(), times.var() / times.mean() ** 2) < high


def test_time_per_token_follows_the_load():
    for rate in (4, 12):
        row = batching_policies.under_load(rate, 1500)
        assert row.token == pytest.approx(row.theory, rel=0.15)


def test_burstier_traffic_of_the_same_load_waits_longer():
    first = []
    for burstiness in (1.0, 0.1):
        trace = arrivals.poisson_trace(16.0, 1200, seed=6, burstiness=burstiness)
        requests, _ = simulate(trace, Policy(slots=64), H100_LLAMA3_8B.seconds)
        first.append(latency.quantile(latency.first_token(requests), 0.99))
    assert first[1] > 1.5 * first[0]


def test_gaps_and_quantiles_agree_with_numpy():
    values = random.Random(1).choices(range(1000), k=137)
    for share in (0.01, 0.5, 0.9, 0.99, 1.0):
        assert latency.quantile(values, share) == np.quantile(values, share, method="inverted_cdf")


def test_arrivals_are_poisson_and_lengths_log_normal():
    trace = arrivals.poisson_trace(5.0, 4000, seed=3)
    apart = np.diff([row.arrival for row in trace])
    assert stats.kstest(apart, stats.expon(scale=1 / 5).cdf).pvalue > 0.01
    prompts = [row.prompt for row in trace]
    assert stats.kstest(prompts, stats.lognorm(0.8, scale=512).cdf).pvalue > 0.01
    bursty = np.diff([row.arrival for row in arrivals.poisson_trace(5.0, 4000, seed=3, burstiness=0.25)])
    assert bursty.std() / bursty.mean() == pytest.approx(2, rel=0.1), "1 / √burstiness, by vLLM's documents"
    assert bursty.mean() == pytest.approx(apart.mean(), rel=0.1)


@settings(deadline=None, max_examples=60)
@given(trace=st.lists(st.tuples(st.floats(0, 9), st.integers(1, 3000), st.integers(1, 9)), min_size=1, max_size=8))
def test_a_trace_survives_its_file_and_has_the_form_of_vllms_client(trace):
    text = arrivals.trace_lines(trace)
    rows = [json.loads(line) for line in text.splitlines()]
    assert [set(r) for r in rows] == [{"timestamp", "input_length", "output_length", "hash_ids"}] * len(trace)
    assert [r["timestamp"] for r in rows] == sorted(r["timestamp"] for r in rows)
    assert all(len(r["hash_ids"]) == math.ceil(r["input_length"] / 512) for r in rows)
    assert max(Counter(i for r in rows for i in r["hash_ids"]).values()) == 1, "no prefix is shared"


def test_a_trace_file_reads_back_bit_for_bit(tmp_path):
    trace = arrivals.poisson_trace(7.0, 50, seed=9)
    arrivals.save_trace(tmp_path / "trace.jsonl", trace)
    assert arrivals.load_trace(tmp_path / "trace.jsonl") == trace


def test_one_long_prompt_stalls_everybody_and_pieces_bound_the_stall():
    seen = {name: blocking.measure(policy)[0] for name, policy in blocking.POLICIES.items()}
    quiet, _ = blocking.measure(Policy(), long_prompts=False)
    gap = {name: max(latency.gaps(chats)) for name, chats in seen.items()}
    token = {name: latency.quantile(latency.per_token(c), 0.99) for name, c in seen.items()}
    first = {name: latency.quantile(latency.first_token(c), 0.99) for name, c in seen.items()}
    assert gap["whole prompts"] > 1.6 and token["whole prompts"] == pytest.approx(0.0291, rel=0.02)
    assert token["whole prompts"] > 3.5 * latency.quantile(latency.per_token(quiet), 0.99)
    assert gap["budget 2048"] < gap["whole prompts"] / 10 and gap["budget 512"] < gap["whole prompts"] / 40
    assert token["budget 2048"] > 0.95 * token["whole prompts"], "the mean hides it"
    assert token["budget 128"] < token["budget 512"] < 0.85 * token["whole prompts"]
    p99 = latency.quantile(latency.gaps(seen["whole prompts"]), 0.99)
    assert p99 < 0.03, "fewer than one gap in a hundred is the stall"
    assert first["budget 2048"] > 1.5 and first["2048, piece 1024"] < 0.4


def test_the_stall_does_not_depend_on_how_memory_and_arithmetic_overlap():
    requests, _ = simulate(blocking.scene(), Policy(), H100_LLAMA3_8B.bound)
    cut, _ = simulate(blocking.scene(), Policy(budget=512), H100_LLAMA3_8B.bound)
    whole, pieces = (max(latency.gaps([r for r in run if r.prompt != blocking.LONG])) for run in (requests, cut))
    assert whole > 1.6 and pieces < 0.045


def test_the_calculator_agrees_with_the_engine():
    result = calculator.load_latency(rate=12.0, prompt=512, output=128)
    work = H100_LLAMA3_8B.work(512, 128)
    assert result["time per token"] == f"{H100_LLAMA3_8B.weights / (1 - 12 * work) * 1e3:,.1f} ms"
    assert result["most with any number of slots"] == f"{1 / work:,.1f} req/s"
    alone = 128 * H100_LLAMA3_8B.weights + work
    slow = calculator.load_latency(rate=1.0, prompt=512, output=128, slots=8)
    assert slow["mean wait one at a time"] == f"{queues.mean_wait(1.0, alone, 0.9) * 1e3:,.0f} ms"
    over = calculator.load_latency(rate=500.0)
    assert over["time per token"] == "overloaded" and not over["lines"]["points"]


def test_the_spread_of_lengths_is_in_the_mean_work():
    """Against a million pairs of lengths that NumPy draws."""
    rng, mean, spread = np.random.default_rng(0), (16_000, 400), 0.8
    prompt, output = (rng.lognormal(math.log(m) - spread**2 / 2, spread, 1_000_000) for m in mean)
    drawn = H100_LLAMA3_8B.work(prompt, output).mean()
    assert batching_spread.spread_work(H100_LLAMA3_8B, *mean, spread) == pytest.approx(drawn, rel=0.01)
    assert batching_spread.spread_work(H100_LLAMA3_8B, *mean, 0) == H100_LLAMA3_8B.work(*mean)
    even = calculator.load_latency(rate=0.8, prompt=mean[0], output=mean[1])
    assert even["load"] == batching_spread.facts()["load_even"]


@pytest.mark.parametrize("slots", [1, 4, 4096])
@pytest.mark.parametrize("rate", [0.01, 0.5])
def test_the_calculator_draws_within_its_bounds(slots, rate):
    lines = calculator.load_latency(rate=rate, slots=slots, output=2)["lines"]
    assert all(x > 0 and 0 < y < math.inf for series in lines["series"].values() for x, y in series)


def test_what_the_browser_runs_needs_the_standard_library_alone():
    tree = ast.parse(Path(calculator.__file__).read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert names <= sys.stdlib_module_names
