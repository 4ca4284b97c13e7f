"""Attention against PyTorch's kernels and `transformers`; traffic against a profiler's count; splits against FlashAttention's code."""

import ast
import inspect
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention.bias import causal_lower_right
from torch.nn.attention.flex_attention import AuxRequest, create_block_mask, flex_attention
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import LlamaConfig, LlamaForCausalLM

from snippets.shapes.models import MODELS, cache_bytes
from snippets.transformers.attention import (
    breaks,
    calculator,
    culprit,
    curves,
    decoder,
    flips,
    heads,
    splits,
    tiles,
    traffic,
    walk,
)
from snippets.transformers.attention.instrument import Traffic

ROOT = Path(__file__).resolve().parents[2]
TILES = [(16, 16), (32, 8), (8, 32), (24, 40), (1, 50), (50, 1), (100, 100)]


# ---- Heads


@pytest.mark.parametrize("kv_heads", [1, 2, 4, 8])
def test_shared_heads_are_those_of_pytorch(kv_heads):
    q, k, v = heads.tensors(8, kv_heads, tokens=33, width=24)
    theirs = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(heads.attend(q, k, v), theirs)


class Copies(TorchDispatchMode):
    """Counts the numbers that are copied."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.numbers += out.numel() if func is torch.ops.aten.clone.default else 0
        return out


def test_the_product_copies_a_shared_head_for_each_query_head():
    q, k, v = heads.tensors(8, 2, tokens=6)
    with Copies() as views:
        q.unflatten(1, (2, -1)), k.unsqueeze(2)
    with Copies() as copies:
        heads.attend(q, k, v)
    assert views.numbers == 0 and copies.numbers == 4 * (k.numel() + v.numel())


def llama(kv_heads):
    """The small decoder's shape as a class of `transformers`, in double precision."""
    config = LlamaConfig(
        vocab_size=decoder.VOCAB, hidden_size=decoder.HIDDEN, intermediate_size=decoder.WIDTH, num_hidden_layers=2,
        num_attention_heads=decoder.HEADS, num_key_value_heads=kv_heads, head_dim=decoder.HEAD_DIM,
        tie_word_embeddings=False, attn_implementation="eager",
    )  # fmt: skip
    return LlamaForCausalLM(config).double()


@pytest.mark.parametrize("kv_heads", [32, 8, 1])
def test_weights_of_a_layer_are_those_of_transformers(kv_heads):
    m = replace(heads.LLAMA, kv_heads=kv_heads)
    with torch.device("meta"):
        layer = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=8, hidden_size=4096, intermediate_size=8, num_hidden_layers=1, num_attention_heads=32,
                num_key_value_heads=kv_heads, head_dim=128,
            )
        ).model.layers[0].self_attn  # fmt: skip
    assert heads.projection_parameters(m) == sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize("name", ["Llama 3 8B", "Llama 3 70B"])
def test_stored_numbers_and_intensity(name):
    """The cache of all pages, and PyTorch's count of a decoding step over the bytes of its keys and values."""
    m = MODELS[name]
    assert heads.stored_numbers(m) * m.layers == cache_bytes(m, 1, 1.0)
    q, k, v = heads.tensors(m.heads, m.kv_heads, 64, m.head_dim, device="meta")
    groups = q[:, :, :1].unflatten(1, (m.kv_heads, -1))
    with heads.FlopCounterMode(display=False) as counter:
        weights = groups @ k.unsqueeze(2).transpose(-2, -1)
        weights @ v.unsqueeze(2)
    read = 2 * (k.numel() + v.numel())
    assert heads.decode_intensity(m, tokens=64) == counter.get_total_flops() / read
    assert heads.decode_intensity(m, 64, width=1) == 2 * heads.decode_intensity(m, 64)


def test_sharing_changes_no_flop():
    counted = {heads.counted_flops(replace(heads.LLAMA, kv_heads=n), 128) for n in (1, 8, 32)}
    assert counted == {4 * 32 * 128 * 128**2}


def test_scores_and_statistics_are_bytes_of_tensors():
    m = heads.LLAMA
    scores = torch.empty(m.heads, 8192, 8192, dtype=torch.bfloat16, device="meta")
    lse = torch.empty(m.heads, 8192, dtype=torch.float32, device="meta")
    assert heads.score_gb(m, 8192) == pytest.approx(scores.nbytes / 1e9)
    assert heads.statistic_mb(m, 8192) == pytest.approx(lse.nbytes / 1e6)


# ---- Tiles


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("tile", TILES)
def test_tiles_agree_with_autograd(tile, causal):
    q, k, v, grad = tiles.tensors(50, dtype=torch.float64)
    out, lse = tiles.forward(q, k, v, tile, causal)
    ours = [out, *tiles.backward(q, k, v, out, lse, grad, tile, causal)]
    leaves = [x[None].clone().requires_grad_() for x in (q, k, v)]
    right = F.scaled_dot_product_attention(*leaves, is_causal=causal)
    theirs = [right, *torch.autograd.grad(right, leaves, grad[None])]
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other[0], rtol=0, atol=1e-13)


def test_the_statistic_is_that_of_flex_attention():
    q, k, v, _ = tiles.tensors(40)
    mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, 40, 40, device="cpu")
    out, aux = flex_attention(
        q[None, None], k[None, None], v[None, None], block_mask=mask, return_aux=AuxRequest(lse=True)
    )
    ours, statistic = tiles.forward(q, k, v, (16, 8))
    torch.testing.assert_close(ours, out[0, 0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(statistic[:, 0], aux.lse[0, 0], rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.randoms(use_true_random=False))
def test_tiles_in_any_order_make_one_softmax(size, rng):
    q, k, v, _ = tiles.tensors(24, dtype=torch.float64)
    scores = q[-1:] @ k.T * 3
    state = torch.full((1, 1), float("-inf")).double(), torch.zeros(1, 1).double(), torch.zeros(1, 16).double()
    order = list(range(0, 24, size))
    rng.shuffle(order)
    for left in order:
        state = tiles.absorb(state, scores[:, left : left + size], v[left : left + size])
    m, z, o = state
    torch.testing.assert_close(o / z, scores.softmax(-1) @ v)
    torch.testing.assert_close(m + z.log(), scores.logsumexp(-1, keepdim=True))


def test_skipped_tiles_are_those_above_the_diagonal():
    """Forward of 8 by 8 tiles: 36 of 64 are computed, two products each."""
    forward, _ = tiles.tile_flops(64, 16, (8, 8), causal=True)
    assert forward == 36 * 2 * (2 * 8 * 8 * 16)
    dense, both = tiles.tile_flops(64, 16, (8, 8), causal=False)
    assert (dense, both) == (64 * 2 * 2048, 64 * 7 * 2048)
    assert traffic.extra_flops() == pytest.approx(7 / 6 - 1)


def test_the_example_says_true_everywhere(capsys):
    tiles.example_same()
    rows = [row.split() for row in capsys.readouterr().out.splitlines()[1:]]
    assert all(row[1:5] == ["True"] * 4 for row in rows)
    shares = [float(row[5].rstrip("%")) for row in rows]
    assert shares == sorted(shares) and shares[-1] == 100


# ---- Traffic


def test_the_instrument_counts_what_each_operation_names():
    a, b = torch.ones(10, 20), torch.ones(20, 30)
    with Traffic() as meter:
        c = a @ b
        c.add_(1.0)
        c.zero_()
        c[:5].copy_(torch.empty(5, 30))
    assert meter.read == 4 * (200 + 600 + 300 + 150)
    assert meter.written == 4 * (300 + 300 + 300 + 150)


def test_a_kernel_keeps_results_in_fast_memory():
    a = torch.ones(100)
    out = torch.empty(100)
    with Traffic() as meter, meter.kernel():
        x = a.clone()
        y = x + x
        z = y * y
        del x, y
        out.copy_(z + 1)
    assert (meter.read, meter.written) == (400, 400)
    assert meter.peak == 3 * 400


def test_leaving_a_kernel_forgets_its_results():
    a = torch.ones(100)
    with Traffic() as meter:
        with meter.kernel():
            b = a.clone()
        b + 1
    assert (meter.read, meter.written) == (800, 400)


def test_the_count_is_near_that_of_a_profiler():
    """35.3 GB: figure 2 of the conference version of FlashAttention's paper."""
    counted = traffic.gigabytes(traffic.eager_traffic(1024, 64, padding=True), 16 * 64)
    assert counted == pytest.approx(35.3, rel=0.03)
    assert f"{counted:.1f} GB" == traffic.facts()["counted_gb"]


@pytest.mark.parametrize(("tokens", "width", "tile"), [(64, 16, (16, 16)), (96, 8, (32, 16)), (64, 16, (16, 64))])
def test_counted_bytes_follow_the_formulas(tokens, width, tile):
    """What the calculator says of one head is what the instrument counted, to the byte."""
    shown = calculator.traffic(tokens, 1, width, *tile)
    separate, tiled = traffic.eager_traffic(tokens, width)[0], traffic.tiled_traffic(tokens, width, tile)[0]
    series = shown["lines"]["series"]
    assert 1e9 * series["separate operations"][0][1] == pytest.approx(separate.read + separate.written)
    assert 1e9 * shown["lines"]["points"]["yours"][1] == pytest.approx(tiled.read + tiled.written)
    passes = tokens // tile[0]
    assert tiled.read == 2 * (tokens * width + 2 * tokens * width * passes)
    assert tiled.written == 2 * (tokens * width + tokens)


@pytest.mark.parametrize("side", [8, 16, 32])
def test_backward_traffic(side):
    """Each tile of keys reads queries, gradients and two statistics, and reads and writes the gradient of the queries."""
    tokens, width = 64, 16
    counted, numbers, passes = traffic.tiled_traffic(tokens, width, (side, side))[1], 64 * 16, 64 // side
    assert counted.read == 2 * (2 * numbers + 2 * numbers + passes * (3 * numbers + 2 * tokens))
    assert counted.written == 2 * (numbers + tokens + 2 * numbers + passes * numbers)


def test_the_calculator_agrees_with_the_page():
    shown = calculator.traffic()
    assert shown["one matrix of scores"] == heads.facts()["scores_gb"]
    assert calculator.traffic(dtype="fp32")["kept for the backward pass instead"] == heads.facts()["statistic_mb"]
    assert (
        shown["ratio"]
        == f"{calculator.traffic(heads=1)['lines']['series']['separate operations'][0][1] / calculator.traffic(heads=1)['lines']['points']['yours'][1]:,.1f}"
    )
    assert calculator.traffic(queries=64, keys=32, head_dim=16)["fast memory for a tile, at least"] == "10 KiB"


def test_a_floor_is_bytes_over_bandwidth():
    assert traffic.floor_ms(4.4, 2.0) == pytest.approx(1e3 * 4.4e9 / 2.0e12)
    assert 1e3 * 40.3e9 / 2.0e12 < 41.7, "measured times lie above the floor"


# ---- Splits


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60))
def test_splits_cover_the_keys(keys, number):
    assert splits.fixed_sizes(keys, number)[:-1] == [number] * ((keys - 1) // number)
    assert sum(splits.fixed_sizes(keys, number)) == keys
    if number <= keys:
        even = splits.even_sizes(keys, number)
        assert sum(even) == keys and len(even) == number and max(even) - min(even) <= 1


@pytest.mark.parametrize("sizes", [[30], [15, 15], [7, 23], [1, 1, 28], [10, 10, 10]])
def test_merged_splits_are_one_attention(sizes):
    q, k, v, _ = tiles.tensors(30)
    right = F.scaled_dot_product_attention(q[None, -1:], k[None], v[None])[0]
    got = splits.split_attention(q[-1:], k, v, sizes, torch.float32)
    torch.testing.assert_close(got, right, rtol=1e-5, atol=1e-6)


def test_fixed_sizes_make_a_sequence_independent_of_its_batch():
    """Also of what comes later: all splits but the last stay as they are when a token is added."""
    q, k, v, _ = (x.bfloat16() for x in tiles.tensors(100))
    one = splits.split_attention(q[-1:], k, v, splits.fixed_sizes(100, 32), torch.bfloat16)
    batch = torch.stack([q[-1:], q[:1], q[50:51]])
    many = splits.split_attention(
        batch, k.expand(3, -1, -1), v.expand(3, -1, -1), splits.fixed_sizes(100, 32), torch.bfloat16
    )
    assert torch.equal(many[0], one)
    assert splits.fixed_sizes(101, 32)[:3] == splits.fixed_sizes(100, 32)[:3]
    assert splits.even_sizes(101, 4)[:3] != splits.even_sizes(104, 4)[:3]


@pytest.mark.parametrize("size", [512, 2048, 8192])
def test_a_chain_by_dealing_work_to_processors(size):
    for batch in (1, 3, 16, 40):
        work = batch * 8 * -(-8192 // size)
        hands = [0] * splits.SMS
        for item in range(work):
            hands[item % splits.SMS] += size
        assert splits.longest_chain(batch * 8, 8192, size) == max(hands)
    assert splits.longest_chain(8, 8192, 2048, processors=32) == 2048, "each of 32 processors takes one split"


def test_partials_in_bf16_change_many_numbers_and_in_fp32_few():
    alone = splits.even_sizes(splits.KEYS, 15)
    assert splits.changed(splits.even_sizes(splits.KEYS, 2), alone, torch.bfloat16) > 0.3
    assert 0 < splits.changed(splits.even_sizes(splits.KEYS, 2), alone, torch.float32) < 0.01
    assert splits.changed(alone, alone, torch.bfloat16) == 0


def test_facts_of_splits_are_printed_in_the_table(capsys):
    splits.example_load()
    rows = {row.split()[0]: row.split() for row in capsys.readouterr().out.splitlines()[1:]}
    facts = splits.facts()
    assert [facts[f"splits_{n}"] for n in (1, 8, 12, 14)] == [rows[str(n)][1] for n in (1, 8, 12, 14)]
    chain, fixed = (int(x.replace(",", "")) for x in rows["1"][4:6])
    assert facts["chain_ratio"] == f"{fixed / chain:.1f}"


# ---- Tokens


def test_the_decoder_is_a_llama_without_positions():
    m = decoder.decoder(3, torch.float32)
    theirs, tokens = llama(decoder.KV_HEADS), decoder.prompts(3, 4)
    names = {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
             "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}  # fmt: skip
    weights = {"model.embed_tokens.weight": m.embedding, "lm_head.weight": m.head.T}
    for i, layer in enumerate(m.layers):
        weights |= {f"model.layers.{i}.{names[n]}.weight": w.T for n, w in layer.items()}
    missing, unexpected = theirs.load_state_dict(weights, strict=False)
    assert not unexpected and all("norm" in name for name in missing)
    theirs.model.rotary_emb.inv_freq.zero_()  # no rotation: positions are not told apart
    theirs.config.rms_norm_eps = 1e-6
    with torch.no_grad():
        right = theirs(tokens).logits[:, -1]
    for n in (1, 3):
        got = decoder.decode(m, tokens, decoder.prefill(m, tokens), n, torch.float32)
        torch.testing.assert_close(got, right, rtol=1e-3, atol=1e-3)


def test_low_precision_is_what_bf16_stores():
    m = decoder.decoder(0)
    x = torch.randn(100, dtype=torch.float64)
    assert torch.equal(m.store(x), x.bfloat16().double())
    assert all(torch.equal(w, w.bfloat16().double()) for layer in m.layers for w in layer.values())


def test_tokens_change_in_low_precision_only():
    changed = [flips.changed_tokens(seed, "bf16", [("bf16", 2), ("bf16", 8), ("fp32", 2)]) for seed in flips.SEEDS]
    two, eight, exact = (sum(column) / len(column) for column in zip(*changed, strict=True))
    assert 0.005 < two < 0.05 and 0.005 < eight < 0.05
    assert exact < 0.002
    assert flips.changed_tokens(0, "fp32", [("fp32", 2)]) == [0]
    assert flips.changed_tokens(0, "bf16", [("bf16", 1)]) == [0]


def test_one_addition_changes_the_token():
    """Everything is as with one split but a single number of layer 0, and the token is that of two splits."""
    m, prompt = culprit.case()
    found = culprit.culprits(m, prompt)
    (place,) = [place for place, enough in found.items() if enough]
    assert culprit.token(m, prompt) != culprit.token(m, prompt, 2)
    a = culprit.addition(m, prompt, *place)
    q, k, v, one = (x[0, place[0]] for x in culprit.first_layer(m, prompt, 1))
    exact = F.scaled_dot_product_attention(q[None], k[None], v[None])[0, 0, place[1]].item()
    assert a.exact == pytest.approx(exact, rel=1e-9)
    stored = torch.tensor([a.exact, sum(a.addends)]).bfloat16().tolist()
    assert stored == [a.one, a.two], "each sum goes to its nearer neighbor"
    fp32 = m.store(splits.split_attention(q, k, v, splits.even_sizes(len(k), 2), torch.float32))
    assert fp32[0, place[1]] == a.one, "parts that are not rounded lead to the same number as one split"
    swapped = one.clone()
    swapped[0, place[1]] = a.two
    assert (swapped != one).sum() == 1
    other = next(place for place, enough in found.items() if not enough)
    assert not culprit.suffices(m, prompt, *other, culprit.first_layer(m, prompt, 2)[-1][0, other[0], 0, other[1]])


def test_the_neighbors_are_neighbors():
    m, prompt = culprit.case()
    place = next(place for place, enough in culprit.culprits(m, prompt).items() if enough)
    a = culprit.addition(m, prompt, *place)
    low = torch.tensor(min(a.one, a.two), dtype=torch.bfloat16)
    assert min(a.one, a.two) < a.exact < max(a.one, a.two) and abs(a.one - a.exact) < abs(a.two - a.exact)
    assert torch.nextafter(low, torch.tensor(9.0, dtype=torch.bfloat16)).item() == max(a.one, a.two)
    assert culprit.spacing() == max(a.one, a.two) - min(a.one, a.two) == 2 * torch.finfo(torch.bfloat16).eps


# ---- Breaks


def test_exponentials_of_fp16_overflow_where_the_fact_says():
    limit = breaks.highest_score(torch.float16)
    for score, finite in ((limit - 0.05, True), (limit + 0.05, False)):
        scores = torch.tensor([score, 0.0], dtype=torch.float16)
        assert breaks.naive_softmax(scores).isfinite().all() == finite
        assert scores.softmax(-1).isfinite().all()
    assert torch.tensor(breaks.highest_score(torch.bfloat16) - 1).exp().bfloat16().isfinite()
    assert not torch.tensor(breaks.highest_score(torch.bfloat16) + 1).exp().bfloat16().isfinite()
    assert breaks.facts()["fp16_largest"] == "65,504"


def test_causal_from_the_wrong_corner_is_silent_and_wrong():
    q, k, v, _ = (x[None, None] for x in tiles.tensors(6))
    first = F.scaled_dot_product_attention(q[:, :, -1:], k, v, is_causal=True)
    torch.testing.assert_close(first[0, 0, 0], v[0, 0, 0])  # the only key it sees is the first
    alone, pair = breaks.chunk_errors(1), breaks.chunk_errors(2)
    assert alone["is_causal=True"][0] > 1 and min(pair["is_causal=True"]) > 1
    assert alone["no mask"][0] < 1e-5, "a test with one token passes"
    assert pair["no mask"][0] > 0.05 and pair["no mask"][1] < 1e-5
    assert max(alone["causal_lower_right"] + pair["causal_lower_right"]) < 1e-5
    assert causal_lower_right(2, 6)._materialize().sum() == 5 + 6


def test_a_hidden_first_tile_is_not_repaired_by_later_ones():
    assert breaks.padded(tiles.absorb).isnan().all()
    q, k, v, _ = tiles.tensors(8)
    right = (q[-1:] @ k[4:].T).softmax(-1) @ v[4:]
    torch.testing.assert_close(breaks.padded(breaks.guarded), right)
    state = other = torch.full((1, 1), float("-inf")), torch.zeros(1, 1), torch.zeros(1, 16)
    for j in (q[-1:] @ k.T)[0].argsort().tolist():  # the maximum rises with each key
        state = breaks.guarded(state, q[-1:] @ k[j : j + 1].T, v[j : j + 1])
        other = tiles.absorb(other, q[-1:] @ k[j : j + 1].T, v[j : j + 1])
    torch.testing.assert_close(state, other)
    assert (
        not F.scaled_dot_product_attention(
            q[None, -1:], k[None], v[None], attn_mask=torch.zeros(1, 8, dtype=torch.bool)
        )
        .isnan()
        .any()
    ), "PyTorch guards a row that sees nothing"


# ---- Figures


def test_the_walk_ends_in_the_softmax_of_all_keys():
    q, k, _, _ = tiles.tensors(walk.TOKENS)
    scores = (q[-1:] @ k.T) / 4
    last = walk.stops()[-1]
    assert last.m == pytest.approx(scores.max().item())
    assert last.z == pytest.approx((scores - scores.max()).exp().sum().item(), rel=1e-5)
    highest = [s.max().item() for s in scores.split(walk.SIDE, dim=1)]
    assert [stop.highest for stop in walk.stops()] == pytest.approx(highest)
    tops = torch.cat(scores.split(walk.SIDE, dim=1)).amax(-1).cummax(0).values  # after each tile
    before = torch.cat([torch.tensor([float("-inf")]), tops[:-1]])
    assert [stop.shrink for stop in walk.stops()] == pytest.approx((before - tops).exp().tolist())
    drawn = walk.figure_walk()
    assert all(f">{stop.z:.2f}<" in drawn for stop in walk.stops())
    assert drawn.count("stroke-dasharray") == 6 + 1, "six hidden tiles and their key"


def test_the_curve_shows_what_was_counted(monkeypatch):
    monkeypatch.setattr(traffic, "SIZE", (256, 16))
    counts = {side: traffic.tiled_traffic(256, 16, (side, side))[0] for side in traffic.SIDES}
    for side, (kib, mb) in traffic.points().items():
        assert (kib, mb) == (counts[side].peak / 1024, (counts[side].read + counts[side].written) / 1e6)
    labels = " ".join(t.get_text() for t in traffic.figure_moved().axes[0].texts)
    assert re.findall(r"(\d+) x \1", labels) == [str(side) for side in traffic.SIDES]


def test_the_number_line_shows_the_addition():
    labels = " ".join(t.get_text() for t in curves.figure_neighbors().axes[0].texts)
    a = curves.decisive()
    for number in (a.exact, a.one, a.two, sum(a.addends)):
        assert f"{number:.6f}" in labels


def test_the_calculator_needs_the_standard_library_alone():
    tree = ast.parse(inspect.getsource(calculator))
    names = {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert names <= set(sys.stdlib_module_names)
