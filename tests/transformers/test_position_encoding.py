"""Position encoding: frequencies, rotation and the small models, held against the library and against counting."""

import ast
import math
import re
import sys
from pathlib import Path
from statistics import mean

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from transformers import CohereConfig, GlmConfig, GptOssConfig, LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.cohere import modeling_cohere
from transformers.models.glm import modeling_glm
from transformers.models.llama import modeling_llama
from transformers.models.speech_to_text.modeling_speech_to_text import Speech2TextSinusoidalPositionalEmbedding

from snippets.transformers.position_encoding import (
    calculator,
    drawings,
    earlier,
    frequencies,
    layouts,
    measurements,
    model,
    precision,
    rotation,
    shape,
    task,
)

FOLDER = Path(frequencies.__file__).parent
PAGE = Path(__file__).parents[2] / "docs/transformers/position-encoding.md"
SIZES = [(128, 10_000.0, 2048, 10.0), (128, 500_000.0, 8192, 8.0), (64, 150_000.0, 4096, 32.0), (32, 10_000.0, 64, 4.0)]


def library(d, base, trained, **parameters):
    """Frequencies and factor, as the library computes them for a scaling."""
    config = LlamaConfig(
        hidden_size=d, num_attention_heads=1, max_position_embeddings=trained,
        rope_parameters={"rope_theta": base, **parameters},
    )  # fmt: skip
    length = parameters.pop("length", None)
    return ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config, "cpu", seq_len=length)


@pytest.mark.parametrize(("d", "base", "trained", "s"), SIZES)
def test_scalings_equal_those_of_the_library(d, base, trained, s):
    original = {"factor": s, "original_max_position_embeddings": trained}
    yarn, scale = library(d, base, 2 * trained, rope_type="yarn", **original)
    exact, _ = library(d, base, 2 * trained, rope_type="yarn", truncate=False, **original)
    turns = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
    pairs = [
        (frequencies.frequencies(d, base), modeling_llama.LlamaRotaryEmbedding(
            LlamaConfig(hidden_size=d, num_attention_heads=1, rope_parameters={"rope_theta": base, "rope_type": "default"})
        ).inv_freq),
        (frequencies.interpolated(d, base, s), library(d, base, trained, rope_type="linear", factor=s)[0]),
        (frequencies.ntk(d, base, s), library(d, base * s ** (d / (d - 2)), trained, rope_type="linear", factor=1.0)[0]),
        (frequencies.yarn(d, base, s, trained), yarn),
        (frequencies.yarn(d, base, s, trained, whole=False), exact),
        (frequencies.llama3(d, base, s, trained), library(d, base, 2 * trained, rope_type="llama3", **original, **turns)[0]),
    ]  # fmt: skip
    for ours, theirs in pairs:
        torch.testing.assert_close(torch.tensor(ours), theirs, rtol=1e-5, atol=0)
    assert frequencies.yarn_scale(s) == pytest.approx(scale, rel=1e-12)
    assert frequencies.yarn_scale(1) == frequencies.yarn_scale(0.5) == 1.0


@pytest.mark.parametrize("length", [100, 2048, 4096, 16_384])
def test_dynamic_ntk_equals_the_library(length):
    config = LlamaConfig(
        hidden_size=128, num_attention_heads=1, max_position_embeddings=2048,
        rope_parameters={"rope_theta": 1e4, "rope_type": "dynamic", "factor": 10.0},
    )  # fmt: skip
    theirs, _ = ROPE_INIT_FUNCTIONS["dynamic"](config, "cpu", seq_len=length)
    ours = torch.tensor(frequencies.dynamic_ntk(128, 1e4, 10.0, 2048, length))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


def rope(config, embedding, x):
    return embedding(config)(x, torch.arange(x.shape[-2])[None])


def test_both_layouts_rotate_as_the_library_does():
    x = torch.randn(2, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    w, sizes = frequencies.frequencies(32, 10_000.0), {"hidden_size": 64, "num_attention_heads": 2, "head_dim": 32}
    cos, sin = rope(LlamaConfig(**sizes), modeling_llama.LlamaRotaryEmbedding, x)
    torch.testing.assert_close(rotation.rotate(x, w), modeling_llama.apply_rotary_pos_emb(x, x, cos, sin)[0])
    torch.testing.assert_close(rotation.rotate(x, w, scale=1.5), 1.5 * rotation.rotate(x, w))
    config = CohereConfig(
        hidden_size=64, num_attention_heads=2, rope_parameters={"rope_theta": 1e4, "rope_type": "default"}
    )
    cos, sin = rope(config, modeling_cohere.CohereRotaryEmbedding, x)
    theirs = modeling_cohere.apply_rotary_pos_emb(x, x, cos, sin)[0]
    torch.testing.assert_close(rotation.rotate(x, w, "adjacent"), theirs)


def test_partial_rotation_equals_that_of_glm():
    x = torch.randn(2, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    config = GlmConfig(hidden_size=64, num_attention_heads=2, head_dim=32)
    cos, sin = rope(config, modeling_glm.GlmRotaryEmbedding, x)
    theirs = modeling_glm.apply_rotary_pos_emb(x, x, cos, sin)[1]
    w = frequencies.partial(32, 10_000.0, 0.5)
    ours = rotation.rotate(x, w, "adjacent")
    torch.testing.assert_close(ours, theirs)
    assert torch.equal(ours[..., 16:], x[..., 16:])


@given(at=st.integers(5, 60), distance=st.integers(0, 5))
def test_a_score_depends_on_the_distance_alone(at, distance):
    q, k = torch.randn(2, 16, generator=torch.Generator().manual_seed(0)).double()
    w = frequencies.frequencies(16, 100.0)
    angles = [distance * x for x in w]
    turned = sum(
        (q[i] * k[i] + q[i + 8] * k[i + 8]) * math.cos(a) + (q[i] * k[i + 8] - q[i + 8] * k[i]) * math.sin(a)
        for i, a in enumerate(angles)
    )
    assert rotation.score(q, k, w, at, distance) == pytest.approx(float(turned), abs=1e-4)


def test_the_sinusoid_equals_that_of_the_library():
    table = Speech2TextSinusoidalPositionalEmbedding.get_embedding(40, 16)  # sines first; no 1 in the exponent
    for position in (0, 1, 39):
        angles = position * torch.exp(torch.arange(8) * -math.log(10_000) / 7)
        torch.testing.assert_close(table[position], torch.cat([angles.sin(), angles.cos()]))
    ours = torch.tensor(earlier.sinusoid(39, 16))
    rotated = rotation.rotate(torch.tensor([0.0, 1.0] * 8).expand(40, 16), frequencies.frequencies(16, 1e4), "adjacent")
    torch.testing.assert_close(ours, rotated[39] * torch.tensor([-1.0, 1.0] * 8))


@pytest.mark.parametrize(("d", "base", "trained", "s"), SIZES)
def test_the_reach_is_where_an_angle_is_first_new(d, base, trained, s):
    """Counted token by token, on each pair that has not finished a turn."""
    w = frequencies.frequencies(d, base)
    slow = [i for i, x in enumerate(w) if x * trained < 2 * math.pi]
    assert frequencies.unfinished(w, trained) == slow
    for scaled in (
        w,
        frequencies.interpolated(d, base, s),
        frequencies.ntk(d, base, s),
        frequencies.llama3(d, base, s, trained),
    ):
        limit = frequencies.reach(w, scaled, trained)
        for distance, is_new in ((math.floor(limit * 0.999), False), (math.ceil(limit * 1.001), True)):
            assert any(scaled[i] * distance > w[i] * trained for i in slow) is is_new
    assert frequencies.reach([1.0], [1.0], 100) == math.inf


def test_yarn_keeps_fast_pairs_and_interpolates_slow_ones():
    w = torch.tensor(frequencies.frequencies(128, 500_000.0), dtype=torch.float64)
    kept = torch.tensor(frequencies.yarn(128, 500_000.0, 4.0, 8192), dtype=torch.float64) / w
    turns = 8192 * w / (2 * math.pi)
    assert torch.allclose(kept[turns > 36], torch.ones(1).double())
    assert torch.allclose(kept[turns < 1], torch.full((1,), 0.25).double())


def test_facts_about_llama_and_gpt_oss():
    facts = shape.facts()
    w = modeling_llama.LlamaRotaryEmbedding(LlamaConfig(
        hidden_size=128, num_attention_heads=1, rope_parameters={"rope_theta": 500_000.0, "rope_type": "default"}
    )).inv_freq.double()  # fmt: skip
    slow = (8192 * w < 2 * math.pi).nonzero().flatten().tolist()
    assert (facts["pairs"], facts["slow"], facts["first_slow"]) == (str(len(w)), str(len(slow)), str(slow[0]))
    base = 500_000.0 * 4 ** (128 / 126)
    ntk = base ** (-2 * slow[0] / 128)
    assert facts["ntk_reach"] == f"{8192 * float(w[slow[0]]) / ntk:,.0f}"
    assert facts["full_reach"] == f"{4 * 8192:,}"
    assert facts["pi_step"] == f"{1 / 4:.2f}"
    q = rotation.rotate(torch.ones(1, 128), shape.W, scale=frequencies.yarn_scale(4.0))
    assert facts["yarn_score"] == f"{float((q @ q.T) / 128):.2f}"
    assert GptOssConfig().rope_parameters["truncate"] is False
    assert (facts["oss_low"], facts["oss_high"]) == ("8.09", "17.40")


def test_dials_and_tables_show_the_angles(capsys):
    for pair, w in enumerate(shape.W):
        seen = max(8192 * w, 0) >= 2 * math.pi
        assert (shape.share_of_angles(w, 8192) == 1) is seen
        angle = math.atan2(math.sin(32_768 * w), math.cos(32_768 * w)) % (2 * math.pi)
        assert shape.is_new(w, w, 32_768) is (angle > 8192 * w), pair
        assert not shape.is_new(w, w / 4, 32_768 - 1)
    drawn = drawings.figure_dials()
    new = {
        (n, p)
        for n, w in shape.scalings().items()
        if n != "Llama 3"
        for p in drawings.PAIRS
        if shape.is_new(shape.W[p], w[p], 32_768)
    }
    assert new == {("none", 42), ("none", 63), ("NTK", 42)}
    assert drawn.count(">new<") == len(new)
    assert [float(x) for x in re.findall(r'stroke="var\(--fg-s(\d)\)"/><text', drawings.figure_layouts())] == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
        3,
    ] * 2 + [0, 1, 2, 3] * 2
    shape.example_pairs()
    row = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("  36"))
    assert float(row.split()[-1].rstrip("%")) == pytest.approx(100 * 8192 * shape.W[36] / (2 * math.pi), abs=0.01)


def test_another_layout_loads_silently_and_is_wrong_beyond_the_first_token():
    right = layouts.llama().state_dict()
    published = layouts.adjacent(right)
    x = torch.randn(5, 64, generator=torch.Generator().manual_seed(2))
    name, w = "model.layers.0.self_attn.q_proj.weight", frequencies.frequencies(16, 10_000.0)
    half, other = ((x @ weights[name].T).unflatten(-1, (4, 16)).transpose(0, 1) for weights in (right, published))
    by_pairs = rotation.rotate(other, w, "adjacent").unflatten(-1, (8, 2)).transpose(-1, -2).flatten(-2)
    torch.testing.assert_close(by_pairs, rotation.rotate(half, w))
    assert all(torch.equal(right[n], y) for n, y in layouts.converted(published).items())
    for wrong in (published, layouts.converted(published, key_heads=4)):
        kl = layouts.divergence(wrong)
        assert kl.isfinite().all() and kl[0].abs() < 1e-5
        assert kl[1] > 0.1 and kl[8:].mean() == pytest.approx(4.24, rel=0.1)
    assert layouts.divergence(layouts.converted(published)).abs().max() < 1e-5


def test_rounding_before_the_product_grows_with_the_position():
    full, half = torch.float32, torch.bfloat16
    late = [precision.error(x - 1, half, full, full) for x in (256, 2048, 8192)]
    assert late == pytest.approx([0.016, 0.129, 0.447], abs=0.001)
    assert [precision.error(x - 1, half, half, half) for x in (256, 2048, 8192)] == pytest.approx(
        [0.032, 0.231, 0.527], abs=0.001
    )
    assert max(precision.error(x, full, full, half) for x in (255, 8191)) < 0.002
    assert precision.moved(full) == 0 and precision.moved(half) == pytest.approx(0.0037, abs=0.0001)
    assert torch.equal(torch.tensor(256).to(half), torch.tensor(257).to(half))


def test_the_language_tells_what_it_asks():
    generator = torch.Generator().manual_seed(0)
    tokens, wanted = task.sample(50, 80, generator)
    for row, goal in zip(tokens.tolist(), wanted.tolist(), strict=True):
        told = dict(divmod(x - task.FACT, task.VALUES) for x in row if x >= task.FACT)
        for i, (x, y) in enumerate(zip(row, goal, strict=True)):
            if task.ASK <= x < task.FACT:
                assert told.get(x - task.ASK, y - task.TEXT) == y - task.TEXT
            else:
                following = row[i + 1] if i < 79 else task.VOCABULARY
                assert y == (following if following < task.TEXT else task.NO_TARGET)
    follows = (tokens[:, :-2] < task.TEXT) & (tokens[:, 2:] < task.TEXT)
    right = (tokens[:, 2:] == (5 * tokens[:, :-2] + 3) % 16)[follows].float().mean()
    assert right == pytest.approx(0.9 + 0.1 / 16, abs=0.02)
    assert (tokens >= task.FACT).float().mean() == pytest.approx(0.25, abs=0.02)
    assert ((tokens >= task.ASK) & (tokens < task.FACT)).float().mean() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("distance", [1, 30, 62])
def test_a_needle_has_one_fact_at_its_distance(distance):
    tokens, value = task.needles(20, distance, 64, torch.Generator().manual_seed(0))
    assert (tokens[:, -1] == task.ASK + 7).all()
    facts = (tokens >= task.FACT) & ((tokens - task.FACT) // 8 == 7)
    assert facts.nonzero()[:, 1].tolist() == [63 - distance] * 20
    assert torch.equal((tokens[:, 63 - distance] - task.FACT) % 8, value)
    made = task.features()[tokens[:, 63 - distance]]
    assert torch.equal(made[:, 24:32].argmax(-1), value) and (made.sum(-1) == 2).all()


def test_one_small_model_finds_far_facts_only_while_angles_are_known():
    """The training of one seed: interpolation finds what the plain model loses, and no longer predicts text."""
    small, losses = model.train(1)
    assert mean(losses[-20:]) < 1.6
    assert mean(losses[:10]) > 2.9
    assert model.retrieval(small, 32) == 1
    plain, text = model.retrieval(small, 248), model.perplexity(small, 64)
    small.w = frequencies.interpolated(32, 10_000.0, 4.0)
    assert plain < 0.5
    assert model.retrieval(small, 248) > 0.9
    assert model.perplexity(small, 64) > 2 * text
    small.w, small.scale = measurements.schemes()["YaRN"]
    assert model.retrieval(small, 248) > 0.9 and model.perplexity(small, 64) < 1.1 * text


def test_a_small_model_sees_no_later_token():
    torch.manual_seed(0)
    small, tokens = model.Model(), task.sample(2, 20, torch.Generator().manual_seed(0))[0]
    other = tokens.clone()
    other[:, 12:] = 0
    with torch.no_grad():
        before, after = small(tokens), small(other)
    torch.testing.assert_close(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:])


def test_perplexity_takes_the_second_half_and_retrieval_the_last_place():
    def early_fool(tokens):
        """Uniform in the second half of a sequence, and sure of the wrong token before."""
        logits = torch.zeros(*tokens.shape, 24)
        logits[:, : tokens.shape[1] // 2, 0] = 50.0
        return logits

    def oracle(tokens):
        """Knows the answer at the last place, and says something else before it."""
        logits = torch.zeros(*tokens.shape, 24)
        logits[..., 0] = 9.0  # a text token, which is no answer
        logits[torch.arange(len(tokens)), -1, task.TEXT + model.needles(30)[1]] = 5.0
        return logits

    assert model.perplexity(early_fool, 64) == pytest.approx(24)
    assert model.retrieval(oracle, 30) == 1


def test_a_scaling_holds_while_every_seed_does(monkeypatch):
    lost = {96: [1.0, 0.94], 120: [1.0, 0.2]}
    monkeypatch.setattr(measurements, "values", lambda scheme, measure, x: lost.get(x, [1.0, 0.95]))
    assert measurements.holds_until("none") == (56, 96)
    assert measurements.spread("none", "retrieval", 96) == pytest.approx((0.94, 0.97, 1))
    lost.clear()
    assert measurements.holds_until("none") == (320, 0)


def recorded(section):
    """Rows of a recorded table."""
    text = (FOLDER / "comparison.out.txt").read_text(encoding="utf-8")
    return re.search(rf"\[start:{section}\]\n(.*?)\n[^\n]*\[end:{section}\]", text, re.S)[1].splitlines()


def test_the_prediction_orders_the_scalings():
    rows = [row.split() for row in recorded("prediction")[1:]]
    reach = {name: float(x) for name, x, *_ in rows}
    assert reach == {"none": 64, "interpolation": 256, "NTK": round(64 * 4 ** (2 * 5 / 30)), "YaRN": 256}
    facts = dict(re.findall(r'<data value="(small_[a-z]+)">([^<]*)</data>', PAGE.read_text(encoding="utf-8")))
    assert facts == {
        f"small_{x.lower()}": f"{reach[y]:.0f}" for x, y in (("plain", "none"), ("NTK", "NTK"), ("YaRN", "YaRN"))
    }
    fails = {name: float(x) or math.inf for name, *_, x in rows}
    assert all(reach[name] < fails[name] for name in reach)
    assert fails["none"] < fails["NTK"] < min(fails["interpolation"], fails["YaRN"])


def test_facts_of_the_small_models_stand_in_the_recorded_tables():
    page = PAGE.read_text(encoding="utf-8")
    facts = dict(re.findall(r'<data value="([a-z_]+)">([^<]*)</data>', page))
    lengths = {row.split()[0]: re.findall(r"[\d.]+", row[14:]) for row in recorded("lengths")[2:]}
    assert [facts["ntk_short"], facts["ntk_long"]] == [lengths["NTK"][0], lengths["NTK"][2]]
    assert [facts["ntk_found"], facts["ntk_worst"]] == [f"{float(x):.0%}" for x in lengths["NTK"][-2:]]
    assert facts["pi_perplexity"] == f"{float(lengths['interpolation'][2]):.1f}"
    assert [facts["yarn_long"], facts["yarn_worst"]] == [lengths["YaRN"][2], f"{float(lengths['YaRN'][-1]):.0%}"]
    assert [facts["plain_short"], facts["plain_double"]] == lengths["none"][:2]
    assert facts["plain_worst"] == f"{float(lengths['none'][6]):.0%}"


def test_the_calculator_agrees_with_the_page():
    default = calculator.context()
    assert default["no new angle up to"] == f"{8 * 8192:,} tokens"
    assert calculator.context(factor=4.0, scaling="NTK")["no new angle up to"] == f"{shape.facts()['ntk_reach']} tokens"
    assert calculator.context(scaling="none")["no new angle up to"] == "8,192 tokens"
    assert calculator.context(head_dim=4, base=2.0)["no new angle up to"] == "any distance"
    assert default["pairs that complete no turn in training"] == "29 of 64" and default["first of them"] == "pair 35"
    assert calculator.context(factor=4.0)["scores multiplied by"] == f"{(0.1 * math.log(4) + 1) ** 2:.3f}"
    assert calculator.context(factor=4.0, scaling="interpolation")["fastest pair, per token"].startswith("0.250 rad")
    assert calculator.context(scaling="Llama 3")["no new angle up to"] == f"{8 * 8192:,} tokens"


def test_presets_are_those_of_the_library():
    fence = re.search(r"```calc\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    presets = yaml.safe_load(fence[1])["presets"]
    theirs = GptOssConfig()
    ours = next(x for name, x in presets.items() if name.startswith("gpt-oss"))
    assert ours["head_dim"] == theirs.head_dim
    assert (ours["base"], ours["factor"]) == (theirs.rope_parameters["rope_theta"], theirs.rope_parameters["factor"])
    assert ours["trained"] == theirs.rope_parameters["original_max_position_embeddings"]


@pytest.mark.parametrize("file", ["calculator.py", "frequencies.py"])
def test_what_the_browser_runs_needs_the_standard_library_alone(file):
    tree = ast.parse((FOLDER / file).read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert names - {"snippets"} <= sys.stdlib_module_names
