"""The page's tables, facts and calculator, number by number, against sizes written out and PyTorch's own casts."""

import re
from pathlib import Path

import pytest
import torch

from fieldguide.guide.outputs import parse
from snippets.inference.kv_cache import calculator, designs, prefix, quantization, sizes, timing
from snippets.shapes.models import MODELS, cache_bytes, parameters

FOLDER = Path(sizes.__file__).parent
TOKEN = 2 * 80 * 8 * 128 * 2  # bytes of Llama 3 70B: keys and values, layers, heads, width, bf16
WEIGHTS = 2 * 70_553_706_496
SPARE = 160e9 - WEIGHTS
USABLE = 0.9 * 160e9 - WEIGHTS


def lines(file, section):
    return parse(FOLDER / f"{file}.out.txt")[section].splitlines()


def numbers(line):
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", line.replace(",", ""))]


def test_chunks_from_one_token_to_the_whole_sequence():
    assert [numbers(line)[0] for line in lines("decoding", "same")] == [1, 4, 12]
    assert all(line.endswith("True") for line in lines("decoding", "same"))


def test_designs_by_their_shapes():
    """Kwon et al. 2023 print 800 KB for OPT-13B; the others come from the shapes of all pages."""
    wide, narrow = (designs.replace(MODELS["Llama 3 70B"], kv_heads=heads) for heads in (64, 1))
    shapes = [MODELS["Llama 3 8B"], MODELS["Llama 3 70B"], wide, narrow, MODELS["DeepSeek-V3"], MODELS["gpt-oss-120b"]]
    opt, *rows = (numbers(line[30:]) for line in lines("designs", "models")[1:])
    assert opt == pytest.approx([800, 800 * 1024 * 8192 / 1e9, 800 * 1024 * 131_072 / 1e9], abs=0.006)
    for row, m in zip(rows, shapes, strict=True):
        short, long = cache_bytes(m, 8192), cache_bytes(m, 131_072)
        assert row == [
            pytest.approx(x, abs=d) for x, d in ((short / 2**23, 0.051), (short / 1e9, 0.006), (long / 1e9, 0.006))
        ]


def test_a_wrong_offset_is_printed_beside_the_right_one():
    right, wrong = (numbers(line) for line in lines("model", "offset"))
    assert right == [64, 0, 100]
    assert (wrong[0], wrong[1]) == (0, pytest.approx(3.98, rel=0.05))
    assert wrong[2] < 20


def test_users_and_their_steps():
    rows = [numbers(line) for line in lines("timing", "users")[1:]]
    assert [row[0] for row in rows] == [1024, 2048, 8192, 32_768]
    for context, users, ms, rate, share in rows:
        held = users * context * TOKEN
        assert held <= SPARE < held + context * TOKEN
        seconds = (WEIGHTS + held) / (2 * 3.35e12)
        assert (ms, rate) == (pytest.approx(1e3 * seconds, abs=0.051), pytest.approx(users / seconds, abs=0.51))
        assert share == pytest.approx(100 * held / (WEIGHTS + held), abs=0.51)


def test_fetching_and_computing_8192_tokens():
    again = 2 * WEIGHTS / 2 * 8192 / (2 * 989e12 * 0.5)
    first, *rows = lines("timing", "offload")
    assert numbers(first) == [pytest.approx(1e3 * again, abs=0.51)]
    for line, rate in zip(rows, (2 * 64e9, 100e9 / 8, 5e9), strict=True):
        seconds = 8192 * TOKEN / rate
        assert numbers(line)[-2:] == [pytest.approx(1e3 * seconds, abs=0.51), pytest.approx(again / seconds, abs=0.051)]


def test_blocks_of_a_shared_system_message():
    requests = prefix.prompts()
    assert len(requests) == 200 and all(request[:1000] == requests[0][:1000] for request in requests)
    assert {len(request) for request in requests} <= set(range(1050, 1401))
    assert max(map(max, requests)) < 32_000 < 1.001 * max(map(max, requests))
    assert len({tuple(request[1000:1050]) for request in requests}) == 200
    rows = [numbers(line) for line in lines("prefix", "shared")[1:]]
    assert [row[0] for row in rows] == [1, 16, 64, 256]
    for block, reused, saved in rows:
        assert reused == 1000 // block * block
        assert saved == pytest.approx(100 * 199 * reused / sum(map(len, requests)), abs=0.051)
    assert [numbers(line.split(":")[1])[0] for line in lines("prefix", "orphan")] == [32, 0, 0]


def attended(q, k, v):
    """Causal attention, written out."""
    scores = q[0, 0] @ k[0, 0].T / 8
    return (scores + torch.full_like(scores, -torch.inf).triu(1)).softmax(-1) @ v[0, 0]


def percent_off(k, v):
    """Error of the output if a cache holds these keys and values."""
    q, right_k, right_v = quantization.cache()
    right = attended(q, right_k, right_v)
    return 100 * float((attended(q, k, v) - right).norm() / right.norm())


def steps(x, bits, size):
    """PyTorch's quantizer over runs of `size` numbers: lowest, highest and equal steps between."""
    runs = x.reshape(-1, size)
    low, high = runs.amin(1, keepdim=True), runs.amax(1, keepdim=True)
    scale, zero = (high - low).flatten() / (2**bits - 1), torch.zeros(len(runs), dtype=torch.int32)
    return (torch.fake_quantize_per_channel_affine(runs - low, scale, zero, 0, 0, 2**bits - 1) + low).reshape(x.shape)


def test_errors_by_axis_and_bits_with_pytorchs_quantizer():
    _, k, v = quantization.cache()
    assert k.shape == v.shape == (1, 1, 256, 64)
    for row in map(numbers, lines("quantization", "axes")[1:]):
        bits = int(row[0])
        turned = [steps(x.transpose(-1, -2), bits, 64).transpose(-1, -2) for x in (k, v)]
        expected = [(steps(k, bits, 64), v), (turned[0], v), (k, steps(v, bits, 64)), (k, turned[1])]
        assert row[1:] == pytest.approx([percent_off(*stored) for stored in expected], rel=0.01, abs=0.051)


def test_errors_of_pytorchs_float8():
    _, k, v = quantization.cache()
    for line, kind in zip(lines("quantization", "fp8"), (torch.float8_e4m3fn, torch.float8_e5m2), strict=True):
        assert line.startswith(str(kind).removeprefix("torch."))
        assert numbers(line)[-1] == pytest.approx(percent_off(k.to(kind).float(), v.to(kind).float()), abs=0.051)


def test_facts_of_sizes():
    """The page's cluster: two GPUs of 80 GB, of which 90% are usable in the second case."""
    oss, v3 = MODELS["gpt-oss-120b"], MODELS["DeepSeek-V3"]
    full = oss.layers * 131_072
    kept = full - oss.window_layers * (131_072 - 128)
    assert designs.facts() == {
        "weights_70b": f"{WEIGHTS / 1e9:.0f} GB", "spare": f"{SPARE / 1e9:.1f} GB", "per_token_70b": "320 KiB",
        "users_8k": f"{SPARE // (8192 * TOKEN):.0f}", "users_8k_fp8": f"{SPARE // (4096 * TOKEN):.0f}",
        "users_8k_usable": f"{USABLE // (8192 * TOKEN):.0f}", "users_8k_fp8_usable": f"{USABLE // (4096 * TOKEN):.0f}",
        "gqa_saving": "8×", "mha_70b_8k": f"{8 * TOKEN * 8192 / 1e9:.1f} GB",
        "gqa_70b_128k": f"{TOKEN * 131_072 / 1e9:.0f} GB",
        "latent_v3": f"{61 * (512 + 64) * 2 / 1024:.1f} KiB",
        "latent_ratio": f"{2 * 126 * 8 * 128 / (61 * (512 + 64)):.2f}×", "window_saving": f"{full / kept:.2f}×",
        "tokens_that_fit": f"{SPARE / TOKEN:,.0f}", "tokens_usable": f"{USABLE / TOKEN:,.0f}",
    }  # fmt: skip
    assert (v3.layers, v3.latent, v3.rope) == (61, 512, 64)
    assert 2 * parameters(MODELS["Llama 3 70B"]) == WEIGHTS


def test_facts_of_time_prefixes_and_groups():
    even = TOKEN * (2 * 989e12 * 0.5) / WEIGHTS  # bytes/s that bring a token as fast as it is computed
    assert timing.facts() == {
        "floor_ms": f"{1e3 * WEIGHTS / 6.7e12:.1f} ms", "crossover": f"{WEIGHTS / TOKEN:,.0f}",
        "break_even": f"{even / 1e9:.1f} GB/s", "fetch_gain": f"{128e9 / even:.0f}",
    }  # fmt: skip
    assert prefix.facts() == {"system_reused": f"{1000 // 16 * 16}"}
    table = {row[0]: row for row in map(numbers, lines("quantization", "axes")[1:])}
    assert quantization.facts() == {
        "key_gain": f"{table[4][1] / table[4][2]:.0f}", "group_bits": f"{4 + 2 * 16 / 32:.0f}",
        "group_bits_2": f"{2 + 2 * 16 / 32:.0f}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "kv_heads", "dtype", "width"), [(80, 8, "bf16", 2), (32, 4, "fp32", 4), (10, 1, "int4", 0.5)]
)
def test_the_calculator(layers, kv_heads, dtype, width):
    token = 2 * layers * kv_heads * 64 * width
    given = {"layers": layers, "kv_heads": kv_heads, "dtype": dtype, "head_dim": 64}
    shown = calculator.kv_cache(**given, context=10_000, weights=100.0, memory=200.0, usable=75.0)
    users = 50e9 // (token * 10_000)
    assert shown["sequences of 10,000 tokens that fit"] == f"{users:,.0f}"
    assert shown["one token"] == f"{token / 2**10:,.1f} KiB"
    assert shown["one sequence"] == f"{token * 10_000 / 1e9:,.2f} GB"
    assert shown["tokens that fit"] == f"{50e9 / token:,.0f}"
    assert shown["cache as large as the weights at"] == f"{100e9 / token:,.0f} tokens"
    bars = shown["bars"]
    assert (bars["limit"], bars["values"]["weights"]) == (150, 100)
    assert bars["values"][f"cache of {users:.0f}"] == pytest.approx(users * token * 10_000 / 1e9)
    (series,) = shown["lines"]["series"].values()
    assert series == [(2**i, pytest.approx(2**i * token / 1e9)) for i in range(9, 21)]
    assert shown["lines"]["points"] == {"yours": (10_000, pytest.approx(token * 10_000 / 1e9))}
