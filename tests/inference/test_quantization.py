"""Formats against PyTorch's float8 and torchao's FP6, FP4, MX and NVFP4; methods by what they promise."""

import ast
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchao.prototype.mx_formats import kernels
from torchao.prototype.mx_formats.mx_tensor import MXTensor
from torchao.prototype.mx_formats.nvfp4_tensor import NVFP4Tensor, per_tensor_amax_to_scale
from torchao.quantization import Int8WeightOnlyConfig, IntxWeightOnlyConfig, MappingType, NF4Tensor, PerGroup, quantize_

from snippets.inference.quantization import activations, awq_scales, gptq, torchao_layers
from snippets.inference.quantization import blocks as quantization_blocks
from snippets.inference.quantization import calculator as quantization_calculator
from snippets.inference.quantization import formats as quantization
from snippets.inference.quantization import timing as quantization_time
from snippets.inference.quantization.formats import E2M1, E2M3, E3M2, E4M3, E5M2

FLOAT8 = {torch.float8_e4m3fn: E4M3, torch.float8_e5m2: E5M2}
SMALL = {  # torchao's conversions to and from one code per byte
    "E2M1": (E2M1, kernels.f4_unpacked_to_f32, kernels.f32_to_f4_unpacked),
    "E2M3": (E2M3, kernels.f6_e2m3_unpacked_to_f32, kernels.f32_to_f6_e2m3_unpacked),
    "E3M2": (E3M2, kernels.f6_e3m2_unpacked_to_f32, kernels.f32_to_f6_e3m2_unpacked),
}


def hard_numbers(values):
    """Every value, every midpoint, their neighbors in fp32, and what lies beyond, both signs."""
    values = np.unique(np.abs(np.array([v for v in values if math.isfinite(v)], dtype=np.float32)))
    points = np.concatenate([values, (values[1:] + values[:-1]) / 2, values[-1] * 1.003 ** np.arange(400)])
    points = points.astype(np.float32)
    near = [np.nextafter(points, np.float32(to)) for to in (-np.inf, np.inf)]
    points = np.unique(np.concatenate([points, *near]))
    return torch.tensor(np.concatenate([points, -points]))


@pytest.mark.parametrize("dtype", FLOAT8, ids=str)
def test_all_256_codes_decode_as_in_pytorch(dtype):
    theirs = torch.arange(256, dtype=torch.uint8).view(dtype).double().tolist()
    ours = [quantization.decode(code, FLOAT8[dtype]) for code in range(256)]
    for code, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert (math.isnan(a) and math.isnan(b)) or math.copysign(1, a) == math.copysign(1, b), code
        assert a == b or math.isnan(b), code


@pytest.mark.parametrize("dtype", FLOAT8, ids=str)
def test_rounding_ties_and_overflow_are_pytorchs(dtype):
    """PyTorch 2.13 saturates E4M3 and does not saturate E5M2."""
    points = hard_numbers(torch.arange(256, dtype=torch.uint8).view(dtype).float().tolist())
    points = torch.cat([points, torch.tensor([math.inf, -math.inf])])
    theirs = points.to(dtype).view(torch.uint8).tolist()
    saturate = dtype is torch.float8_e4m3fn
    assert [quantization.encode(x, FLOAT8[dtype], saturate) for x in points.tolist()] == theirs
    assert len(theirs) > 1000


@settings(deadline=None, max_examples=100)
@given(x=st.floats(width=32, allow_nan=True))
def test_any_float_encodes_as_in_pytorch(x):
    for dtype, f in FLOAT8.items():
        code = int(torch.tensor(x).to(dtype).view(torch.uint8))
        ours = quantization.encode(x, f, saturate=dtype is torch.float8_e4m3fn)
        assert ours == code or (math.isnan(x) and ours & 127 == 127)


def test_what_saturates_and_what_does_not():
    e4m3_nan, e5m2_infinity, e5m2_largest = 0x7F, 0x7C, 0x7B
    assert quantization.encode(464.0, E4M3, saturate=False) == 0x7E, "a tie with 480 goes to the even 448"
    assert quantization.encode(464.01, E4M3, saturate=False) == e4m3_nan
    assert quantization.encode(61440.0, E5M2, saturate=False) == e5m2_infinity
    assert quantization.encode(-math.inf, E5M2) == 0x80 | e5m2_largest
    assert quantization.encode(1e9, E2M1, saturate=False) == 7
    with pytest.raises(ValueError, match="no code for NaN"):
        quantization.encode(math.nan, E2M1)


def test_e8m0_is_pytorchs_scale_type():
    """All codes; encoding for every normal fp32 exponent (PyTorch rounds subnormal fp32 differently)."""
    codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e8m0fnu).double().tolist()
    assert [quantization.decode_scale(code) for code in range(255)] == codes[:255]
    assert math.isnan(quantization.decode_scale(255)) and math.isnan(codes[255])
    mantissas = (1.0, 1.25, 1.4999, 1.5, 1.5001, 1.75, 1.9999)
    points = [2.0**e * m for e in range(-126, 128) for m in mantissas] + [0.0, math.inf, math.nan]
    theirs = torch.tensor(points).to(torch.float8_e8m0fnu).view(torch.uint8).tolist()
    assert [quantization.encode_scale(x) for x in points] == theirs


@pytest.mark.parametrize("name", SMALL)
def test_six_and_four_bits_are_torchaos(name):
    f, decode, encode = SMALL[name]
    count = 2 ** (1 + f.exponent_bits + f.mantissa_bits)
    theirs = decode(torch.arange(count, dtype=torch.uint8)).tolist()
    assert [quantization.decode(code, f) for code in range(count)] == theirs
    points = hard_numbers(theirs)
    assert [quantization.encode(x, f) for x in points.tolist()] == encode(points).tolist()


def test_the_published_table_of_e2m1():
    """OCP Microscaling Formats, E2M1."""
    assert [quantization.decode(c, E2M1) for c in range(8)] == [0, 0.5, 1, 1.5, 2, 3, 4, 6]


def test_nf4_is_the_table_of_bitsandbytes_and_torchao():
    cases = map(json.loads, Path("tests/published/post_training/cases.jsonl").read_text(encoding="utf-8").splitlines())
    halves = [case["expected"] for case in cases if case["family"] == "nf4-codebook"]
    ours = quantization_blocks.nf4_table()
    assert halves and len(ours) == 16
    for half in halves:
        part = ours[:8] if half[0] == -1 else ours[8:]
        assert part == pytest.approx(half, abs=1e-6) or part == pytest.approx(half[1:], abs=1e-6)
    theirs = NF4Tensor.from_tensor(torch.randn(256, 64), 64, 256).nf4
    assert ours == pytest.approx(theirs.tolist(), abs=6e-5)  # printed to four digits there


def blocks_of(width):
    """Rows of very different size, some zero."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(64, width, generator=g) * torch.exp(3 * torch.randn(64, 1, generator=g))
    x[5] = 0
    return x


def test_mxfp4_is_torchaos():
    x = blocks_of(32)
    theirs = MXTensor.to_mx(x, torch.float4_e2m1fn_x2, 32).dequantize(torch.float32)
    assert torch.equal(torch.tensor([quantization_blocks.mxfp4(row) for row in x.tolist()]), theirs)


@pytest.mark.parametrize("two_levels", [False, True])
def test_nvfp4_is_torchaos(two_levels):
    x = blocks_of(16)
    scale = per_tensor_amax_to_scale(x.abs().max()) if two_levels else None
    theirs = NVFP4Tensor.to_nvfp4(x, per_tensor_scale=scale).dequantize(torch.float32)
    level = float(scale) if two_levels else 1.0
    ours = torch.tensor([quantization_blocks.nvfp4(row, level) for row in x.tolist()])
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)


def linear(seed=0):
    layer = nn.Sequential(nn.Linear(64, 32, bias=False))
    layer[0].weight.data = torch.randn(32, 64, generator=torch.Generator().manual_seed(seed))
    return layer, layer[0].weight.detach().clone()


@pytest.mark.parametrize("one_sign", [False, True])
@pytest.mark.parametrize("symmetric", [True, False])
def test_int4_groups_are_torchaos(symmetric, one_sign):
    layer, w = linear()
    if one_sign:
        w = w.abs() + 0.5
        layer[0].weight.data = w.clone()
    kind = MappingType.SYMMETRIC if symmetric else MappingType.ASYMMETRIC
    quantize_(layer, IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(32), mapping_type=kind))
    stored = layer[0].weight
    scale, zero = gptq.grid(w, 4, 32, symmetric)
    codes = gptq.quantize(w, *(t.repeat_interleave(32, -1) for t in (scale, zero)), 4)
    torch.testing.assert_close(scale, stored.scale)
    assert torch.equal(zero, stored.zero_point.float())
    assert torch.equal(codes, stored.qdata.float())
    torch.testing.assert_close(gptq.nearest(w, 4, 32, symmetric), stored.dequantize())


def test_int8_codes_are_torchaos():
    """Its scale is absmax / 127.5, that of the page's integer product absmax / 127."""
    layer, w = linear()
    quantize_(layer, Int8WeightOnlyConfig())
    scale, zero = gptq.grid(w, 8, 64, symmetric=True)
    assert torch.equal(gptq.quantize(w, scale, zero, 8), layer[0].weight.qdata.float())


@settings(deadline=None, max_examples=60)
@given(bits=st.integers(2, 8), group=st.sampled_from([4, 16, 64]), seed=st.integers(0, 99))
def test_what_is_not_clamped_is_within_half_a_step(bits, group, seed):
    _, w = linear(seed)
    scale, zero = (t.repeat_interleave(group, -1) for t in gptq.grid(w, bits, group, False))
    codes = gptq.quantize(w, scale, zero, bits)
    inner = (codes > -(2 ** (bits - 1))) & (codes < 2 ** (bits - 1) - 1)
    off = (gptq.dequantize(codes, scale, zero) - w).abs()
    assert (off <= scale * (0.5 + 1e-4))[inner].all()


@pytest.mark.parametrize("bits", [8, 4, 3, 2])
@pytest.mark.parametrize("group", [128, 32])
def test_gptq_beats_rounding_on_the_calibration_loss_and_on_new_tokens(bits, group):
    w, x = gptq.layer()
    seen, new = x.chunk(2)
    rounded = gptq.nearest(w, bits, group)
    fitted = gptq.gptq(w, seen, bits, group)
    for tokens in (seen, new):
        assert gptq.loss(w, fitted, tokens) < 0.6 * gptq.loss(w, rounded, tokens)
    assert (fitted - w).norm() > (rounded - w).norm(), "the weights themselves are further away"


def test_gptq_of_uncorrelated_inputs_is_rounding():
    """With a diagonal Hessian no column can make up for another."""
    _, w = linear()
    fitted = gptq.gptq(w, torch.eye(64), 4, 32, damp=0.0)
    torch.testing.assert_close(fitted, gptq.nearest(w, 4, 32))


def test_gptq_moves_the_last_column_to_its_least_squares_solution():
    """Two inputs: once the first code is fixed, least squares gives the best second weight."""
    g = torch.Generator().manual_seed(1)
    x = torch.randn(50, 2, generator=g, dtype=torch.float64) @ torch.tensor([[1.0, 0.9], [0.0, 0.3]]).double()
    w = torch.tensor([[0.437, -0.91]], dtype=torch.float64)
    stored = gptq.gptq(w, x, bits=3, group=1, damp=0.0)
    assert stored[0, 0] == pytest.approx(0.437 * 3 / 3.5), "3 bits reach 3, absmax asks for 3.5"
    best, *_ = np.linalg.lstsq(x[:, 1:].numpy(), (x @ w.T - x[:, :1] @ stored[:, :1].T).numpy())
    assert abs(best.item() - w[0, 1]) > 0.05, "it moved"
    assert stored[0, 1] == pytest.approx(best.item() * 4 / 3.5), "its own group of one, negative: code -4"


def test_integer_product_is_exact_up_to_the_codes():
    x, w = activations.activations(0)
    a, a_scale = activations.to_int8(x, 1)
    b, b_scale = activations.to_int8(w, 1)
    theirs = torch._int_mm(a, b.T.contiguous())  # PyTorch's own int8 product
    ours = activations.int8_linear(x, w, per_token=True)
    torch.testing.assert_close(ours, theirs * a_scale * b_scale.T)
    assert a.abs().max() == 127


def test_an_outlier_channel_silently_breaks_int8_and_smoothing_cures_it():
    x, w = activations.activations(100)
    error = activations.error
    broken = activations.int8_linear(x, w)
    assert broken.isfinite().all()
    assert error(broken, x, w) == pytest.approx(0.250, rel=0.02)
    lost = (activations.to_int8(x, None)[0] == 0).float().mean()
    assert float(lost) == pytest.approx(0.308, rel=0.02)
    per_token = activations.int8_linear(x, w, per_token=True)
    assert error(per_token, x, w) > 0.9 * error(broken, x, w), "a scale per token is no remedy"
    smoothed = activations.smooth(x, w)
    torch.testing.assert_close(smoothed[0] @ smoothed[1].T, x @ w.T, rtol=1e-4, atol=1e-3)
    assert error(activations.int8_linear(*smoothed), x, w) < error(broken, x, w) / 3
    assert error(activations.split(x, w, [5, 40]), x, w) < 0.02
    fp8 = activations.through_fp8(x)
    inner = [i for i in range(128) if i not in (5, 40)]
    assert (fp8[:, inner] == 0).float().mean() < 0.001, "fp8 keeps the neighbors"
    assert error(fp8 @ w.T, x, w) == pytest.approx(0.351, rel=0.02), "but not the outlier itself"
    fp8 = activations.through_fp8(x, dim=1)
    largest = x.abs().argmax(1, keepdim=True)
    torch.testing.assert_close(fp8.gather(1, largest), x.gather(1, largest), rtol=1e-6, atol=0)
    assert error(fp8 @ w.T, x, w) < 0.55 * error(per_token, x, w), "per token it is kept"


@pytest.mark.parametrize("dim", [None, 1])
def test_fp8_with_scales_is_what_torchao_stores(dim):
    """Codes and scales of torchao's float8 tensors, per tensor and per row."""
    from torchao.quantization import PerRow, PerTensor
    from torchao.quantization.quantize_.workflows import Float8Tensor

    x, _ = activations.activations(100)
    granularity = PerTensor() if dim is None else PerRow()
    theirs = Float8Tensor.from_hp(x, granularity=granularity).dequantize()
    torch.testing.assert_close(activations.through_fp8(x, dim), theirs)


def test_on_new_tokens_gptq_keeps_less_of_its_gain_than_awq(capsys):
    """Recomputed here on tokens of another seed than the page's."""
    awq_scales.example_weights()
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[:2] for row in rows] == [["0", "256"], ["10", "256"], ["30", "256"], ["30", "4,096"]]
    for outlier, tokens, wins in ((0, 256, False), (30, 256, False), (30, 4096, True)):
        x, w = activations.activations(outlier, tokens, seed=7)
        new, _ = activations.activations(outlier, 2048, seed=8)
        rounded = gptq.nearest(w, 4, 32)
        protected = awq_scales.awq(x, w, 4, 32)
        moved = gptq.gptq(w, x, 4, 32)
        seen, held = ([activations.error(t @ s.T, t, w) for s in (rounded, protected, moved)] for t in (x, new))
        assert seen[2] < seen[1], "on its own tokens GPTQ always wins"
        assert (held[2] < held[1]) == wins
        assert held[0] - held[1] == pytest.approx(seen[0] - seen[1], abs=0.01), "AWQ keeps its gain"
        if tokens == 256:
            assert held[0] - held[2] < 0.55 * (seen[0] - seen[2])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_the_strength_divides_the_difficulty(alpha):
    """At 1 all channels of x are equally large, at 0 all columns of w; at a half both pairs are equal."""
    x, w = activations.smooth(*activations.activations(100), alpha)
    largest = x.abs().amax(0), w.abs().amax(0)
    if alpha == 0.5:
        torch.testing.assert_close(*largest)
    else:
        even = largest[0] if alpha == 1 else largest[1]
        torch.testing.assert_close(even, torch.ones_like(even))


def test_awq_never_loses_to_rounding_and_wins_with_large_inputs():
    for outlier, gain in ((0, 1.0), (10, 1.1), (30, 1.3)):
        x, w = activations.activations(outlier)
        rounded = gptq.nearest(w, 4, 32)
        protected = awq_scales.awq(x, w, 4, 32)
        error = [activations.error(x @ t.T, x, w) for t in (rounded, protected)]
        assert error[0] >= gain * error[1] * (1 - 1e-6)


@given(bits=st.floats(1, 32), peak=st.floats(1e12, 1e16), bandwidth=st.floats(1e11, 1e13))
def test_at_the_balance_reading_and_multiplying_take_equally_long(bits, peak, bandwidth):
    tokens = quantization_time.balance(bits, peak, bandwidth)
    read, multiply = quantization_time.step_seconds(tokens, 7e9, bits, peak, bandwidth)
    assert read == pytest.approx(multiply, rel=1e-9)


def test_llama_is_the_size_of_the_kv_cache_page():
    from snippets.inference.kv_cache import timing

    assert 2 * quantization_time.PARAMETERS == timing.WEIGHTS
    read, _ = quantization_time.step_seconds(1, quantization_time.PARAMETERS, 16, 1, 2 * 3.35e12)
    assert read == pytest.approx(timing.WEIGHTS / (2 * timing.BANDWIDTH), rel=1e-12)


@pytest.mark.parametrize(("parameter_bits", "cache", "fact"), [(8, 1.0, "users_fp8"), (4.5, 2.0, "users_int4")])
def test_as_many_sequences_fit_as_in_the_planner(parameter_bits, cache, fact):
    """One H100 with the planner's share of its memory; in fp8 a cache in bf16 finds no room."""
    from snippets.inference.overview.setup import Setup
    from snippets.shapes.accelerators import ACCELERATORS
    from snippets.shapes.models import MODELS, cache_bytes

    s = Setup(MODELS["Llama 3 70B"], ACCELERATORS["H100"], 1)
    usable = s.chip.memory_gb * 1e9 * s.memory_share
    spare = usable - quantization_time.PARAMETERS * parameter_bits / 8
    fits = int(spare // cache_bytes(s.model, 8192, cache))
    assert quantization_time.facts()[fact] == str(fits)
    if parameter_bits == 8:
        assert spare < cache_bytes(s.model, 8192, 2.0)


@pytest.mark.parametrize(("bits", "fact"), [(16, "half_bf16"), (4.5, "half_int4")])
def test_at_half_of_peak_the_balance_is_that_of_the_page_on_batching(bits, fact):
    from snippets.inference.batching import engine as batching_engine

    engine = batching_engine.H100_LLAMA3_8B
    tokens = engine.weights / engine.token * bits / 16
    assert quantization_time.facts()[fact] == f"{tokens:.0f}"


def test_torchao_holds_a_byte_for_each_code_of_four_bits():
    model = torchao_layers.model()
    quantize_(model, torchao_layers.CONFIGS["int4 weights, groups of 32"])
    scale, zero_point = 16, 8
    assert torchao_layers.bits_held(model) == 8 + (scale + zero_point) / 32


def numbers_of(seed=0, count=1024):
    import random

    rng = random.Random(seed)
    return [rng.gauss(0, 1) * (20 if i % 50 == 3 else 1) for i in range(count)]


@pytest.mark.parametrize(
    ("numbers", "scale", "size", "ours"),
    [
        ("fp4 E2M1", "E8M0", 32, quantization_blocks.mxfp4),
        ("fp4 E2M1", "E4M3", 16, lambda block: quantization_blocks.nvfp4(block, 1 / 64)),
        ("int4", "fp16", 32, quantization_blocks.int4),
    ],
)
def test_the_calculator_stores_what_the_page_stores(numbers, scale, size, ours):
    x = numbers_of() + [1e-4 * v for v in numbers_of(1)]  # the second half needs the least block scale
    for i in range(0, len(x), size):
        block = x[i : i + size]
        stored = quantization_calculator.store(block, numbers, scale, False)
        assert stored == pytest.approx(ours(block), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("bits", [3, 4, 8])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_the_calculators_integers_are_the_pages(bits, asymmetric):
    x = numbers_of(1, 64)
    ours = gptq.nearest(torch.tensor(x, dtype=torch.float64), bits, 64, not asymmetric)
    stored = quantization_calculator.store(x, f"int{bits}", "fp16", asymmetric)
    assert stored == pytest.approx(ours.tolist(), rel=1e-9)


@pytest.mark.parametrize("table", ["E2M1", "E4M3"])
def test_the_calculators_tables_and_ties_are_the_pages(table):
    f, values = getattr(quantization, table), getattr(quantization_calculator, table)
    assert values == [quantization.decode(code, f) for code in range(f.largest_code + 1)]
    for x in hard_numbers(values).tolist():
        assert quantization_calculator.nearest(x, values) == quantization.decode(quantization.encode(x, f), f)


def test_the_calculator_answers_with_known_values():
    result = quantization_calculator.quantization(numbers="fp4 E2M1", scale="E8M0", block="32")
    assert result["bits per number"] == "4.250"
    assert result["70 billion weights"] == "37.2 GB"
    coarse = quantization_calculator.quantization(numbers="int4", block="1024", outlier=200.0)
    assert coarse["of those, stored as zero"] == "100.0%"
    fp8 = quantization_calculator.quantization(numbers="fp8 E4M3", block="1024", outlier=100.0)
    assert fp8["of those, stored as zero"] == "0.0%"


@pytest.mark.parametrize("module", [quantization, quantization_blocks, quantization_time, quantization_calculator])
def test_formats_need_the_standard_library_alone(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    allowed = {"snippets"} if module is quantization_blocks else set()
    assert names <= sys.stdlib_module_names | allowed
