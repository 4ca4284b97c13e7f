"""Sizes and FLOPs against the library and PyTorch's counter, rules of counting against what was printed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_layers import MtpLayer
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3DecoderLayer, DeepseekV3RMSNorm
from transformers.models.qwen3_next.modeling_qwen3_next import torch_recurrent_gated_delta_rule

from fieldguide.calc import engine, fence
from snippets.shapes import configs, counts
from snippets.shapes.blocks import attention
from snippets.shapes.models import MODELS
from snippets.shapes.published import CONFIGS
from snippets.transformers.overview import (
    accounts,
    calculator,
    counted,
    figures,
    latents,
    layer_map,
    sizes,
    tying,
    work,
)
from tests.shapes.families import FAMILIES, config

CASES = [json.loads(line) for line in Path("tests/published/transformers/cases.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", counted.TINY)
def test_flops_are_those_that_pytorch_counts(name):
    for tokens in (5, 24):
        assert counted.formula_flops(counted.TINY[name], tokens) == counted.counted_flops(counted.TINY[name], tokens)


MORE = ["gpt2", "llama with biases", "mixtral", "gemma2", "gemma3_text", "phi3", "cohere2", "olmoe", "glm4_moe"]


@pytest.mark.parametrize("name", MORE)
def test_flops_of_other_families(name):
    assert counted.formula_flops(config(name), 20) == counted.counted_flops(config(name), 20)


def test_the_counter_misses_scores_in_a_fused_kernel():
    """Only eager attention shows the counter all products."""
    fields = {key: value for key, value in counted.TINY["dense"].items() if key != "model_type"}
    given = AutoConfig.for_model("llama", **fields, attn_implementation="sdpa")
    model = AutoModelForCausalLM.from_config(given).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.arange(24).unsqueeze(0), use_cache=False)
    assert counter.get_total_flops() == 24 * 2 * counts.matrices(configs.read(counted.TINY["dense"]))


def test_an_indexer_looks_at_all_and_attention_at_few():
    m = configs.read(config("deepseek_v32"))
    tokens, kept = 20, FAMILIES["deepseek_v32"]["index_topk"]
    looks = {look.name: look for look in m.kinds[0].blocks[0].looks}
    assert looks["scores and mix"].reach == kept and looks["indexer"].reach is None
    assert counts.looked(m, tokens) == 4 * (kept * looks["scores and mix"].width + tokens * looks["indexer"].width)


class Products(TorchDispatchMode):
    """Counts multiplications whose result is as large as a state."""

    def __init__(self, size):
        super().__init__()
        self.size, self.seen = size, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket is torch.ops.aten.mul and out.numel() == self.size:
            self.seen += 1
        return out


def test_a_delta_rule_multiplies_its_state_four_times_for_a_token():
    """Decay, read for the error, write, read for the query: the last three are multiply-adds."""
    heads, key, value = 3, 8, 5
    q, k, v = torch.randn(1, 1, heads, key), torch.randn(1, 1, heads, key), torch.randn(1, 1, heads, value)
    g, beta = -torch.rand(1, 1, heads), torch.rand(1, 1, heads)
    with Products(heads * key * value) as products:
        torch_recurrent_gated_delta_rule(q, k, v, g, beta, initial_state=None, output_final_state=False)
    block = configs.read(config("qwen3_next")).kinds[0].blocks[0]
    state = next(part for part in block.state if part.name == "state")
    assert products.seen - 1 == block.updates / state.numbers == 3


def test_a_draft_layer_is_that_of_the_library():
    fields = {key: value for key, value in config("deepseek_v3").items() if key != "model_type"}
    given = AutoConfig.for_model("deepseek_v3", **fields)
    with torch.device("meta"):
        layer = MtpLayer(given, DeepseekV3DecoderLayer, DeepseekV3RMSNorm, given.num_hidden_layers - 1)
    m = configs.read({**config("deepseek_v3"), "num_nextn_predict_layers": 2})
    assert counts.draft_params(m) == 2 * sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize("name", ["DeepSeek-V3", "Qwen3-Next 80B-A3B", "GLM-4.5-Air"])
def test_full_size_models_have_the_parameters_of_the_library(name):
    assert counts.total(configs.read(CONFIGS[name])) == counted.built_parameters(CONFIGS[name])


def test_the_default_glm_of_the_library_is_the_one_without_a_head_width():
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model("glm4_moe", attention_bias=True))
    assert sum(p.numel() for p in model.parameters()) == counts.total(sizes.without("GLM-4.5-Air", "head_dim"))


@pytest.mark.parametrize(
    ("name", "rule", "printed", "digits"),
    [
        ("DeepSeek-V3", "all, as the library builds it", 671, 0),
        ("DeepSeek-V3", "all, draft layer and its copies", 684.5, 1),  # 685 on the hosting page, from 671 and 14
        ("DeepSeek-V3", "active, lookup not counted", 36.6, 1),
        ("gpt-oss-120b", "all, as the library builds it", 116.83, 2),
        ("gpt-oss-120b", "active, lookup not counted", 5.13, 2),
        ("Qwen3 235B-A22B", "all, as the library builds it", 235, 0),
        ("Qwen3 235B-A22B", "active, tables counted", 22, 0),
        ("Mixtral 8x7B", "active, tables counted", 12.9, 1),
        ("GLM-4.5-Air", "without embedding and output", 106, 0),
        ("GLM-4.5-Air", "draft layer, no tables", 108, 0),
        ("GLM-4.5-Air", "active, without embedding and output", 12, 0),
        ("Qwen3-Next 80B-A3B", "all, as the library builds it", 80, 0),
    ],
)
def test_each_printed_size_is_one_of_ours(name, rule, printed, digits):
    assert round(sizes.size(name, rule), digits) == printed


def test_what_only_the_draft_layer_has():
    """11.5 billion unique parameters by the weight notes: all but the projection of two inputs to one."""
    m = configs.read(CONFIGS["DeepSeek-V3"])
    projection = 2 * CONFIGS["DeepSeek-V3"]["hidden_size"] ** 2
    assert round((counts.draft_params(m) - projection) / 1e9, 1) == 11.5
    assert sizes.checkpoint_gib("gpt-oss-120b") == pytest.approx(60.8, abs=0.05)


def test_rules_differ_by_the_tables_and_the_draft_layer():
    m = configs.read(CONFIGS["GLM-4.5-Air"])
    table = 151_552 * 4096
    found = sizes.advertised(m)
    assert found["all, as the library builds it"] - found["without embedding and output"] == 2 * table
    assert found["active, tables counted"] - found["active, lookup not counted"] == table
    assert found["all, draft layer and its copies"] - found["all, and the draft layer"] == 2 * table
    assert found["all, and the draft layer"] - found["draft layer, no tables"] == 2 * table
    assert accounts.table_share("Llama 3 8B") == 128_256 * 4096 / 8_030_261_248
    lost, *drawn = sorted(figures.rules().values())
    assert sizes.spread("GLM-4.5-Air") == pytest.approx(drawn[-1] - drawn[0])
    assert sizes.narrow_size("GLM-4.5-Air") == lost
    assert sizes.draft_size("DeepSeek-V3") == pytest.approx(11.61, abs=0.005), "11.5 in the weight notes, and 2h²"
    assert accounts.family_count() == len({name.partition(" ")[0] for name in FAMILIES})


def test_a_lost_field_is_named_and_changes_the_sum(capsys):
    sizes.example_missing()
    told = capsys.readouterr().out
    assert "without `head_dim`: 103.48 billion\n  `head_dim` is not given: assumed 42" in told
    assert "108.95 billion\n  `first_k_dense_replace` is not given: assumed 0" in told


@pytest.mark.parametrize("name", work.SHOWN)
def test_at_the_crossover_looking_back_equals_the_matrices(name):
    m = work.model(name)
    even = work.crossover(m)
    assert counts.looked(m, even) >= counts.matrices(m) > counts.looked(m, even - 1)
    assert work.growth(name, even) == pytest.approx(2, rel=0.01)


def test_a_model_without_growing_looks_has_no_crossover():
    assert work.crossover(configs.read(config("mamba2"))) == work.NEVER
    tiny = configs.read({**config("mistral"), "sliding_window": 2})
    assert work.crossover(tiny) == work.NEVER < 2**31, "as long as a list may be in a browser"


def test_windows_end_the_growth():
    """Beyond the window each further token costs only the layers without one."""
    m = work.model("gpt-oss-120b")
    full = 18 * 2 * 64 * 64
    assert counts.looked(m, 129) - counts.looked(m, 128) == full
    assert counts.looked(m, 128) - counts.looked(m, 127) == 2 * full


def test_bytes_cross_where_the_cache_is_as_large_as_the_weights():
    m = work.model("Llama 3 8B")
    for users in (1, 32):
        context = work.memory_crossover(m, users)
        assert users * counts.sequence_bytes(m, context) == pytest.approx(counts.weight_bytes(m), rel=1e-3)
    assert work.memory_crossover(m, 1) / work.equal_users(m) == pytest.approx(work.crossover(m))


def test_flops_double_while_the_floor_of_a_step_hardly_moves():
    m = work.model("Llama 3 8B")
    (few, short), (many, long) = work.floors(m, 1024, 1), work.floors(m, work.crossover(m), 1)
    assert many / few > 1.9 and long / short < 1.25
    assert short > 100 * many, "arithmetic is idle"
    weights = 16_060_522_496 + 1024 * 131_072
    assert short == pytest.approx(weights / 3.35e12 * 1e3)
    assert few == pytest.approx(counts.token_flops(m, 1024) / 989e12 * 1e3)
    arithmetic, memory = work.floors(m, 1024, 32)
    assert arithmetic == pytest.approx(32 * few)
    assert memory == pytest.approx((16_060_522_496 + 32 * 1024 * 131_072) / 3.35e12 * 1e3), "weights are read once"


def test_absorbed_latents_multiply_more_and_read_less():
    v3 = configs.read(CONFIGS["DeepSeek-V3"]).kinds[0].blocks[0]
    heads = CONFIGS["DeepSeek-V3"]["num_attention_heads"]
    latent, rotary = (part.numbers for part in v3.cache)
    expanded = v3.looks[0].width
    ratio = latents.absorbed_over_expanded(MODELS["DeepSeek-V3"])
    assert ratio == heads * (latent + rotary + latent) / expanded
    intensity = latents.latent_intensity(MODELS["DeepSeek-V3"])
    assert intensity == 2 * ratio * expanded / counts.part_bytes(v3.cache, 2)
    q, c = torch.randn(1, latent + rotary), torch.randn(7, latent + rotary)  # one head, seven tokens
    rebuilt = torch.randn(latent, 128)
    scores = (q[:, :128] @ rebuilt.T) @ c[:, :latent].T
    assert torch.allclose(scores, q[:, :128] @ (c[:, :latent] @ rebuilt).T, rtol=1e-3, atol=1e-3)


def test_only_one_counter_does_not_care_about_tying():
    one, two = (tying.tiny_llama(tied) for tied in (True, False))
    assert tying.right(one, 2048) == tying.right(two, 2048)
    assert tying.lookup_counted(two, 2048) > 1.05 * tying.lookup_counted(one, 2048)
    assert tying.head_left_out(one, 2048) < 0.95 * tying.right(one, 2048)
    assert tying.head_left_out(two, 2048) == pytest.approx(tying.right(two, 2048), rel=1e-3)
    assert counts.total(two) == 1_100_048_384, "TinyLlama 1.1B"


def test_training_costs_three_forward_passes():
    case = next(case for case in CASES if case["family"] == "flops-fwd")
    m = work.model("GPT-2")
    assert [1024 * counts.token_flops(m, 1024), work.training_flops(m, 1024)] == case["expected"]


def test_widths_of_gated_layers():
    assert accounts.swiglu_width(2048, 256) == tying.TINY_LLAMA["intermediate_size"]
    assert accounts.swiglu_width(4096, 1024, 1.3) == CONFIGS["Llama 3 8B"]["intermediate_size"]
    assert accounts.gated_ratio(3, 8) == 1
    assert work.block_crossover(attention(64, 4, 4, 16)) == 2 * 64


def test_the_figures_draw_what_the_page_computes():
    drawn = layer_map.figure_layer()
    for name in layer_map.SHOWN:
        stored, met = layer_map.stored_and_met(layer_map.kind_of(name))
        assert name in drawn and f"{met / 1e6:,.0f} of {stored / 1e6:,.0f} M" in drawn
    (axes,) = figures.figure_context().axes
    dots = sorted(line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o")
    assert dots == sorted(work.crossover(work.model(name)) for name in work.SHOWN)
    assert list(figures.rules().values()) == sorted(figures.rules().values())


PAGE = Path("docs/transformers/index.md").read_text(encoding="utf-8")


def test_the_calculator_counts_what_the_page_counts():
    form = fence.parse(re.search(r"```calc\n(.*?)```", PAGE, re.S)[1], "transformers/overview")
    for name, values in form.presets.items():
        shown = calculator.count_config(**values)
        known = next(key for key in CONFIGS if key.startswith(name))
        m = configs.read(CONFIGS[known])
        assert shown["parameters"] == f"{counts.total(m):,}"
        assert shown["weights in memory"] == f"{counts.weight_bytes(m) / 1e9:,.2f} GB"
        assert sum(shown["bars"]["values"].values()) == pytest.approx(counts.total(m) / 1e9)
        assert sum(int(row.split()[0]) for row in shown if " × " in row) == sum(kind.count for kind in m.kinds)
        rules = {rule: f"{size / 1e9:,.3f}" for rule, size in sizes.advertised(m).items()}
        assert dict(shown["table"][1:]) == rules
    assert calculator.count_config()["note 1"].startswith("head_dim is not given: assumed 128")
    assert calculator.count_config(json.dumps(config("mamba2")))["attention overtakes the matrices at"] == "no length"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("{", "line 1 is not JSON"), ('{"model_type": "bert"}', "`model_type` is bert, which is none of")],
)
def test_a_bad_configuration_is_refused_at_its_field(text, sentence):
    with pytest.raises(engine.InputError, match=sentence) as caught:
        engine.evaluate(calculator.count_config, {"config": text})
    assert caught.value.field == "config"


def test_any_family_can_be_pasted():
    for name in FAMILIES:
        assert "parameters" in calculator.count_config(json.dumps(config(name)))


def test_unmasked_changes_only_the_reach():
    m = work.model("gpt-oss-120b")
    wide = counted.unmasked(m)
    assert counts.looked(wide, 1000) > counts.looked(m, 1000)
    assert replace(wide, kinds=m.kinds) == m
