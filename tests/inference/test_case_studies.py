"""Published figures against their own inputs; formulas against PyTorch, transformers and simulation; the hot spot's symptom."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from snippets.inference.case_studies import calculator, deepseek, hotspot, mooncake, paging, ranking, reduction
from snippets.inference.kv_cache import sizes


# ---- vLLM
def test_a_token_of_opt_13b_and_a_request_are_what_the_paper_prints():
    token = sizes.kv_bytes_per_token(**paging.OPT_13B)
    assert token == 2 * 5120 * 40 * 2 == 800 * 1024  # the paper's own product
    assert paging.LIMIT * token / 2**30 == pytest.approx(1.6, abs=0.05)


@pytest.mark.parametrize("law", ["exponential", "constant"])
def test_what_a_running_sequence_holds_is_what_a_simulation_meets(law):
    """Walk through every step of 40,000 sequences and look at what is held."""
    rng = np.random.default_rng(0)
    outputs = rng.exponential(338.0, 40_000) if law == "exponential" else np.full(40_000, 338.0)
    held = np.sum(outputs * (161 + outputs / 2)) / np.sum(outputs)  # each step, each sequence
    expected = paging.held(161, 338, time_weighted=law == "exponential")
    assert held == pytest.approx(expected, rel=0.02)


def test_half_a_block_is_empty_on_average():
    lengths = np.random.default_rng(1).integers(1, 2000, 20_000)
    used = lengths.sum() / (-(-lengths // 16) * 16).sum()
    assert paging.paged_in_use(lengths.mean(), 16) == pytest.approx(used, abs=0.001)


@pytest.mark.parametrize("system, within", [("longest", 0.021), ("oracle", 0.01), ("paged", 0.022)])
def test_two_means_predict_figure_2(system, within):
    ours = paging.predictions()
    assert abs(ours[system] - paging.measured(system)) < within
    assert abs(ours["naive"] - paging.measured("longest")) > 0.06  # and half a reply does not


def test_figure_2_adds_up():
    assert all(sum(row) == pytest.approx(100, abs=0.11) for row in paging.FIGURE_2.values())


# ---- Character.AI
@given(context=st.integers(1, 200_000), one_global_in=st.integers(1, 12))
def test_windows_save_what_the_tested_cache_formula_saves(context, one_global_in):
    full = sizes.hybrid_bytes(one_global_in, 0, 1024, context, 1.0)
    mixed = sizes.hybrid_bytes(1, one_global_in - 1, 1024, context, 1.0)
    assert reduction.window_factor(context, 1024, one_global_in) == pytest.approx(full / mixed)


@pytest.mark.parametrize(("context", "sharing", "more"), [(1340, 2, False), (1365, 2, True), (1, 3, True)])
def test_the_three_reductions_of_the_post_give_more_than_twenty(context, sharing, more):
    """MQA, windows, shared layers: above 20 from a third more than the window, or at any length if three layers share."""
    parts = reduction.factors(context, sharing)
    three = reduction.product(parts, "heads", "sharing", "windows")
    assert (three > 20) == more
    assert reduction.product(parts) == 2 * three, "int8 comes on top"


# ---- Mooncake
@pytest.mark.parametrize("node, printed", [(mooncake.A800, 6), (mooncake.H800, 19)])
def test_the_published_thresholds(node, printed):
    assert round(mooncake.least_bandwidth(8192, node) / 1e9) == printed


def test_the_coefficient_is_what_the_layers_of_llama_3_70b_multiply():
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=8, hidden_size=8192, intermediate_size=28_672, num_hidden_layers=1,
            num_attention_heads=64, num_key_value_heads=8, head_dim=128,
        ))  # fmt: skip
    weights = sum(p.numel() for p in model.model.layers.parameters() if p.dim() == 2)
    assert 2 * weights / 8192**2 == mooncake.matmul_coefficient() != 22


def test_attention_costs_four_per_pair_and_channel():
    q = torch.empty(1, 1, 64, 32, device="meta")
    with FlopCounterMode(display=False) as count:
        (q @ q.transpose(-1, -2)) @ q
    assert count.get_total_flops() == 4 * 64**2 * 32 == mooncake.ATTENTION * 64**2 * 32


def test_the_pool_and_the_percentages_of_the_paper():
    token = sizes.kv_bytes_per_token(**sizes.LLAMA3_70B)
    assert token == 320 * 1024
    assert 2.9e6 < 1e12 / token < 3.4e6  # "about 3 million"
    assert 131_072 * token == 40 * 2**30
    assert mooncake.nodes_for(50e6, 3e6) == 17  # where "at least 20" is printed
    for times, less in ((1.56, 0.36), (2.12, 0.53), (2.76, 0.64)):  # figure 8 against its text
        assert 1 - 1 / times == pytest.approx(less, abs=0.005)
    assert mooncake.times_to_change(2.36) == pytest.approx(1.36)
    assert pytest.approx(0.14, abs=0.005) == 1 - 3.07 / 3.58


# ---- DeepSeek
DAY = deepseek.Day()


def test_the_bill_is_exact_and_the_revenue_right_within_the_rounding_of_tokens():
    assert deepseek.cost(DAY) == 87_072
    slack = 0.5e3 * (0.14 + 2 * 0.55 + 2.19)  # half a billion more or less of each count
    assert abs(deepseek.revenue(DAY) - 562_027) < slack
    assert round(100 * (562_027 / 87_072 - 1)) == 545  # profit over cost
    assert pytest.approx(0.845, abs=0.0005) == 1 - 87_072 / 562_027  # over revenue


def test_two_throughputs_divide_the_published_fleet():
    prefill, decode = deepseek.pools(DAY)
    assert prefill + decode == pytest.approx(226.75, rel=0.001)
    assert (prefill, decode) == pytest.approx((95.5, 131.4), abs=0.05)


@pytest.mark.parametrize("gpus, slots", [(32, 9), (144, 2)])
def test_experts_with_their_redundant_copies_fill_the_published_slots(gpus, slots):
    assert gpus * slots == 256 + 32


def test_tokens_per_expert_are_what_random_routing_gives():
    rng, tokens = np.random.default_rng(0), 144 * 20
    chosen = rng.permuted(np.tile(np.arange(256), (tokens, 1)), axis=1)[:, :8]
    counts = np.bincount(chosen.ravel(), minlength=256)
    assert counts.mean() == deepseek.tokens_per_expert(144, 20)
    assert counts.max() > 1.2 * counts.mean()  # balanced on average is not balanced


# ---- Meta
def hstu_flops(model, tokens):
    """The reference's matrices, multiplied: gates, values, queries, keys; attention; output."""
    inner = model.heads * model.head_dim
    x = torch.empty(tokens, model.width, device="meta")
    with FlopCounterMode(display=False) as count:
        for _ in range(model.layers):
            u, v, q, k = (x @ torch.empty(model.width, 4 * inner, device="meta")).split(inner, dim=1)
            heads = (t.view(tokens, model.heads, -1).transpose(0, 1) for t in (q, k, v))
            q, k, v = heads
            attended = F.silu(q @ k.transpose(1, 2)) @ v
            y = attended.transpose(0, 1).reshape(tokens, inner)
            torch.cat([u, y, u * y], dim=1) @ torch.empty(3 * inner, model.width, device="meta")
    return count.get_total_flops()


@pytest.mark.parametrize("tokens", [1, 37, 500])
def test_flops_are_what_pytorch_counts(tokens):
    model = ranking.Ranker()
    full = ranking.per_token(model) * tokens + ranking.per_pair(model) * tokens**2
    assert hstu_flops(model, tokens) == full


@given(st.floats(1e6, 1e15))
def test_the_history_of_a_budget_costs_that_budget(flops):
    model = ranking.MODEL
    events = ranking.history_for(model, flops)
    assert ranking.history_flops(model, events) == pytest.approx(flops, rel=1e-6)


def test_the_benchmark_s_ratios_and_its_table():
    assert ranking.table_bytes(1e9, 512, 2) == pytest.approx(1e12, rel=0.03)
    assert 1 < ranking.EVENTS < 16_384  # the longest sequence of the reference
    alone = ranking.request_flops(ranking.MODEL, ranking.EVENTS, 1, True)
    assert alone == pytest.approx(260e9, rel=0.001)  # "per candidate" holds for a single one


def test_candidates_that_share_a_history_score_as_if_alone():
    """Cached keys and values change nothing, if the mask hides candidates from each other."""
    torch.manual_seed(0)
    history, candidates = torch.randn(1, 2, 12, 8), torch.randn(1, 2, 5, 8)
    keys = torch.cat([history, candidates], dim=2)
    mask = torch.cat([torch.ones(5, 12), torch.eye(5)], dim=1).bool()
    shared = F.scaled_dot_product_attention(candidates, keys, keys, attn_mask=mask)
    for i in range(5):
        own = torch.cat([history, candidates[:, :, i : i + 1]], dim=2)
        alone = F.scaled_dot_product_attention(candidates[:, :, i : i + 1], own, own)
        torch.testing.assert_close(shared[:, :, i : i + 1], alone)
    leaky = F.scaled_dot_product_attention(candidates, keys, keys)
    assert not torch.allclose(leaky, shared)


# ---- The hot spot
def test_one_node_that_always_hits_is_an_m_d_1_queue():
    service, rate = hotspot.FRESH * hotspot.PER_TOKEN, 1.5
    _, _, mean, _ = hotspot.serve("shortest queue", 40_000, rate, nodes=1, hot=1.0)
    load = rate * service
    assert mean == pytest.approx(service + load * service / (2 * (1 - load)), rel=0.03)


def test_most_hits_has_the_best_hit_rate_and_the_worst_latency():
    runs = {route: hotspot.serve(route) for route in hotspot.ROUTES}
    by_hits = max(runs, key=lambda route: runs[route][0])
    by_mean = sorted(runs, key=lambda route: runs[route][2])
    assert by_hits == "most hits" == by_mean[-1]
    assert by_mean[:3] == ["first token", "shortest queue", "at random"]  # Mooncake's figure 5
    assert runs["most hits"][2] > 4 * runs["first token"][2]
    longer = hotspot.serve("most hits", requests=16_000)
    assert longer[2] < 1.2 * runs["most hits"][2], "a queue that is long, not one that grows with the run"
    assert runs["most hits"][1] > 1.3 * runs["first token"][1]  # because one node works for all


def test_first_token_copies_the_hot_prefix():
    pool = [hotspot.Node() for _ in range(4)]
    for i in range(40):
        hotspot.first_token(pool, 0, i * 0.1).run(0, i * 0.1)
    assert all(0 in node.cache for node in pool)


# ---- The calculators
def test_the_reduction_s_default_is_the_post_s_and_its_bars_end_where_it_says():
    result = calculator.reduction()
    parts = reduction.factors(4096, 2)
    assert result["smaller at 4,096 tokens"] == f"{reduction.product(parts):.1f} times"
    values = list(result["bars"]["values"].values())
    assert values[0] / values[-1] == pytest.approx(reduction.product(parts))
    assert values[0] == 4096 * sizes.kv_bytes_per_token(80, 8, 128) / 1e9


@given(context=st.integers(1, 4_000_000), one_global_in=st.integers(1, 64))
def test_a_reduction_is_never_below_its_constant_part_nor_above_its_limit(context, one_global_in):
    result = calculator.reduction(context=context, one_global_in=one_global_in)
    times = float(result[f"smaller at {context:,} tokens"].split()[0])
    assert 32 - 0.05 <= times <= 32 * one_global_in + 0.05


def test_a_reduction_that_grows_is_refused():
    with pytest.raises(ValueError, match="no more heads or bits"):
        calculator.reduction(heads_after=9)


def test_the_day_s_default_is_the_published_day():
    result = calculator.day()
    cost = float(result["cost of the day"].split()[0].replace(",", ""))
    assert cost == pytest.approx(87_072, rel=0.001)
    assert result["revenue at these prices"] == "562,100 dollars"
    assert result["profit over cost"] == "545%"


def test_idle_nodes_cost_as_much_as_busy_ones():
    full, third = (calculator.day(busy=b)["bars"]["values"] for b in (100, 25))
    assert third["replies"] == pytest.approx(4 * full["replies"])
    assert third["revenue"] == full["revenue"]
