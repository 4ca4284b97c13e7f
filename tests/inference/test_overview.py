"""Shapes against transformers' own modules, arithmetic against PyTorch's counter and published examples, plans against a simulation."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)

from snippets.inference.overview import goodput, worked_example, workload
from snippets.inference.overview import latency as overview
from snippets.inference.overview.calculator import serving_planner
from snippets.inference.overview.load import Load, sequences_that_fit, token_seconds
from snippets.inference.overview.planner import LLAMA, LOADS, Choice, dollars_per_million, largest_batch, plan
from snippets.inference.overview.setup import Setup, link_seconds, sequence_bytes, weight_bytes
from snippets.inference.overview.sizes import SERVED
from snippets.inference.overview.step_time import decode_step, pairs, prefill_flops, prefill_seconds
from snippets.shapes.accelerators import ACCELERATORS, Accelerator
from snippets.shapes.models import Shape, active_params, attention_params, cache_bytes, parameters


def dense(layers, hidden, heads, kv_heads, width):
    return LlamaConfig(
        num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads, num_key_value_heads=kv_heads,
        intermediate_size=width, vocab_size=128_256, tie_word_embeddings=False,
    )  # fmt: skip


REFERENCE = {
    "Llama 3 8B": (LlamaForCausalLM, dense(32, 4096, 32, 8, 14_336)),
    "Llama 3 70B": (LlamaForCausalLM, dense(80, 8192, 64, 8, 28_672)),
    "Llama 3.1 405B": (LlamaForCausalLM, dense(126, 16_384, 128, 8, 53_248)),
    "Qwen3 32B": (Qwen3ForCausalLM, Qwen3Config(
        num_hidden_layers=64, hidden_size=5120, num_attention_heads=64, num_key_value_heads=8, head_dim=128,
        intermediate_size=25_600, vocab_size=151_936,
    )),
    "Qwen3 235B-A22B": (Qwen3MoeForCausalLM, Qwen3MoeConfig(
        num_hidden_layers=94, hidden_size=4096, num_attention_heads=64, num_key_value_heads=4, head_dim=128,
        moe_intermediate_size=1536, num_experts=128, num_experts_per_tok=8, vocab_size=151_936,
    )),
    # the library's defaults are these two and gpt-oss-120b
    "Mixtral 8x7B": (MixtralForCausalLM, MixtralConfig()),
    "DeepSeek-V3": (DeepseekV3ForCausalLM, DeepseekV3Config()),
    "gpt-oss-120b": (GptOssForCausalLM, GptOssConfig()),
}  # fmt: skip


@pytest.mark.parametrize("name", SERVED)
def test_parameters_are_those_of_transformers_module_to_the_last_one(name):
    kind, config = REFERENCE[name]
    with torch.device("meta"):
        model = kind(config)
    assert parameters(SERVED[name]) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "billions", "digits"),
    [("DeepSeek-V3", 37, 0), ("Qwen3 235B-A22B", 22, 0), ("Mixtral 8x7B", 13, 0), ("gpt-oss-120b", 5.13, 2)],
)
def test_active_parameters_are_what_the_makers_publish(name, billions, digits):
    assert round(active_params(SERVED[name]) / 1e9, digits) == billions


@pytest.mark.parametrize(("name", "size"), [("Llama 3.1 405B", 516_096), ("DeepSeek-V3", 70_272)])
def test_cache_per_token_is_what_the_deepseek_paper_prints(name, size):
    assert cache_bytes(SERVED[name], 1) == size


def test_half_the_layers_of_gpt_oss_stop_at_128_tokens():
    m = SERVED["gpt-oss-120b"]
    assert cache_bytes(m, 128) == 36 * 128 * 2 * 8 * 64 * 2
    assert cache_bytes(m, 8192) == 18 * (8192 + 128) * 2 * 8 * 64 * 2


@pytest.mark.parametrize(("name", "tokens"), [("Llama 3 8B", 64), ("Qwen3 32B", 48)])
def test_prefill_arithmetic_is_what_pytorch_counts(name, tokens):
    """PyTorch's counter counts attention without the mask: all pairs, where ours counts the causal ones."""
    m = replace(SERVED[name], layers=2)
    kind, config = REFERENCE[name]
    config = type(config)(**{**config.to_dict(), "num_hidden_layers": 2, "layer_types": None})
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        kind(config)(torch.zeros(1, tokens, dtype=torch.long))
    norms = m.hidden * (2 * m.layers + 1) + (2 * m.head_dim * m.layers if m.qk_norm else 0)
    attention = prefill_flops(m, tokens) - 2 * active_params(m) * tokens
    assert attention == 4 * m.heads * m.head_dim * pairs(m, tokens)
    unmasked = attention * tokens * tokens * m.layers // pairs(m, tokens)
    assert counter.get_total_flops() == 2 * (active_params(m) - norms) * tokens + unmasked


def test_prefill_arithmetic_of_a_latent_is_what_pytorch_counts():
    """DeepSeek's attention as transformers runs it in prefill: keys and values rebuilt, no expert."""
    m = Shape(2, 256, 4, 1, 32, 512, 128, latent=64, rope=16, query_latent=48, value_dim=24)
    config = DeepseekV3Config(
        num_hidden_layers=2, hidden_size=256, num_attention_heads=4, num_key_value_heads=4, vocab_size=128,
        intermediate_size=512, first_k_dense_replace=2, kv_lora_rank=64, q_lora_rank=48, qk_rope_head_dim=16,
        qk_nope_head_dim=32, v_head_dim=24, attn_implementation="eager",
    )  # fmt: skip
    tokens = 40
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = DeepseekV3ForCausalLM(config)
        model(torch.zeros(1, tokens, dtype=torch.long))
    assert parameters(m) == sum(p.numel() for p in model.parameters())
    norms = m.hidden * (2 * m.layers + 1) + m.layers * (m.latent + m.query_latent)
    attention = prefill_flops(m, tokens) - 2 * active_params(m) * tokens
    unmasked = attention * tokens * tokens * m.layers // pairs(m, tokens)
    assert counter.get_total_flops() == pytest.approx(2 * (active_params(m) - norms) * tokens + unmasked, rel=1e-3)


def test_a_latent_is_attended_as_it_is_cached():
    """Decode: scores over latent and rotary key, values over the latent, for every head."""
    chip = replace(ACCELERATORS["H100"], memory_tb_s=1e6)
    s = Setup(SERVED["DeepSeek-V3"], chip, compute_share=1.0)
    flops = decode_step(s, 3, 1000).attention * chip.bf16_tflops * 1e12
    assert flops == pytest.approx(3 * 61 * 1000 * 128 * 2 * (512 + 64 + 512))


def test_every_accelerator_holds_the_attention_of_a_latent_model():
    m = SERVED["DeepSeek-V3"]
    one, eight = (weight_bytes(Setup(m, ACCELERATORS["H200"], n, "8-bit")) for n in (1, 8))
    assert eight - one == 7 * 61 * attention_params(m)
    dense = [weight_bytes(Setup(SERVED["Llama 3 8B"], ACCELERATORS["H200"], n)) for n in (1, 8)]
    assert dense[0] == dense[1]


@settings(max_examples=40)
@given(prompt=st.integers(1, 60), window=st.integers(1, 60))
def test_pairs_are_those_of_a_mask(prompt, window):
    m = replace(SERVED["gpt-oss-120b"], layers=3, window_layers=2, window=window)
    i, j = np.indices((prompt, prompt))
    full, near = (j <= i).sum(), ((j <= i) & (i - j < window)).sum()
    assert pairs(m, prompt) == full + 2 * near


@pytest.mark.parametrize("batch", [1, 8, 64])
def test_the_share_of_experts_that_a_batch_reads_is_that_of_random_routing(batch):
    m = SERVED["Qwen3 235B-A22B"]
    s = Setup(m, ACCELERATORS["H100"])
    routed = 2 * (parameters(m) - parameters(m, 0))
    share = (weight_bytes(s, batch) - 2 * (parameters(m, 0) - m.vocab * m.hidden)) / routed
    rng = np.random.default_rng(0)
    seen = [len({e for _ in range(batch) for e in rng.choice(m.experts, m.active, replace=False)}) for _ in range(200)]
    assert share == pytest.approx(np.mean(seen) / m.experts, rel=0.02)


def test_a_ring_moves_what_the_link_model_says():
    """A ring all-reduce step by step: every member passes one of n chunks on, 2(n - 1) times."""
    chips, tokens, m = 4, 16, SERVED["Llama 3 8B"]
    size = tokens * m.hidden * 2
    sent = sum(size / chips for _ in range(2 * (chips - 1)))
    s = Setup(m, replace(ACCELERATORS["H100"], link_gb_s=1.0), chips, hop_us=0.0)
    assert link_seconds(s, tokens) == pytest.approx(2 * m.layers * sent / 1e9)
    assert link_seconds(replace(s, chips=1), tokens) == 0


ROUND = {
    "compute_share": 1.0,
    "bandwidth_share": 1.0,
    "memory_share": 1.0,
    "node": 64,
    "hop_us": 0.0,
    "split_users": True,
}
CASES = [json.loads(line) for line in Path("tests/published/inference/cases.jsonl").read_text().splitlines()]


def book(weights="8-bit", chips=8, tb_s=0.82, heads=64, kv_heads=8):
    """Llama 3 70B as the scaling book rounds it: 70e9 parameters, 160 kB per token in int8."""
    m = Shape(80, 8192, heads, kv_heads, 125, 0, 0)
    m = replace(m, width=(70_000_000_000 - parameters(m)) // (3 * 8192 * 80))
    assert parameters(m) == pytest.approx(70e9, rel=1e-4)
    return Setup(m, Accelerator(197, 394, 16, tb_s, 1e9), chips, weights, "8-bit", **ROUND)


def published(family):
    return [pytest.param(case, id=case["id"]) for case in CASES if case["family"] == family]


def within(case, got):
    tolerance = case["tolerance"]
    assert got == pytest.approx(case["expected"], **{tolerance["kind"]: tolerance["value"]})


@pytest.mark.parametrize("case", published("decode-step"))
def test_published_decode_steps(case):
    x = case["inputs"]
    s = book(chips=x["chips"], tb_s=x["hbm_bw"] / 1e12)
    step = decode_step(s, x["batch"], x["context"])
    held = weight_bytes(s) + x["batch"] * cache_bytes(s.model, x["context"], 1.0)
    assert cache_bytes(s.model, 1, 1.0) == x["kv_bytes_per_token"]
    within(case, [held / 1e9, step.seconds * 1e3])


@pytest.mark.parametrize("case", published("decode-throughput"))
def test_published_decode_throughput(case):
    x = case["inputs"]
    rate = Choice(x["chips"], x["batch"], "", tpot=x["step_s"]).tokens_s
    within(case, [rate, rate / x["chips"]])


@pytest.mark.parametrize("case", published("min-chips"))
def test_published_fewest_chips(case):
    names = {2: "bf16", 1: "8-bit"}
    got = [weight_bytes(book(names[b])) / case["inputs"]["hbm"] for b in case["inputs"]["bytes"]]
    within(case, got)
    sizes = [plan(book(names[b]), Load(2048, 256, 60.0, 60.0), 32) for b in case["inputs"]["bytes"]]
    assert [next(c.chips for c in size if c.batch) for size in sizes] == [16, 8]


@pytest.mark.parametrize("case", published("qps-per-chip"))
def test_published_queries_per_second(case):
    x = case["inputs"]
    rate = Choice(x["chips"], x["batch"], "", tpot=x["step_s"]).tokens_s / x["decode_len"]
    within(case, rate / x["chips"])


def test_the_book_holds_43_users_in_bf16_and_as_many_in_int8():
    """A table of the book says 52 for int8, 67 for int4: there is more than the chips leave beside the weights."""
    half = replace(book("bf16", 16), cache="bf16")
    assert sequences_that_fit(half, 8192) == sequences_that_fit(book(), 8192) == 44  # at 160 kB
    facts = worked_example.facts()
    assert facts["users_int8"] == facts["users_int4"] == "43"  # at the book's 162 and 81 kB
    assert facts["users_exact"] == "42"  # 70.6 billion parameters, 163,840 bytes


@pytest.mark.parametrize(("batch", "ms"), [(4, 2.5), (256, 21)])
def test_the_general_step_time_of_the_book(batch, ms):
    """30 billion parameters in int8 on 16 TPU v5e, 100 kB per token, 8,192 tokens of context."""
    m = Shape(50, 8000, 64, 8, 125, 19_000, 0)
    assert parameters(m) == pytest.approx(30e9, rel=1e-4) and cache_bytes(m, 1, 1.0) == 100e3
    s = Setup(m, Accelerator(197, 394, 16, 0.81, 1e9), 16, "8-bit", "8-bit", **ROUND)
    assert decode_step(s, batch, 8192).seconds * 1e3 == pytest.approx(ms, abs=0.1)


@pytest.mark.parametrize(
    ("kv_heads", "batch", "ms", "rate"),
    [(40, 1, 4.98, 200.61), (40, 16, 20.30, 787.99), (40, 240, 249.09, 963.53), (8, 1, 4.17, 239.94),
     (8, 64, 17.04, 3756.62), (8, 240, 52.99, 4529.34)],
)  # fmt: skip
def test_llama_2_13b_on_eight_tpus_as_the_book_tabulates_it(kv_heads, batch, ms, rate):
    m = Shape(40, 5120, 40, kv_heads, 128, 0, 0)
    m = replace(m, width=(13_000_000_000 - parameters(m)) // (3 * 5120 * 40))
    s = Setup(m, Accelerator(197, 394, 16, 0.82, 1e9), 8, **ROUND)
    seconds = decode_step(s, batch, 8192).seconds
    assert seconds * 1e3 == pytest.approx(ms, rel=0.005)
    assert batch / seconds == pytest.approx(rate, rel=0.005)


@settings(deadline=None, max_examples=30)
@given(
    name=st.sampled_from(sorted(SERVED)),
    chip=st.sampled_from(sorted(ACCELERATORS)),
    chips=st.sampled_from([1, 2, 4, 8, 16, 32]),
    prompt=st.integers(1, 30_000),
    output=st.integers(1, 4000),
    ttft=st.floats(0.01, 10),
    tpot=st.floats(0.002, 0.5),
)
def test_the_largest_batch_meets_the_objectives_and_one_more_does_not(name, chip, chips, prompt, output, ttft, tpot):
    s, load = Setup(SERVED[name], ACCELERATORS[chip], chips, "8-bit"), Load(prompt, output, ttft, tpot)
    c = largest_batch(s, load)
    assume(c.batch)
    assert token_seconds(s, load, c.batch) <= tpot and c.ttft <= ttft
    full = c.batch == sequences_that_fit(s, prompt + output)
    assert full == (c.limit == "memory capacity")
    assert full or token_seconds(s, load, c.batch + 1) > tpot
    stricter = largest_batch(s, replace(load, tpot=tpot / 2))
    assert stricter.batch <= c.batch


def test_limits_are_named_for_what_causes_them():
    def why(**change):
        load = Load(*(change.pop(k, d) for k, d in (("prompt", 64), ("output", 1024), ("ttft", 5.0), ("tpot", 0.1))))
        return largest_batch(replace(LLAMA, chips=4, **change), load).limit

    chip = ACCELERATORS["H100"]
    assert why(chip=replace(chip, memory_gb=19)) == "memory: weights do not fit"
    assert why(tpot=10.0) == "memory capacity"
    assert why(tpot=0.012) == "TPOT, by memory bandwidth"
    assert why(prompt=8000, output=64) == "TPOT, by compute"
    assert why(chip=replace(chip, link_gb_s=2.0), tpot=0.05) == "TPOT, by the link"
    assert why(prompt=200_000, ttft=1.0).startswith(("TTFT", "memory: no room"))


def test_a_plan_is_what_a_simulated_server_delivers():
    """Equal requests at the planned rate: the server must reach the planned time per token and stay there."""
    load, c = goodput.LOAD, goodput.CHOICE
    arriving = workload.requests(c.tokens_s / load.output, load, 600, 0.0)
    goodput.serve(goodput.GROUP, arriving, c.batch)
    late = [overview.clocks(r.arrival, r.times) for r in arriving[300:500]]
    assert np.mean([x.tpot for x in late]) == pytest.approx(c.tpot, rel=0.03)
    assert all(len(r.times) == r.output for r in arriving)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), spread=st.sampled_from([0.0, 0.5, 1.0]), rate=st.floats(0.1, 50))
def test_what_is_drawn_has_the_means_that_are_promised(seed, spread, rate):
    load = goodput.LOAD
    drawn = workload.requests(rate, load, 600, spread, seed)
    assert np.mean([r.prompt for r in drawn]) == pytest.approx(load.prompt, rel=2e-3)
    assert np.mean([r.output for r in drawn]) == pytest.approx(load.output, rel=2e-3)
    assert drawn[-1].arrival == pytest.approx(600 / rate)
    assert (np.std([r.prompt for r in drawn]) > 0) == (spread > 0)


@pytest.mark.parametrize(("chips", "copies"), [(1, 1), (4, 1), (8, 2), (16, 4)])
def test_heads_are_copied_where_accelerators_outnumber_them(chips, copies):
    """Every accelerator needs a head of its own: what vLLM's `max(1, heads // ranks)` holds, over all ranks."""
    m = SERVED["Qwen3 235B-A22B"]
    s = Setup(m, ACCELERATORS["H100"], chips)
    per_rank = max(1, m.kv_heads // chips)
    assert sequence_bytes(s, 100) == chips * per_rank / m.kv_heads * cache_bytes(m, 100)
    assert sequence_bytes(s, 100) == copies * cache_bytes(m, 100)
    assert sequence_bytes(replace(s, split_users=True), 100) == cache_bytes(m, 100)
    assert sequence_bytes(replace(s, model=SERVED["DeepSeek-V3"]), 1) == 70_272
    spare = chips * 80e9 * 0.9 - weight_bytes(s)
    assert sequences_that_fit(s, 1000) == (-1 if spare < 0 else spare // (copies * cache_bytes(m, 1000)))
    read = decode_step(s, 8, 1000).attention * s.bandwidth
    assert read == pytest.approx(8 * copies * cache_bytes(m, 1000))


def test_tokens_per_second_stay_below_output_over_prefill():
    s, load = replace(LLAMA, chips=4), LOADS["interactive"]
    rates = [b / token_seconds(s, load, b) for b in (100, 1000, 10**4, 10**6)]
    added = decode_step(s, 10**6 + 1, 2176).seconds - decode_step(s, 10**6, 2176).seconds
    prefill = prefill_seconds(s, load.prompt) / load.output
    assert rates == sorted(rates) and rates[-1] < 0.9 / prefill
    assert rates[-1] == pytest.approx(1 / (prefill + added), rel=1e-3)


def test_sized_by_averages_goodput_collapses_while_throughput_looks_well():
    equal, drawn = goodput.run(1.0, 0.0), goodput.run(1.0, 1.0)
    assert drawn[0] > 0.85 * equal[0], "tokens per second alarm nobody"
    assert equal[1] == 1.0 and drawn[1] < 0.3, "three of four requests miss the objective"
    assert goodput.run(0.5, 1.0)[1] > 0.9


@settings(max_examples=40)
@given(gaps=st.lists(st.floats(0.001, 10), min_size=1, max_size=50), first=st.floats(0.001, 10))
def test_clocks_are_the_formulas_of_vllm(gaps, first):
    """vLLM: TPOT = (latency - TTFT) / (tokens - 1); ITL are the differences."""
    times = first + np.concatenate([[0.0], np.cumsum(gaps)])
    c = overview.clocks(0.0, list(times))
    assert c.ttft == first
    assert c.tpot == pytest.approx((times[-1] - c.ttft) / (len(times) - 1)) == np.diff(times).mean()
    assert c.worst_gap == np.diff(times).max()


def test_goodput_counts_requests_that_meet_both():
    served = [overview.Clocks(0.1, 0.01, 1), overview.Clocks(0.1, 0.05, 1), overview.Clocks(2.0, 0.01, 1)]
    assert overview.goodput(served, ttft=0.5, tpot=0.02, seconds=2.0) == 0.5
    assert overview.clocks(1.0, [1.5]) == (0.5, 0.0, 0.0), "one token has no time per token"


def test_the_calculator_says_what_the_planner_says():
    shown = serving_planner()
    choices = plan(LLAMA, replace(LOADS["interactive"], context=8192), 64)
    first = next(c for c in choices if c.batch)
    assert shown["smallest number of H100"] == str(first.chips)
    assert shown["a million reply tokens"] == f"${dollars_per_million(first, 2.0):.2f}"
    assert len(shown["table"]) == 1 + len(choices)


@pytest.mark.parametrize("model", ["Llama 3 8B", "Llama 3 70B", "DeepSeek-V3"])
@pytest.mark.parametrize("tpot", [40.0, 100.0])
def test_the_smallest_group_lies_on_its_own_curve(model, tpot):
    shown = serving_planner(model=model, ttft=5000.0, tpot=tpot)
    chips = shown["smallest number of H100"]
    curve = shown["lines"]["series"][f"n = {chips}"]
    assert shown["lines"]["points"]["smallest"] in curve
    assert curve == sorted(curve), "slower steps carry more"


def test_the_calculator_offers_every_model_and_accelerator():
    hints = get_type_hints(serving_planner)
    assert set(get_args(hints["model"])) == set(SERVED)
    assert set(get_args(hints["accelerator"])) == set(ACCELERATORS)
    for model in SERVED:
        for accelerator in ("H200", "B200", "TPU v5p"):
            serving_planner(model=model, accelerator=accelerator, ttft=5000.0, tpot=200.0)


def test_what_cannot_be_met_is_said():
    with pytest.raises(ValueError, match="the largest fails by TTFT"):
        serving_planner(ttft=1.0)
    with pytest.raises(ValueError, match="fails by memory: weights do not fit"):
        serving_planner(
            model="Llama 3.1 405B", accelerator="TPU v5e", weights="bf16", arithmetic="bf16", memory_share=50
        )


@pytest.mark.parametrize("weights", ["bf16", "4-bit", "4-bit experts"])
def test_only_8_bit_weights_are_multiplied_in_8_bits(weights):
    """The faster units take both factors in 8 bits."""
    options = {"model": "gpt-oss-120b", "weights": weights, "ttft": 5000.0, "tpot": 200.0}
    with pytest.raises(ValueError, match=f"^{weights} weights are multiplied in bf16"):
        serving_planner(**options)
    serving_planner(**options, arithmetic="bf16")


@pytest.mark.parametrize("model", ["Llama 3 70B", "Mixtral 8x7B"])
def test_only_a_mixture_has_experts_to_compress(model):
    options = {"weights": "4-bit experts", "arithmetic": "bf16", "ttft": 5000.0, "tpot": 200.0}
    if SERVED[model].experts:
        assert serving_planner(model=model, **options) != serving_planner(model=model, **options | {"weights": "bf16"})
    else:
        with pytest.raises(ValueError, match="Llama 3 70B has no experts"):
            serving_planner(model=model, **options)


def test_a_strict_objective_costs_more_than_a_relaxed_one():
    relaxed, strict = (largest_batch(replace(LLAMA, chips=2), load) for load in LOADS.values())
    assert dollars_per_million(strict, 2.0) > 1.4 * dollars_per_million(relaxed, 2.0)


def test_prefill_of_a_short_prompt_waits_for_the_weights():
    s = Setup(SERVED["Llama 3 8B"], ACCELERATORS["H100"])
    assert prefill_seconds(s, 1) == weight_bytes(s, 1) / s.bandwidth
