"""Sizes against the tensors that `transformers` allocates; meaning against PyTorch's attention; names against vLLM's documents."""

import ast
import inspect
import json
import re
import sys
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from snippets.inference.kv_cache import calculator as kv_cache_calculator
from snippets.inference.kv_cache import decoding, designs, quantization
from snippets.inference.kv_cache import model as kv_cache_model
from snippets.inference.kv_cache import prefix as kv_cache_prefix
from snippets.inference.kv_cache import sizes as kv_cache
from snippets.inference.kv_cache import timing as kv_cache_time
from snippets.inference.overview.load import sequences_that_fit
from snippets.inference.overview.setup import Setup, weight_bytes
from snippets.shapes.accelerators import ACCELERATORS
from snippets.shapes.models import MODELS, cache_bytes, parameters

FP32 = 4
ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/inference/kv-cache.md"


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_bytes_per_token_are_what_transformers_allocates(kv_heads):
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=kv_heads, head_dim=8,
    )  # fmt: skip
    held = kv_cache_model.held_bytes(LlamaForCausalLM(config), tokens=5)
    assert held == 5 * kv_cache.kv_bytes_per_token(3, kv_heads, 8, FP32)


@pytest.mark.parametrize("context", [3, 8, 40])
def test_a_window_holds_what_transformers_holds(context):
    """The library keeps one token less than the window: the missing one is being computed."""
    config = MistralConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, sliding_window=8,
    )  # fmt: skip
    held = kv_cache_model.held_bytes(MistralForCausalLM(config), tokens=context)
    assert held == kv_cache.hybrid_bytes(0, 2, 8 - 1, context, kv_cache.kv_bytes_per_token(1, 2, 8, FP32))


def test_a_latent_cache_is_what_transformers_allocates_for_deepseek(capsys):
    kv_cache_model.example_sizes()
    printed = capsys.readouterr().out.splitlines()[2]
    assert int(printed.split(":")[1].split()[0]) == 40 * kv_cache.latent_bytes_per_token(3, 24, 8, FP32)


def test_weights_of_llama_3_70b_are_counted_not_remembered():
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=128_256, hidden_size=8192, intermediate_size=28_672, num_hidden_layers=80,
            num_attention_heads=64, num_key_value_heads=8, head_dim=128, tie_word_embeddings=False,
        ))  # fmt: skip
    assert 2 * sum(p.numel() for p in model.parameters()) == kv_cache.LLAMA3_70B_WEIGHTS == kv_cache_time.WEIGHTS
    assert kv_cache.kv_bytes_per_token(**kv_cache.LLAMA3_70B) == kv_cache_time.PER_TOKEN


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("context", [1, 128, 8192])
def test_designs_cost_what_the_shapes_of_all_pages_say(name, context):
    """Two ways to the same bytes: by layer here, by kept tokens in `snippets/shapes`."""
    m = MODELS[name]
    assert designs.sequence_bytes(m, context) == pytest.approx(cache_bytes(m, context), rel=1e-12)
    assert designs.token_bytes(m, 1.0) == cache_bytes(m, 1, 1.0)


def test_ratios_are_those_of_published_sizes():
    lines = (ROOT / "tests/published/inference/cases.jsonl").read_text(encoding="utf-8").splitlines()
    (case,) = [case for case in map(json.loads, lines) if case["id"] == "INF-007"]
    ratio = designs.cache_ratio(MODELS["Llama 3 405B"], MODELS["DeepSeek-V3"])
    assert ratio == pytest.approx(case["expected"], abs=case["tolerance"]["value"])
    llama, oss = MODELS["Llama 3 70B"], MODELS["gpt-oss-120b"]
    assert designs.cache_ratio(designs.WIDE, llama) == llama.heads / llama.kv_heads
    saved = cache_bytes(replace(oss, window_layers=0), 131_072) / cache_bytes(oss, 131_072)
    assert designs.cache_ratio(designs.UNWINDOWED, oss, 131_072) == pytest.approx(saved, rel=1e-12)


def test_units_of_sizes():
    assert (designs.in_kib(3 * 2**10), designs.in_gb(3 * 10**9)) == (3, 3)


@given(st.integers(1, 10**6), st.integers(1, 10**4))
def test_no_further_sequence_fits(context, per_token):
    """What fits, fits; one more does not; and the tokens that fit are their limit."""
    spare = kv_cache.spare_bytes(160e9, kv_cache.LLAMA3_70B_WEIGHTS)
    users = kv_cache.sequences_that_fit(160e9, kv_cache.LLAMA3_70B_WEIGHTS, context, per_token)
    tokens = kv_cache.tokens_that_fit(160e9, kv_cache.LLAMA3_70B_WEIGHTS, per_token)
    assert users * context * per_token <= spare < (users + 1) * context * per_token
    assert users * context <= tokens < (users + 1) * context
    assert spare + kv_cache.LLAMA3_70B_WEIGHTS == 160e9


def test_the_printed_products_are_the_bytes_held(capsys):
    kv_cache_model.example_sizes()
    for row in capsys.readouterr().out.splitlines():
        held, product = re.search(r"(\d+) bytes = (.+) tokens", row).groups()
        assert int(held) == eval(product.replace("·", "*")), row


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"weights need 1\.41e\+11 B, memory has 8e\+10 B"):
        kv_cache.sequences_that_fit(80e9, kv_cache.LLAMA3_70B_WEIGHTS, 8192, 327_680)


@settings(deadline=None)
@given(tokens=st.integers(1, 24), chunk=st.integers(1, 24))
def test_chunked_decoding_equals_one_pass(tokens, chunk):
    q, k, v = decoding.tensors(tokens)
    full = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(decoding.decode(q, k, v, chunk), full)


@pytest.mark.parametrize("hit", [1, 16, 95])
def test_a_resumed_prompt_has_the_logits_of_a_whole_one(hit):
    model, tokens = kv_cache_model.llama(), kv_cache_model.prompt()
    with torch.no_grad():
        whole = model(tokens).logits[:, hit:]
    torch.testing.assert_close(kv_cache_model.resume(model, tokens, hit, hit), whole, rtol=1e-3, atol=1e-3)


def test_a_wrong_offset_after_a_prefix_hit_is_silent_and_wrong():
    model, tokens = kv_cache_model.llama(), kv_cache_model.prompt()
    with torch.no_grad():
        right = model(tokens).logits[:, 64:]
    wrong = kv_cache_model.resume(model, tokens, hit=64, first_position=0)
    assert wrong.isfinite().all() and wrong.shape == right.shape
    assert (wrong.argmax(-1) == right.argmax(-1)).float().mean() < 0.2
    kl = F.kl_div(wrong.log_softmax(-1), right.log_softmax(-1), log_target=True, reduction="none").sum(-1).mean()
    assert kl.item() == pytest.approx(3.98, rel=0.05)


@pytest.mark.parametrize("group", [1, 4, 16])
def test_a_channel_has_a_scale_for_every_group_of_tokens(group):
    x = torch.randn(2, 3, 16, 8, generator=torch.Generator().manual_seed(3))
    alone = [quantization.fake_quantize(part, 3, dim=-2) for part in x.split(group, dim=-2)]
    assert torch.equal(quantization.per_channel(x, 3, group), torch.cat(alone, dim=-2))


@pytest.mark.parametrize("dim", [-1, -2])
def test_eight_bit_quantization_agrees_with_pytorch(dim):
    """PyTorch's own affine quantizer, one channel at a time, with the same scale and zero point."""
    x = torch.randn(1, 1, 16, 8, generator=torch.Generator().manual_seed(3))
    axis = 3 if dim == -2 else 2
    low, high = x.amin(dim), x.amax(dim)
    scale = ((high - low) / 255).flatten()
    ours = quantization.fake_quantize(x, 8, dim)
    theirs = torch.fake_quantize_per_channel_affine(
        x - low.unsqueeze(dim), scale, torch.zeros_like(scale, dtype=torch.int32), axis, 0, 255
    ) + low.unsqueeze(dim)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_outlier_channels_make_the_axis_of_the_keys_matter():
    q, k, v = quantization.cache()
    for bits, least in ((8, 6), (4, 6), (2, 6)):
        stored = quantization.fake_quantize(k, bits, -1), quantization.per_channel(k, bits)
        token, channel = (quantization.error(k, v, q, x, v) for x in stored)
        assert token > least * channel
    q, k, v = quantization.cache(outlier=1.0)
    stored = quantization.fake_quantize(k, 4, -1), quantization.per_channel(k, 4)
    token, channel = (quantization.error(k, v, q, x, v) for x in stored)
    assert 0.65 * channel < token < 1.35 * channel, "without outliers there is nothing to isolate"


def test_the_documented_example_of_vllm_hits_two_blocks_of_four():
    """Request 1 has 14 tokens, of which the first 10 equal request 0's: 8 tokens hit (vLLM's design document, time 4)."""
    first, second = list(range(15)), [*range(10), 90, 91, 92, 93]
    known = set(kv_cache_prefix.block_hashes(first, block=4))
    assert kv_cache_prefix.cached_tokens(known, kv_cache_prefix.block_hashes(second, block=4), block=4) == 8


@given(a=st.lists(st.integers(0, 2), max_size=40), b=st.lists(st.integers(0, 2), max_size=40), block=st.integers(1, 8))
def test_a_hit_is_the_common_prefix_in_whole_blocks(a, b, block):
    known = set(kv_cache_prefix.block_hashes(a, block))
    hit = kv_cache_prefix.cached_tokens(known, kv_cache_prefix.block_hashes(b, block), block)
    common = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False))))
    assert hit == common // block * block


def test_orphaned_blocks_and_forgotten_tenants_are_reused_wrongly():
    a, b = list(range(16)), list(range(100, 116))
    orphan, chain = kv_cache_prefix.orphan_hashes, kv_cache_prefix.block_hashes
    assert kv_cache_prefix.cached_tokens(set(orphan(a + b)), orphan(b + a)) == 32
    assert kv_cache_prefix.cached_tokens(set(chain(a + b)), chain(b + a)) == 0
    assert kv_cache_prefix.cached_tokens(set(chain(a, salt="x")), chain(a, salt="y")) == 0
    assert kv_cache_prefix.cached_tokens(set(chain(a, salt="x")), chain(a, salt="x")) == 16


@given(tokens=st.integers(1, 200_000), share=st.floats(0.1, 1.0))
def test_at_the_break_even_fetching_and_computing_take_equally_long(tokens, share):
    link = kv_cache_time.break_even_bandwidth(327_680, 70e9, 1e15, share)
    fetch = kv_cache_time.fetch_seconds(tokens, 327_680, link)
    assert fetch == pytest.approx(kv_cache_time.recompute_seconds(tokens, 70e9, 1e15, share), rel=1e-9)


@given(tokens=st.integers(1, 200_000), link=st.floats(1e8, 1e12))
def test_the_gain_of_fetching_is_a_quotient_of_times(tokens, link):
    again = kv_cache_time.recompute_seconds(tokens, 70e9, 1e15, 0.5)
    fetched = kv_cache_time.fetch_seconds(tokens, 327_680, link)
    gain = kv_cache_time.fetch_gain(327_680, 70e9, 1e15, 0.5, link)
    assert gain == pytest.approx(again / fetched, rel=1e-9)


def test_times_of_two_gpus():
    """Each reads half of the weights; both fetch and compute at once where the link is even."""
    half = parameters(MODELS["Llama 3 70B"])  # bytes: 2 a parameter, on two GPUs
    assert kv_cache_time.floor_ms() == pytest.approx(1e3 * half / 3.35e12, rel=1e-12)
    link = 1e9 * kv_cache_time.break_even_gb_s()
    again = kv_cache_time.recompute_seconds(1, half, 2 * 989e12, 0.5)
    assert kv_cache_time.fetch_seconds(1, kv_cache_time.PER_TOKEN, link) == pytest.approx(again, rel=1e-9)
    even = kv_cache_time.crossover_tokens(kv_cache_time.WEIGHTS, kv_cache_time.PER_TOKEN)
    step = kv_cache_time.decode_step_seconds(2 * half, 1, round(even), 327_680, 6.7e12)
    assert 1e3 * step == pytest.approx(2 * kv_cache_time.floor_ms(), rel=1e-5)


@pytest.mark.parametrize(("bits", "group"), [quantization.FOUR_BITS, quantization.TWO_BITS])
def test_a_group_pays_for_its_scale_and_zero_point(bits, group):
    numbers = torch.zeros(4096)
    groups = numbers.unflatten(0, (-1, group))
    scales = torch.cat([groups.amin(1), groups.amax(1)]).to(torch.bfloat16)
    stored = bits * numbers.numel() + 8 * scales.nbytes
    assert quantization.bits_per_value(bits, group) == stored / numbers.numel()


def test_the_gain_is_the_quotient_of_two_printed_columns(capsys):
    quantization.example_axes()
    rows = [row.split() for row in capsys.readouterr().out.splitlines()[1:]]
    for bits, token, channel, *_ in rows:
        printed = float(token.rstrip("%")) / float(channel.rstrip("%"))
        assert quantization.key_gain(int(bits)) == pytest.approx(printed, rel=0.15 if bits == "8" else 0.02)


@pytest.mark.parametrize("block", [1, 16, 64, 256])
def test_the_second_prompt_reuses_whole_blocks_of_the_system_message(block):
    requests = kv_cache_prefix.prompts(users=2, system=1000)
    assert kv_cache_prefix.reused_by_the_next(requests, block) == 1000 // block * block


def test_recomputing_costs_what_pytorchs_flop_counter_counts():
    """2 FLOPs per parameter and token: counted on the matrices of a real block."""
    from torch.utils.flop_counter import FlopCounterMode

    config = LlamaConfig(
        vocab_size=32, hidden_size=256, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4
    )
    model = LlamaForCausalLM(config)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 8, dtype=torch.long))
    params = sum(p.numel() for n, p in model.named_parameters() if "embed" not in n and "norm" not in n)
    ours = kv_cache_time.recompute_seconds(8, params, 1.0, 1.0)
    assert counter.get_total_flops() == pytest.approx(ours, rel=0.01)  # the hundredth is attention itself


def test_the_calculator_agrees_with_the_page():
    result, facts = kv_cache_calculator.kv_cache(), designs.facts() | kv_cache_time.facts()
    for usable, dtype, fact in (
        (100, "bf16", "users_8k"), (100, "fp8", "users_8k_fp8"),
        (90, "bf16", "users_8k_usable"), (90, "fp8", "users_8k_fp8_usable"),
    ):  # fmt: skip
        shown = kv_cache_calculator.kv_cache(usable=usable, dtype=dtype)
        assert shown["sequences of 8,192 tokens that fit"] == facts[fact]
    assert kv_cache_calculator.kv_cache(usable=100)["tokens that fit"] == facts["tokens_that_fit"]
    assert result["tokens that fit"] == facts["tokens_usable"]
    assert result["cache as large as the weights at"] == f"{facts['crossover']} tokens"
    assert result["one token"] == "320.0 KiB"
    with pytest.raises(ValueError, match="do not fit"):
        kv_cache_calculator.kv_cache(weights=200.0, memory=160.0)


@pytest.mark.parametrize("cache", ["bf16", "8-bit"])
def test_as_many_fit_as_in_the_planner(cache):
    """Llama 3 70B in bf16 on two H100: what the page says of 90% is what the planner allows."""
    s = Setup(MODELS["Llama 3 70B"], ACCELERATORS["H100"], 2, "bf16", cache)
    facts = designs.facts()
    name = {"bf16": "users_8k", "8-bit": "users_8k_fp8"}[cache]
    assert str(sequences_that_fit(s, 8192)) == facts[f"{name}_usable"]
    assert str(sequences_that_fit(replace(s, memory_share=1.0), 8192)) == facts[name]
    default = inspect.signature(kv_cache_calculator.kv_cache).parameters["usable"].default
    assert default == 100 * s.memory_share


def test_the_latent_preset_holds_all_attention_on_every_gpu():
    s = Setup(MODELS["DeepSeek-V3"], ACCELERATORS["H200"], 8, "8-bit")
    preset = presets()["DeepSeek-V3, 32K, users split over 8 GPUs"]
    shown = kv_cache_calculator.kv_cache(**preset)
    assert (preset["weights"], preset["memory"]) == (weight_bytes(s) / 1e9, 8 * s.chip.memory_gb)
    assert int(shown["sequences of 32,768 tokens that fit"]) == sequences_that_fit(s, 32_768)
    copied = weight_bytes(s) - weight_bytes(replace(s, chips=1))
    assert kv_cache_model.copied_attention_bytes(s.model, 8, 1.0) == copied
    assert kv_cache_model.facts() == {"v3_copies": f"{copied / 1e9:.0f} GB"}


def presets():
    """Presets of the page's calculator, by name."""
    fence = re.search(r"```calc\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    return yaml.safe_load(fence[1])["presets"]


def test_presets_and_default_hold_the_weights_that_are_counted():
    weights = {name: 2 * parameters(m) / 1e9 for name, m in MODELS.items()}
    for name, values in presets().items():
        model = name.split(",")[0]
        if model.startswith("Llama"):
            assert values["weights"] == weights[model], name
            shape = MODELS[model]
            assert (values["layers"], values["kv_heads"]) == (shape.layers, shape.kv_heads), name
    assert kv_cache_calculator.kv_cache(weights=weights["Llama 3 70B"]) == kv_cache_calculator.kv_cache()


def test_what_the_browser_runs_needs_the_standard_library_alone():
    tree = ast.parse(Path(kv_cache_calculator.__file__).read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert names <= sys.stdlib_module_names
