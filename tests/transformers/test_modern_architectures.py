"""One block against five classes of the library: its logits, its counts, and the same mistakes made by both."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoConfig, AutoModelForCausalLM, DeepseekV3Config, GptOssConfig
from transformers.activations import ACT2FN
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssExperts

from snippets.shapes import configs, counts
from snippets.transformers.modern_architectures import (
    agreement,
    calculator,
    census,
    changes,
    costs,
    differences,
    drawing,
    experts,
    parts,
    published,
    settings,
    switches,
    symptoms,
    tiny,
)
from snippets.transformers.modern_architectures.block import decode

torch.set_num_threads(1)  # tiny tensors: a second thread only waits

ROOT = Path(__file__).resolve().parents[2]
ROTATED = changes.ROTATED
VARIANTS = [
    ("Llama 3", {}),
    ("Llama 3", {"num_key_value_heads": 4, "rms_norm_eps": 1e-2, "tie_word_embeddings": True}),
    ("Llama 3", {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}),
    ("Qwen3-MoE", {}),
    ("Qwen3-MoE", {"norm_topk_prob": False, "num_experts_per_tok": 3}),
    ("Gemma 3", {}),
    ("Gemma 3", {"query_pre_attn_scalar": 16, "sliding_window": 3, "layer_types": ROTATED["Gemma 3"]}),
    ("gpt-oss", {}),
    ("gpt-oss", {"sliding_window": 3, "num_experts_per_tok": 1, "layer_types": ROTATED["gpt-oss"]}),
    ("DeepSeek-V3", {}),
    ("DeepSeek-V3", {"n_group": 2, "topk_group": 1, "routed_scaling_factor": 1.0, "rope_interleave": False}),
    ("DeepSeek-V3", {"norm_topk_prob": False, "first_k_dense_replace": 2, "n_shared_experts": 2}),
]


def library(config, weights=None):
    """The library's class in double precision, with its own random weights or with these."""
    model = tiny.theirs(config).double()
    if weights is not None:
        model.load_state_dict(weights, strict=True)
    return model


@pytest.mark.parametrize(("name", "change"), VARIANTS)
@torch.no_grad()
def test_logits_are_those_of_the_library_in_one_pass_and_with_a_cache(name, change):
    config = {**tiny.TINY[name], **change}
    model, s = library(config), switches.read(config)
    w, tokens = model.state_dict(), torch.cat([tiny.prompt(24), tiny.prompt(24, seed=2)])
    right = model(tokens).logits
    assert right.std() > 0.5
    assert agreement.apart(decode(tokens, w, s)[0], right) < 1e-5
    for sizes in (agreement.CHUNKS, [1] * 24, [23, 1]):
        assert agreement.apart(agreement.cached(tokens, w, s, sizes), right) < 1e-5


@torch.no_grad()
def test_a_cache_holds_what_the_library_holds_of_deepseek():
    config = tiny.TINY["DeepSeek-V3"]
    model, tokens = library(config), tiny.prompt(9)
    _, kept = decode(tokens, model.state_dict(), switches.read(config))
    theirs = model(tokens, use_cache=True).past_key_values.layers
    for (latents, keys), layer in zip(kept, theirs, strict=True):
        torch.testing.assert_close(latents, layer.keys[:, 0], rtol=0, atol=1e-5)
        torch.testing.assert_close(keys, layer.values, rtol=0, atol=1e-5)


def test_agreement_is_printed_as_a_share_of_the_spread():
    a, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 5.0])
    assert agreement.apart(a, b) == pytest.approx(2 / b.std().item())


@pytest.mark.parametrize(("activation", "theirs"), [("gelu", "gelu_pytorch_tanh"), ("silu", "silu"), ("clamped", "")])
def test_activations_are_those_of_the_library(activation, theirs):
    gate, up = 12 * torch.randn(2, 500, generator=torch.Generator().manual_seed(3))
    if theirs:
        right = ACT2FN[theirs](gate) * up
    else:
        config = GptOssConfig(hidden_size=8, intermediate_size=8, num_local_experts=2)
        right = GptOssExperts(config)._apply_gate(torch.stack([gate, up], dim=-1).flatten())
    torch.testing.assert_close(parts.gated(gate, up, activation, 7.0), right)


def test_a_softmax_of_the_chosen_is_the_normalized_softmax_of_all():
    generator = torch.Generator().manual_seed(4)
    x, weight = torch.randn(50, 32, generator=generator), torch.randn(8, 32, generator=generator)
    s = switches.read(tiny.TINY["Qwen3-MoE"])
    chosen, shares = experts.route(x, {"gate.weight": weight}, s)
    best = F.linear(x, weight).topk(2)
    assert torch.equal(chosen, best.indices)
    torch.testing.assert_close(shares, best.values.softmax(-1))


@pytest.mark.parametrize("name", tiny.TINY)
def test_counts_are_the_parameters_of_the_tiny_classes(name):
    config = tiny.TINY[name]
    built = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))
    assert counts.total(costs.model(switches.read(config))) == sum(p.numel() for p in built.parameters())


@pytest.mark.parametrize("name", published.FULL)
def test_published_models_have_the_parameters_of_the_library(name):
    config = {
        k: v for k, v in published.FULL[name].items() if k not in ("quantization_config", "num_nextn_predict_layers")
    }
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))
    assert differences.parameters(name) == sum(p.numel() for p in built.parameters())


@pytest.mark.parametrize("name", published.FULL)
@pytest.mark.parametrize("context", [100, 32_768])
def test_costs_are_those_that_another_reader_of_configurations_finds(name, context):
    m, s = configs.read({**published.FULL[name], "quantization_config": None}), published.MODELS[name]
    expected = counts.weight_bytes(m), counts.sequence_bytes(m, context), counts.token_flops(m, context)
    c = costs.cost(s, context)
    assert (c.weights, c.cache, c.flops) == expected


@pytest.mark.parametrize(("name", "defaults"), [("DeepSeek-V3", DeepseekV3Config()), ("gpt-oss-120b", GptOssConfig())])
def test_published_configurations_are_the_defaults_of_their_classes(name, defaults):
    given = defaults.to_dict()
    assert published.FULL[name]["rope_parameters"]["rope_theta"] == given["rope_parameters"]["rope_theta"]
    skipped = ("rope_parameters", "quantization_config", "torch_dtype")
    decided = {k: v for k, v in published.FULL[name].items() if k not in skipped}
    assert {k: given.get(k, getattr(defaults, k, None)) for k in decided} == decided


def test_gemmas_pattern_is_the_one_of_the_class():
    config = {k: v for k, v in published.FULL["Gemma 3 27B"].items() if k != "layer_types"}
    kinds = AutoConfig.for_model(**config).layer_types
    assert kinds == published.FULL["Gemma 3 27B"]["layer_types"]
    s = published.MODELS["Gemma 3 27B"]
    windows = [s.pattern[i % len(s.pattern)] for i in range(s.layers)]
    assert windows == [1024 if kind == "sliding_attention" else None for kind in kinds]
    assert s.pattern == (1024,) * 5 + (None,)
    assert costs.runs(s.pattern) == "5 × 1,024, 1 × full"
    assert s.scale**-2 == pytest.approx(5376 / 32)


def test_a_missing_field_is_an_error_and_no_default():
    config = {k: v for k, v in tiny.TINY["Qwen3-MoE"].items() if k != "norm_topk_prob"}
    with pytest.raises(KeyError, match="norm_topk_prob"):
        switches.read(config)


def test_each_switch_belongs_to_one_decision():
    named = [f for group in costs.DECISIONS.values() for f in group]
    assert sorted(named) == sorted(f.name for f in fields(switches.Switches))
    assert costs.undecided() == set()
    assert set(differences.RISKS) < set(named)


@pytest.mark.parametrize("before", published.MODELS)
@pytest.mark.parametrize("after", ["Llama 3 70B", "DeepSeek-V3"])
def test_steps_add_up_to_the_whole_difference(before, after):
    steps = differences.lines(before, after, 10_000)
    gap = differences.gap(before, after, 10_000)
    for part in ("weights", "cache", "flops"):
        assert sum(getattr(line.cost, part) for line in steps) == getattr(gap, part)
    a, b = published.MODELS[before], published.MODELS[after]
    differ = {f.name for f in fields(a) if getattr(a, f.name) != getattr(b, f.name)}
    assert {f for line in steps for f in line.fields} == differ
    for line in steps:
        assert line.before == tuple(getattr(a, f) for f in line.fields)
        assert line.after == tuple(getattr(b, f) for f in line.fields)


def test_steps_of_the_page_by_hand():
    pair = "Llama 3 70B", "gpt-oss-120b"
    windows = differences.line_of(*pair, "windows")
    assert windows.cache == -18 * 2 * 8 * 64 * 2 * (32_768 - 128)
    assert windows.flops == -18 * 2 * 2 * 64 * 64 * (32_768 - 128)
    width, fed = 2880, differences.line_of(*pair, "feed-forward")
    dense, router = 3 * width * 28_672, width * 128
    assert fed.weights == 36 * 2 * (128 * 3 * width * width + router - dense)
    assert fed.flops == 36 * 2 * (4 * 3 * width * width + router - dense)
    assert differences.free(*pair) == ["sinks", "activation", "rotation"]
    gemma = "Llama 3 70B", "Gemma 3 27B"
    assert differences.line_of(*gemma, "heads").cache == 62 * 2 * 8 * 128 * 2 * 32_768
    assert differences.line_of(*gemma, "windows").cache == -52 * 2 * 16 * 128 * 2 * (32_768 - 1024)
    assert differences.facts() == {
        "experts_gb": f"{fed.weights / 1e9:.1f} GB", "windows_gb": f"{18 * 2048 * 32_640 / 1e9:.2f} GB",
        "gap_weights": f"{(116_829_156_672 - 70_553_706_496) * 2 / 1e9:.1f} GB", "gap_flops": "204.9 GFLOP",
        "gemma_windows": "13.52 GB", "gemma_heads": "8.32 GB", "free_decisions": "3", "all_decisions": "10",
        "dsv3_total": "671.03 billion", "oss_total": "116.83 billion",
    }  # fmt: skip


def test_a_row_shows_signs_and_hides_what_is_tiny():
    c = costs.Cost(1.25e9, -2.5e9, 4e6)
    assert differences.row("x", c).split() == ["x", "+1.2", "-2.50", "·"]
    assert differences.row("x", c, sign="").split() == ["x", "1.2", "-2.50", "·"]


def test_settings_say_what_the_configurations_say():
    said = {name: settings.costly(published.MODELS[name]) for name in settings.NAMES}
    assert list(said["DeepSeek-V3"].values()) == ["61", "7,168", "128, latent 512+64", "none", "8+1 of 256 × 2,048"]
    assert list(said["Gemma 3 27B"].values()) == ["62", "5,376", "32 on 16 of 128", "5 of 6: 1,024", "21,504"]
    assert said["gpt-oss-120b"]["windows"] == "1 of 2: 128"
    assert said["Qwen3 235B-A22B"]["feed-forward"] == "8 of 128 × 1,536"
    risky = [settings.risky(published.MODELS[name]) for name in settings.NAMES]
    assert [c["extras"] for c in risky] == ["none", "QK-norm", "QK-norm, tied", "sinks, biases", "none"]
    assert [c["norms"] for c in risky] == ["2", "2", "4, 1 + w", "2", "2"]
    assert [c["router"] for c in risky] == ["none", "softmax", "none", "softmax", "sigmoid, 8 groups"]


def shapes(config):
    """Names and shapes of the tensors of a configuration."""
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))
    return {name: t.shape for name, t in built.state_dict().items()}


@pytest.mark.parametrize("name", tiny.TINY)
def test_what_changes_no_shape_is_what_loads_in_silence(name):
    ends, right = census.census()[name], shapes(tiny.TINY[name])
    quiet = [field for field, end in ends.items() if end in ("silence", "nothing")]
    assert len(quiet) >= 5
    for field in quiet:
        assert shapes({**tiny.TINY[name], **changes.changes(name)[field]}) == right, field
    for field, end in ends.items():
        late = ("num_hidden_layers", "n_group", *["num_key_value_heads"] * (name == "DeepSeek-V3"))
        if end == "error" and field not in late:  # those are refused before or after loading
            assert shapes({**tiny.TINY[name], **changes.changes(name)[field]}) != right, field


def test_the_cells_that_the_page_names():
    found = census.census()
    assert [found[name]["twice the heads, half as wide"] for name in list(tiny.TINY)[:4]] == ["silence", *["error"] * 3]
    assert found["gpt-oss"]["hidden_act"] == "nothing"
    assert {ends[f"num_{kind}_heads"] for ends in found.values() for kind in ("attention", "key_value")} == {"error"}
    assert found["Gemma 3"]["tie_word_embeddings"] == "report"
    silent = ("num_experts_per_tok", "norm_topk_prob", "sliding_window", "layer_types", "rms_norm_eps", "rope_theta",
              "query_pre_attn_scalar", "rope_interleave", "topk_group", "routed_scaling_factor", "swiglu_limit")  # fmt: skip
    assert {ends[f] for ends in found.values() for f in silent if f in ends} == {"silence"}
    every = [end for ends in found.values() for end in ends.values()]
    numbers = [len(every), *(every.count(end) for end in ("error", "report", "silence", "nothing"))]
    assert list(census.facts().values()) == [str(n) for n in numbers[:4]]
    assert sum(census.counted("Llama 3").values()) == len(found["Llama 3"])


def test_the_log_is_empty_for_silent_changes_and_warns_of_two_tables():
    assert census.warned("silence") == {}
    (message, places), *others = census.warned("nothing").items()
    assert not others and "both are present in the checkpoints with different values" in message
    untied = [name for name, config in tiny.TINY.items() if not config["tie_word_embeddings"]]
    assert places == [f"{name}: tie_word_embeddings" for name in untied]
    reports = [message for places in [census.warned("report")] for message in places]
    assert reports and all("LOAD REPORT" in message for message in reports)


def paired(t):
    """Halves laid out in pairs, so that a class that reads pairs sees the halves."""
    first, second = t.chunk(2, -1)
    return torch.stack([first, second], -1).flatten(-2)


def mistaken(name, w):
    """How the library itself makes a mistake: a change of the configuration, and weights."""
    spoiled = symptoms.MISTAKES[name].weights(w)
    return {
        "1 + w read as w": ({}, {n: t - 1 if "norm" in n else t for n, t in w.items()}),
        "a fresh head instead of the tied one": ({"tie_word_embeddings": False}, spoiled),
        "gate and up split in halves": ({}, {n: paired(t) if "gate_up" in n else t for n, t in w.items()}),
        "scores scaled by the head's width": ({"query_pre_attn_scalar": 16}, w),
        "rotary pairs read as halves": ({"rope_interleave": False}, w),
        "windows one layer early": ({"layer_types": ROTATED["gpt-oss"]}, w),
    }.get(name, ({}, spoiled))


@pytest.mark.parametrize("name", symptoms.MISTAKES)
@torch.no_grad()
def test_the_library_makes_the_same_mistake_without_a_word(name):
    mistake = symptoms.MISTAKES[name]
    config = tiny.TINY[mistake.model]
    w, s, tokens = library(config).state_dict(), switches.read(config), tiny.prompt(24)
    change, weights = mistaken(name, w)
    theirs = library({**config, **change}, {n: t.contiguous() for n, t in weights.items()})
    ours, _ = decode(tokens, mistake.weights(w), replace(s, **mistake.switches(s)))
    assert agreement.apart(ours, theirs(tokens).logits) < 1e-5
    assert (ours - decode(tokens, w, s)[0]).abs().max() > 1e-2


def test_a_mistake_begins_where_its_kind_says():
    begin = {name: symptoms.onset(name) for name in symptoms.MISTAKES}
    assert list(begin.values()) == [1, 1, 1, 1, 1, 1, 2, 2, tiny.WINDOW + 1]
    assert symptoms.facts() == {"onset_windows": "9", "onset_rotary": "2"}
    late = symptoms.profile("windows one layer early")
    assert late.shape == (symptoms.SEEDS, symptoms.TOKENS)
    assert late[:, :8].abs().max() < 1e-12
    sinks = symptoms.profile("sinks left at zero").median(0).values
    assert sinks[0] > 2 * sinks[8:].mean()


def test_divergence_is_that_of_pytorch():
    a, b = torch.randn(2, 1, 6, 10, generator=torch.Generator().manual_seed(5)).double()
    right = F.kl_div(b.log_softmax(-1), a.log_softmax(-1), log_target=True, reduction="none").sum(-1)[0]
    torch.testing.assert_close(symptoms.divergence(a, b), right)


def test_the_calculator_tells_costs_and_risks():
    told = calculator.compare("Llama 3 70B", "Gemma 3 27B", 131_072)
    steps = differences.lines("Llama 3 70B", "Gemma 3 27B", 131_072)
    assert told["decisions that differ"] == str(len(steps)) == "10"
    assert [row[0] for row in told["table"][1:]] == [line.name for line in steps]
    assert told["table"][1][1] == f"{steps[0].cost.weights / 1e9:+,.2f}"
    assert told["norms: unit norm"] == f"no → yes · if read wrong: {differences.RISKS['unit_norm']}"
    assert told["windows: pattern"].startswith("1 × full → 5 × 1,024, 1 × full")
    assert told["weights in 16 bits"] == "141.1 GB → 54.0 GB"
    with pytest.raises(ValueError, match="two different models"):
        calculator.compare("DeepSeek-V3", "DeepSeek-V3")
    assert calculator.said("groups", (8, 4)) == "4 of 8"
    assert calculator.said("eps", 1e-6) == "1e-06"
    assert calculator.said("theta", 1e6) == "1,000,000"


def test_figures_show_what_was_found():
    drawn = census.figure_census()
    found = census.census()
    marks = [end for ends in found.values() for end in ends.values()]
    assert drawn.count("<circle") == marks.count("silence") + 1  # one in the legend
    assert drawn.count("<rect") == marks.count("error") + marks.count("report") + 2
    assert all(f">{field.replace(chr(39), '&#x27;')}<" in drawn for field in census.fields())
    lines = symptoms.figure_onset().axes[0].get_lines()
    starts = [line.get_xdata()[0] for line in lines if line.get_label() in symptoms.SHOWN]
    assert starts == [symptoms.onset(name) for name in symptoms.SHOWN]
    block = drawing.figure_block()
    assert block.count("<rect") == len(drawing.STEPS) + sum(bool(s) for _, s, _ in drawing.STEPS) + 1
    assert block.count("<circle") == sum(bool(h) for _, _, h in drawing.STEPS) + 1


def test_published_totals_are_those_of_their_makers():
    lines = (ROOT / "tests/published/transformers/cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = {case["id"]: case for case in map(json.loads, lines)}
    total, active, _ = cases["TRF-027"]["expected"]
    assert differences.parameters("gpt-oss-120b") / 1e9 == pytest.approx(total, abs=0.011)
    m = costs.model(published.MODELS["gpt-oss-120b"])
    assert counts.matrices(m) / 1e9 == pytest.approx(active, abs=0.02)
    assert differences.parameters("DeepSeek-V3") == pytest.approx(cases["TRF-026"]["expected"][0], rel=0.001)
