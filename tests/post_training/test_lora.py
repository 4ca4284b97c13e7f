"""Adapters against PEFT, NF4 against bitsandbytes, the planner against tensors of a small Llama."""

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import bitsandbytes.functional as bnb
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from snippets.post_training.lora import (
    adapter,
    codebook,
    curves,
    drawing,
    drift,
    first_step,
    four_bit,
    peft_models,
    shipping,
)  # fmt: skip

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = {
    case["id"]: case["expected"]
    for case in map(json.loads, (ROOT / "tests/published/post_training/cases.jsonl").read_text().splitlines())
}


class One(nn.Module):
    """A model of one linear layer."""

    def __init__(self, inputs, outputs, dtype=torch.float32):
        super().__init__()
        self.layer = nn.Linear(inputs, outputs, bias=False, dtype=dtype)

    def forward(self, x):
        return self.layer(x)


def wrapped(weight, rank, **options):
    """PEFT's adapter on that weight, and its factors."""
    model = One(weight.shape[1], weight.shape[0], weight.dtype)
    model.layer.weight.data = weight.clone()
    config = LoraConfig(r=rank, target_modules=["layer"], init_lora_weights=False, **options)
    peft = get_peft_model(model, config)
    layer = peft.base_model.model.layer
    return peft, layer, layer.lora_A["default"].weight.data, layer.lora_B["default"].weight.data


@pytest.mark.parametrize("stabilized", [False, True])
def test_attached_and_merged_are_those_of_peft(stabilized):
    torch.manual_seed(0)
    weight, x = torch.randn(24, 40), torch.randn(5, 40)
    peft, layer, a, b = wrapped(weight, 4, lora_alpha=12, use_rslora=stabilized)
    ours = adapter.Adapter(a, b, adapter.scale(12, 4, stabilized))
    assert ours.scale == layer.scaling["default"]
    with torch.no_grad():
        torch.testing.assert_close(adapter.attached(x, weight, ours), peft(x))
        torch.testing.assert_close(ours.delta(), layer.get_delta_weight("default"))
        torch.testing.assert_close(adapter.merged(x, weight, ours), peft.merge_and_unload()(x))


def test_dora_is_that_of_peft():
    torch.manual_seed(0)
    weight, x = torch.randn(24, 40), torch.randn(5, 40)
    peft, layer, a, b = wrapped(weight, 4, lora_alpha=12, use_dora=True)
    magnitude = layer.lora_magnitude_vector["default"].weight
    magnitude.data *= torch.rand(24) + 0.5
    ours = adapter.dora(weight, adapter.Adapter(a, b, 3.0), magnitude.detach())
    with torch.no_grad():
        torch.testing.assert_close(x @ ours.T, peft(x))
        torch.testing.assert_close(ours, peft.merge_and_unload().layer.weight)
    torch.testing.assert_close(ours.norm(dim=1), magnitude.detach())


def test_a_fresh_adapter_is_drawn_as_peft_draws_it():
    model = get_peft_model(One(400, 24), LoraConfig(r=64, target_modules=["layer"]))
    layer = model.base_model.model.layer
    theirs, ours = layer.lora_A["default"].weight, adapter.fresh(64, 400, 24, 1.0, torch.Generator())
    for a in (theirs, ours.a):
        assert a.shape == (64, 400)
        assert float(a.detach().abs().max()) == pytest.approx(1 / 20, rel=0.01)
        assert float(a.detach().std()) == pytest.approx(1 / 20 / math.sqrt(3), rel=0.02)
    assert not layer.lora_B["default"].weight.any()
    assert not ours.b.any()
    assert ours.b.shape == layer.lora_B["default"].weight.shape


def test_the_printed_adapters_change_nothing_and_something(capsys):
    adapter.example_same()
    fresh, trained = (line.split() for line in capsys.readouterr().out.splitlines()[1:])
    assert fresh == ["fresh", "0", "0.00", "True"]
    x, weight, one = adapter.sample(4, 96, 64)
    assert trained[:3] == ["trained", "4", f"{(2 * x @ one.a.T @ one.b.T).abs().max():.2f}"]
    assert torch.equal(adapter.attached(x, weight, adapter.sample(4, 96, 64, started=False)[2]), x @ weight.T)


def test_the_sixteen_values_are_those_of_bitsandbytes():
    ours, theirs = codebook.nf4_values(), bnb.get_4bit_type("nf4", device="cpu").tolist()
    assert ours == pytest.approx(theirs, abs=2e-7)
    assert ours == pytest.approx(PUBLISHED["PT-022"] + PUBLISHED["PT-023"], abs=2e-7)
    distances = [b - a for a, b in pairwise(theirs)]
    assert codebook.half_gaps() == pytest.approx((min(distances) / 2, max(distances) / 2), abs=2e-7)
    assert (codebook.facts()["least_half_gap"], codebook.facts()["most_half_gap"]) == ("0.040", "0.152")


def test_bits_are_those_of_qlora():
    assert codebook.nf4_bits(doubly=False) == 4 + PUBLISHED["PT-016"] == 4.5
    assert codebook.nf4_bits() == pytest.approx(4 + PUBLISHED["PT-017"], abs=5e-4)
    assert codebook.facts()["double_bits"] == "4.127"
    assert codebook.facts()["plain_bits"] == "4.5"


def test_printed_values_and_gaps(capsys):
    codebook.example_values()
    lines = [line.split()[1:] for line in capsys.readouterr().out.splitlines()]
    values = [float(x) for x in lines[0] + lines[2]]
    assert values == pytest.approx(bnb.get_4bit_type("nf4", device="cpu").tolist(), abs=1e-4)
    gaps = [float(x) for x in lines[1] + lines[3]]
    assert gaps == pytest.approx([b - a for a, b in pairwise(values)], abs=2e-4)
    assert len(gaps) == 15


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_codes_and_scales_are_those_of_bitsandbytes(dtype):
    weight = (0.02 * torch.randn(96, 64 * 3, generator=torch.Generator().manual_seed(0))).to(dtype)
    packed, state = bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    codes, scales = four_bit.quantize(weight)
    theirs = torch.stack([packed.flatten() >> 4, packed.flatten() & 15], 1).reshape(-1, 64)
    assert torch.equal(codes, theirs.long())
    assert torch.equal(scales.flatten(), state.absmax)
    torch.testing.assert_close(
        four_bit.through_nf4(weight), bnb.dequantize_4bit(packed, state).float(), atol=1e-4, rtol=4e-3
    )
    once = four_bit.through_nf4(weight)
    torch.testing.assert_close(four_bit.through_nf4(once), once)


def four_bit_layer(weight):
    """PEFT's adapter over a layer of bitsandbytes."""
    from bitsandbytes.nn import Linear4bit

    model = One(weight.shape[1], weight.shape[0])
    layer = Linear4bit(weight.shape[1], weight.shape[0], bias=False, quant_type="nf4", compress_statistics=False)
    layer.weight.data = weight
    model.layer, model.is_loaded_in_4bit = layer.to("cpu"), True
    return get_peft_model(model, LoraConfig(r=16, lora_alpha=16, target_modules=["layer"], init_lora_weights=False))


def test_each_way_of_shipping_is_what_peft_and_bitsandbytes_ship():
    weight, delta = shipping.drawn(0.03, 0)
    got = shipping.shipped(0.03, 0)
    left, values, right = torch.linalg.svd(delta)
    b, a = left[:, :16] * values[:16], right[:16]

    def put(layer):
        layer.lora_A["default"].weight.data, layer.lora_B["default"].weight.data = a.clone(), b.clone()

    for way, base in ((shipping.BF16, weight.bfloat16()), (shipping.DEQUANTIZED, four_bit.through_nf4(weight))):
        peft, layer, *_ = wrapped(base, 16, lora_alpha=16)
        put(layer)
        theirs = peft.merge_and_unload().layer.weight.bfloat16().float()
        assert shipping.lost(got[way][0], theirs, delta) < 0.004, way  # delta is multiplied from factors
    peft = four_bit_layer(weight)
    put(peft.base_model.model.layer)
    with pytest.warns(UserWarning, match="rounding errors"):
        merged = peft.merge_and_unload().layer.weight
    theirs = bnb.dequantize_4bit(merged.data, merged.quant_state)
    assert shipping.lost(got[shipping.NF4][0], theirs, delta) < 0.02
    assert shipping.kept(theirs, got[shipping.NF4][1], delta) == pytest.approx(0.041, abs=0.003)


def test_bounds_hold_and_small_adapters_keep_one_number_of_64():
    for size in shipping.SIZES:
        for seed in shipping.SEEDS:
            for way in (shipping.BF16, shipping.DEQUANTIZED, shipping.NF4):
                bound = shipping.limit_of(way, size, seed)
                assert bound / 4 < shipping.lost_by(way, size, seed) <= bound
    _, delta = shipping.drawn(0.001, 0)
    got, base = shipping.shipped(0.001, 0)[shipping.NF4]
    codes, _ = four_bit.quantize(base)
    assert torch.equal(codes, four_bit.quantize(base + delta)[0])  # no number has another level
    blocks = base.reshape(-1, 64).abs()
    tops = blocks == blocks.amax(1, keepdim=True)
    alone = tops & (tops.sum(1, keepdim=True) == 1)  # the only number of its block on the outermost level
    change = (got - base).reshape(-1, 64)
    torch.testing.assert_close(change[alone], delta.reshape(-1, 64)[alone], atol=1e-8, rtol=1e-3)
    assert alone.sum() > 300
    assert shipping.average(shipping.kept_by, shipping.NF4, 0.001) == pytest.approx(1 / 64, abs=0.003)


def test_the_bound_of_nf4_in_one_block():
    """The scale grows from 1 to 1.5; the second number's level moves by half of itself, the first has half a gap."""
    base, delta = torch.zeros(1, 64), torch.zeros(1, 64)
    base[0, :2] = torch.tensor([1.0, 0.2])
    delta[0, 0] = 0.5
    half_gap = (1 - 0.6961928) / 2
    assert shipping.nf4_bound(base, delta) == pytest.approx(math.hypot(1.5 * half_gap, 0.1) / 0.5, rel=1e-5)


def test_the_bound_of_bf16_is_half_of_the_last_place():
    """Between 1 and 2 the numbers of bf16 are `eps` apart, between 4 and 8 four times as far."""
    half = torch.finfo(torch.bfloat16).eps / 2
    x = torch.rand(10_000, generator=torch.Generator().manual_seed(0)) + 1
    furthest = float((shipping.in_bf16(x) - x).abs().max())
    assert 0.99 * half < furthest <= half
    one = torch.ones(1)
    assert shipping.bf16_bound(one, one) == shipping.bf16_bound(1.99 * one, one) == half
    assert shipping.bf16_bound(4 * one, one) == 4 * half
    assert shipping.bf16_bound(0.99 * one, one) == half / 2


def test_facts_about_shipping_are_printed(capsys):
    shipping.example_bounds()
    shipping.example_ways()
    lines = capsys.readouterr().out.splitlines()
    facts, one = shipping.facts(), lines[2].split()
    assert float(one[2][:-1]) == pytest.approx(float(facts["bf16_lost"][:-1]), abs=0.6)
    assert float(one[1][:-1]) == pytest.approx(float(facts["bf16_bound"][:-1]), abs=0.6)
    assert one[5] == facts["nf4_kept"]
    ways = [re.findall(r"[\d.]+(?=%)", line) for line in lines[7:]]
    assert float(facts["original_off"]) == pytest.approx(float(ways[3][0]) / 100, abs=0.06)
    for mean, least, most, _ in ways:
        assert float(least) <= float(mean) <= float(most)
    assert [way[3] for way in ways] == ["100.0", "100.0", "4.1", "100.0"]


def test_a_cycle_is_that_of_peft():
    base, delta = shipping.drawn(0.01, 0)
    peft, layer, *_ = wrapped(base.bfloat16(), 16, lora_alpha=16)
    left, values, right = torch.linalg.svd(delta)
    layer.lora_A["default"].weight.data, layer.lora_B["default"].weight.data = right[:16], left[:, :16] * values[:16]
    change = layer.get_delta_weight("default").detach()
    peft.merge_adapter()
    peft.unmerge_adapter()
    theirs = layer.base_layer.weight.data
    assert torch.equal(theirs, drift.cycle(base.bfloat16(), change))
    assert not torch.equal(theirs, base.bfloat16())


def test_drift_grows_with_an_adapter_that_grows(capsys):
    assert drift.drift(1, 3, growing=False) == drift.drift(1, 3)
    assert drift.drift(50, 3, growing=False) == pytest.approx(drift.drift(1, 3), rel=0.05)
    for seed in shipping.SEEDS:
        assert drift.drift(1, seed) < drift.drift(10, seed) < drift.drift(100, seed)
    drift.example_cycles()
    rows = [re.findall(r"[\d.]+(?=%)", line) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [f"{float(row[1]):.0f}%" for row in (rows[0], rows[2])] == list(drift.facts().values())
    assert rows[0][0] == rows[0][1]


@pytest.mark.parametrize("rank", [4, 64])
@pytest.mark.parametrize("rule", first_step.RULES)
def test_one_step_of_adam_on_one_token_in_closed_form(rank, rule):
    x, _, a = first_step.drawn(rank, 1, 0)
    factor = adapter.scale(first_step.ALPHA, rank, first_step.RULES[rule])
    found = first_step.moved(rank, rule, "Adam", 0)
    assert found == pytest.approx(first_step.token_change(factor, first_step.RATE, x, a), rel=1e-3)


def test_one_step_of_sgd_on_one_token_in_closed_form():
    x, pull, a = first_step.drawn(16, 1, 0)
    low = x @ a.T
    expected = first_step.RATE * float(low.square().sum()) * float(pull.square().mean().sqrt())
    assert first_step.moved(16, "α/r", "SGD", 0) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("tokens", [1, 64])
@pytest.mark.parametrize("name", first_step.OPTIMIZERS)
def test_a_first_step_is_that_of_pytorch(name, tokens):
    x, pull, start = first_step.drawn(16, tokens, 0)
    a, b = start.clone().requires_grad_(), torch.zeros(256, 16, requires_grad=True)
    (pull * (1.5 * (x @ a.T) @ b.T)).sum().backward()
    getattr(torch.optim, name)([a, b], lr=first_step.RATE).step()
    assert torch.equal(a, start)  # B was zero, so A had no gradient
    torch.testing.assert_close(
        first_step.step(x, pull, start, 1.5, name), b.detach(), atol=0.02 * float(b.abs().max()), rtol=1e-3
    )


@pytest.mark.parametrize("tokens", [1, 64])
@pytest.mark.parametrize("rank", first_step.RANKS)
def test_no_step_exceeds_its_bound(rank, tokens):
    for seed in first_step.SEEDS:
        x, pull, a = first_step.drawn(rank, tokens, seed)
        b = first_step.step(x, pull, a, 1.5, "Adam")
        assert float(b.abs().max()) == pytest.approx(first_step.RATE, rel=1e-3)
        norm = float(torch.linalg.matrix_norm(1.5 * b @ a, 2))
        assert norm <= first_step.step_bound(1.5, first_step.RATE, 256, a) * (1 + 1e-5)
        assert norm > 0.1 * first_step.step_bound(1.5, first_step.RATE, 256, a)


def test_growth_with_the_rank(capsys):
    first_step.example_ranks()
    first_step.example_bound()
    lines = capsys.readouterr().out.splitlines()
    grown = [float(line.split()[-1]) for line in lines[1:5]]
    assert grown == pytest.approx([1, 4, 1 / 16, 1], rel=0.06)
    facts = first_step.facts()
    assert [float(facts[k]) for k in ("adam_flat", "adam_stabilized")] == pytest.approx(grown[:2], abs=0.06)
    assert float(facts["sgd_fall"]) == grown[2]
    assert float(facts["adam_batch"]) == pytest.approx(first_step.growth("α/r", "Adam", 64), abs=0.006)
    assert float(facts["adam_batch"]) < 0.6
    shares = [[float(x) for x in line.split()[3:]] for line in lines[5:]]
    assert all(row == sorted(row, reverse=True) for row in shares)
    assert all(a > b for a, b in zip(*shares, strict=True))
    assert shares[0][0] > 0.9


def test_three_stages_agree_unless_the_adapted_head_is_the_embedding(capsys):
    peft_models.example_tied()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[3:] for row in rows[:3]] == [["0.00", "0.00"]] * 3
    effect, merged, loaded = map(float, rows[3][2:])
    assert merged == loaded > effect > 1
    assert peft_models.facts() == {"tied_effect": f"{effect:.1f}", "tied_gap": f"{merged:.1f}"}


def test_all_linear_finds_the_router(capsys):
    peft_models.example_router()
    every, named = (line.split()[1:] for line in capsys.readouterr().out.splitlines())
    assert sorted(set(every) - set(named)) == ["gate"]
    assert named.count("experts") == every.count("experts") == 2


def test_figures_show_what_was_computed():
    svg = drawing.figure_adapter()
    assert "16.8 M, frozen" in svg
    assert "0.13 M, trained" in svg
    lost = curves.figure_lost().axes[0]
    bf16, _, nf4, _, _ = lost.lines
    assert bf16.get_ydata()[3] == pytest.approx(100 * shipping.average(shipping.lost_by, shipping.BF16, 0.01))
    assert nf4.get_ydata()[3] == pytest.approx(100 * shipping.average(shipping.lost_by, shipping.NF4, 0.01))
    ranks = curves.figure_ranks().axes[0]
    assert [text.get_text() for text in ranks.texts] == ["Adam, α/r", "Adam, α/√r", "SGD, α/r", "SGD, α/√r"]
    first = [line.get_ydata()[-1] / line.get_ydata()[1] for line in ranks.lines]
    assert first == pytest.approx([1, 4, 1 / 16, 1], rel=0.06)
