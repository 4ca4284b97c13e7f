"""Routers, experts and losses against `transformers`; loads against counted tokens; sizes against classes on `meta`."""

import re
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from transformers import DeepseekV3Config, LlamaConfig, MixtralConfig, SwitchTransformersConfig
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3MoE, DeepseekV3TopkRouter
from transformers.models.llama.modeling_llama import LlamaMLP
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock, load_balancing_loss_func
from transformers.models.switch_transformers import modeling_switch_transformers as switch

from snippets.shapes.models import MODELS, active_params, parameters
from snippets.transformers.mixture_of_experts import (
    balance,
    blocks,
    breaks,
    calculator,
    comparison,
    drawings,
    loads,
    measures,
    pitfalls,
    routing,
    sizes,
    toy,
)

torch.set_num_threads(1)  # its tensors are small, and a second thread only waits
PAGE = (Path(__file__).resolve().parents[2] / "docs/transformers/mixture-of-experts.md").read_text(encoding="utf-8")


def randn(*shape, seed=3):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def by_expert(weights, experts, number):
    """Weight of each expert for each token, whatever the order of the choices."""
    return torch.zeros(len(weights), number).scatter(-1, experts, weights)


# ---- Routing


@pytest.fixture(scope="module")
def library():
    return blocks.models()


@pytest.mark.parametrize("name", ["Mixtral", "Qwen3-MoE", "DeepSeek-V3"])
def test_our_blocks_give_the_logits_of_the_library(library, name):
    same, gap = blocks.compare(library[name])
    assert same == 1 and gap < 1e-5


@pytest.mark.parametrize(
    ("groups", "kept", "k", "scale"), [(1, 1, 2, 1.0), (4, 2, 4, 2.5), (8, 3, 6, 1.0), (2, 1, 3, 0.7)]
)
def test_the_sigmoid_router_is_that_of_deepseek(groups, kept, k, scale):
    config = DeepseekV3Config(
        hidden_size=24,
        n_routed_experts=32,
        num_experts_per_tok=k,
        n_group=groups,
        topk_group=kept,
        routed_scaling_factor=scale,
    )
    router, x = DeepseekV3TopkRouter(config), randn(200, 24)
    router.weight.data = randn(32, 24, seed=4) / 5
    router.e_score_correction_bias.data = 0.2 * randn(32, seed=5)
    logits, weights, experts = router(x)
    ours = routing.sigmoid_route(logits, k, router.e_score_correction_bias, groups, kept, scale)
    torch.testing.assert_close(by_expert(*ours, 32), by_expert(weights, experts, 32))
    assert len(set((experts // (32 // groups)).flatten().tolist())) == groups


def test_gradients_of_router_and_experts_are_those_of_mixtral():
    torch.manual_seed(0)
    block = MixtralSparseMoeBlock(MixtralConfig(hidden_size=16, intermediate_size=24, num_local_experts=4))
    for p in block.parameters():
        torch.nn.init.normal_(p, std=0.5)
    x, wanted = randn(1, 30, 16), list(block.parameters())
    theirs = torch.autograd.grad(block(x).square().sum(), wanted)
    ours = torch.autograd.grad(blocks.ours(block, x)[0].square().sum(), wanted)
    for a, b in zip(theirs, ours, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("number", [1, 2, 4, 8])
def test_all_slices_of_a_dense_layer_are_that_layer(number):
    """k = E, each weight 1: experts cut out of the width of Llama's feed-forward layer."""
    mlp, x = LlamaMLP(LlamaConfig(hidden_size=16, intermediate_size=48, num_attention_heads=4)), randn(20, 16)
    gate, up = (w.weight.unflatten(0, (number, -1)) for w in (mlp.gate_proj, mlp.up_proj))
    down = mlp.down_proj.weight.unflatten(1, (number, -1)).transpose(0, 1)
    everyone = torch.arange(number).expand(20, number)
    out = routing.mixture(x, torch.ones(20, number), everyone, torch.cat([gate, up], 1), down)
    torch.testing.assert_close(out, mlp(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("capacity", [1, 3, 20])
def test_places_are_given_as_in_the_switch_transformer(capacity):
    config = SwitchTransformersConfig(hidden_size=8, num_experts=4, expert_capacity=capacity)
    router, x = switch.SwitchTransformersTop1Router(config), randn(3, 20, 8)
    dispatched, _, logits = router(x)
    chosen = logits.argmax(-1, keepdim=True)
    ours = routing.fits(chosen, 4, capacity)
    assert torch.equal(ours[..., 0], dispatched.sum(-1) == 1) and (capacity > 3 or not ours.all())


@given(st.integers(0, 1000), st.floats(0.3, 4.0))
def test_what_is_dropped_follows_from_the_histogram(seed, factor):
    """Token by token with two choices, and from the loads alone."""
    chosen = (randn(64, 8, seed=seed) + randn(8, seed=seed)).topk(2).indices
    counts = chosen.flatten().bincount(minlength=8).tolist()
    kept = routing.fits(chosen, 8, -int(-factor * 64 * 2 // 8))
    assert loads.dropped(counts, factor) == pytest.approx(1 - kept.float().mean().item(), abs=1e-6)
    held = chosen[kept].bincount(minlength=8)
    assert held.max() <= -int(-factor * 16 // 1)


def test_first_choices_come_before_second_ones():
    chosen = torch.tensor([[0, 1], [1, 0], [1, 0]])  # expert 1: first choices of 1 and 2, second of 0
    assert routing.fits(chosen, 2, 2).tolist() == [[True, False], [True, True], [True, False]]


# ---- Balance


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_balancing_loss_is_that_of_transformers(k):
    logits = (randn(300, 8) + randn(8, seed=1)).requires_grad_()
    ours, theirs = balance.balancing_loss(logits, k), load_balancing_loss_func((logits,), 8, k)
    torch.testing.assert_close(ours, theirs)
    (a,), (b,) = torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)
    torch.testing.assert_close(a, b)


def test_losses_are_those_of_the_switch_transformer():
    logits = randn(5, 40, 8)
    one = switch.load_balancing_loss_func(logits.softmax(-1), logits.argmax(-1))
    torch.testing.assert_close(balance.balancing_loss(logits, 1).mean(), one)
    torch.testing.assert_close(balance.z_loss(logits), switch.router_z_loss_func(logits))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_balancing_loss_lies_between_k_and_the_number_of_experts(k):
    even = 1e-6 * torch.stack([torch.arange(8.0).roll(i) for i in range(8)])  # each is first once
    collapsed = torch.tensor([[0.0, 0, 50, 0, 0, 0, 0, 0]] * 8)
    assert balance.balancing_loss(even, k).item() == pytest.approx(k, rel=1e-3)
    assert balance.balancing_loss(collapsed, 1).item() == pytest.approx(8, rel=1e-6)


def test_nudges_alone_even_out_a_fixed_router():
    scores, bias = (randn(512, 8) + randn(8, seed=1)).sigmoid(), torch.zeros(8)
    count = lambda: (scores + bias).topk(2).indices.flatten().bincount(minlength=8).float()  # noqa: E731
    before = count()
    for _ in range(300):
        bias = balance.nudge(bias, count(), 0.002)
    assert before.max() > 1.5 * before.mean() and count().max() < 1.1 * before.mean()
    up = balance.nudge(torch.zeros(3), torch.tensor([1.0, 2.0, 3.0]), 0.5)
    assert up.tolist() == [0.5, 0.0, -0.5]


def test_layers_that_collapse_on_different_experts_cancel_in_one_pile():
    even = pitfalls.both_readings([[], [], [], []])
    alike = pitfalls.both_readings([[0, 1]] * 4)
    different = pitfalls.both_readings([[0, 1], [2, 3], [4, 5], [6, 7]])
    assert even == pytest.approx((2, 2), abs=0.01) and alike[0] > 7.5 and alike[1] > 7.5
    assert different[0] == pytest.approx(2, abs=0.01) and different[1] > 7.5


def test_the_coefficient_does_nothing_without_the_flag():
    off = pitfalls.training_loss(False, 0.0)
    assert pitfalls.training_loss(False, 10.0) == off == pitfalls.training_loss(True, 0.0)
    assert pitfalls.training_loss(True, 10.0) - off == pytest.approx(20, abs=2)  # 10 times k, about


# ---- Loads and sizes


def test_bills_of_a_histogram_by_hand():
    counts = [40, 0, 10, 10, 20, 0, 0, 0]
    assert loads.dropped(counts, 1.0) == (30 + 10) / 80 and loads.dropped(counts, 4.0) == 0
    assert loads.rank_loads(counts, 4) == [40, 20, 20, 0]
    assert loads.slowest(counts, 4) == 2 and loads.slowest(counts, 8) == 4 and loads.slowest(counts, 1) == 1
    assert loads.dead(counts) == 4 and loads.dead([1000, 1], share=0.01) == 1


@pytest.mark.parametrize("shared", [0, 2])
def test_a_layer_has_the_parameters_of_the_library(shared):
    if shared:
        config = DeepseekV3Config(
            hidden_size=32,
            moe_intermediate_size=12,
            n_routed_experts=16,
            n_shared_experts=shared,
            num_experts_per_tok=3,
        )
        block = DeepseekV3MoE(config)
    else:
        config = MixtralConfig(hidden_size=32, intermediate_size=12, num_local_experts=16)
        block = MixtralSparseMoeBlock(config)
    total, active = sizes.layer_params(32, 12, 16, 3, shared)
    assert total == sum(p.numel() for p in block.parameters())
    idle = block.experts.gate_up_proj[3:].numel() + block.experts.down_proj[3:].numel()
    assert active == total - idle


@pytest.mark.parametrize(("experts", "k", "tokens"), [(4, 2, 3), (5, 1, 4), (6, 3, 2)])
def test_touched_experts_by_counting_all_batches(experts, k, tokens):
    options = [set(c) for c in combinations(range(experts), k)]
    unions = [set()]
    for _ in range(tokens):
        unions = [a | b for a in unions for b in options]
    assert sizes.touched(experts, k, tokens) == pytest.approx(sum(map(len, unions)) / len(unions))


@pytest.mark.parametrize("name", sizes.MIXTURES)
def test_shares_of_models_follow_from_their_shapes(name):
    m = MODELS[name]
    assert sizes.read_share(m, 1) == pytest.approx(parameters(m, m.active) / parameters(m), rel=1e-12)
    assert sizes.touched_share(m, 2) == pytest.approx(1 - (1 - m.active / m.experts) ** 2)
    assert sizes.read_share(m, 10**6) == pytest.approx(1)
    assert sizes.active_share(m) * sizes.advertised(m)[0] == pytest.approx(active_params(m))
    looked_up = m.vocab * m.hidden
    assert sizes.advertised(m)[1] - active_params(m) == looked_up


# ---- The toy


def test_the_toy_routes_as_the_page_does():
    model, (x, _) = toy.train("bias", 0.01), toy.sample([0, 3], torch.Generator().manual_seed(0))
    logits, mix, chosen = toy.route(model, x)
    plain = toy.Toy(model.gate, model.experts, torch.zeros_like(model.bias))
    _, unbiased, _ = toy.route(plain, x)
    for seed in range(toy.SEEDS):
        weights, experts = routing.softmax_route(logits[seed], toy.K)
        torch.testing.assert_close(unbiased[seed], by_expert(weights, experts, toy.EXPERTS))
        p = logits[seed].softmax(-1)
        best = (p + model.bias[seed]).topk(toy.K).indices
        assert torch.equal(best.sort(-1).values, chosen[seed].sort(-1).values)
        rows = sum(mix[seed, :, e, None] * (x[seed] @ model.experts[seed, e]) for e in range(toy.EXPERTS))
        torch.testing.assert_close(toy.output(model, x, mix)[seed], rows)


def test_one_expert_a_domain_would_solve_the_task():
    centers, maps = toy.world()
    bias = -(centers.unsqueeze(2) @ maps)  # [seeds, D, 1, WIDTH]
    solved = toy.Toy(torch.zeros(1), torch.cat([maps, bias], 2), torch.zeros(1))
    x, y = toy.sample([2, 5], torch.Generator().manual_seed(0))
    mix = torch.zeros(toy.SEEDS, 2 * toy.LENGTH, toy.EXPERTS)
    mix[:, : toy.LENGTH, 2] = mix[:, toy.LENGTH :, 5] = 1
    torch.testing.assert_close(toy.output(solved, x, mix), y, rtol=1e-4, atol=1e-4)


def test_a_capacity_that_nobody_reaches_changes_nothing():
    model = toy.train()
    assert torch.equal(*(toy.evaluate(model, measures.MIXED, f)[1] for f in (None, 8.0)))
    counts = toy.evaluate(model, measures.MIXED)[0]
    assert (counts.sum(-1) == len(measures.MIXED) * toy.LENGTH * toy.K).all()


def test_without_balancing_experts_die_in_each_seed_and_cures_revive_them():
    bare, cured = measures.bills("nothing", 0.0), measures.bills("loss over the batch", 0.1)
    assert min(bare["dead"]) >= 2 and max(cured["dead"]) == 0
    assert min(bare["loss"]) > max(cured["loss"]) and min(bare["busiest"]) > max(cured["busiest"])
    assert all(capped > loss for loss, capped in zip(bare["loss"], bare["capped"], strict=True))


def test_dead_experts_cost_more_than_dropped_tokens():
    """What the page says of the first row: most of its loss remains without any capacity."""
    bare, cured = measures.bills("nothing", 0.0), measures.bills("loss over the batch", 0.1)
    for loss, capped, other in zip(bare["loss"], bare["capped"], cured["loss"], strict=True):
        assert capped - loss < loss - other


def test_the_toy_ranks_no_method():
    """Ranges of the losses overlap, and within each method the strength matters."""
    spans = [measures.losses(*row) for row in comparison.CURES[1:]]
    for a, b in combinations(spans, 2):
        assert min(a) < max(b) and min(b) < max(a)
    means = [sum(losses) / len(losses) for losses in spans]
    assert means[1] < means[0] and means[3] < means[2], "the larger strength is better in both"


def test_a_capacity_costs_specialists_most_where_traffic_is_of_one_domain():
    row = ("loss over the batch", 0.1)
    plain, mixed = measures.alone_losses(*row, None), measures.losses(*row)
    assert plain == pytest.approx(mixed, abs=0.03)
    pairs = zip(measures.alone_losses(*row, measures.FACTOR), plain, strict=True)
    assert all(capped > loss + 0.2 for capped, loss in pairs)


def test_facts_are_means_of_the_recorded_tables():
    """The printed rows, two lines each: means, and the least and the most."""
    text = Path(comparison.__file__).with_name("comparison.out.txt").read_text(encoding="utf-8")
    columns = {"dead": 0, "loss": 4, "capped": 5}
    row = text.split("\nnothing")[1].split("\n")[0].split()
    for column, place in columns.items():
        assert comparison.mean_bill(("nothing", 0.0), column) == pytest.approx(float(row[place]), rel=0.1)
    rows = text.split("[start:scopes]")[1]
    for method in ("loss over the batch", "loss in each sequence"):
        row = rows.split(f"\n{method}")[1].split("\n")[0].split()
        for place, column in enumerate(("loss", "experts", "mixed", "one domain", "capped")):
            assert comparison.mean_scope((method, 0.1), column) == pytest.approx(float(row[place]), rel=0.1)


def test_chances_of_another_expert_add_up_over_layers():
    draws = torch.rand(4000, 94, generator=torch.Generator().manual_seed(0)) < 0.03
    assert breaks.flipped_somewhere(0.03, 94) == pytest.approx(draws.any(-1).float().mean().item(), abs=0.02)


def test_balance_within_each_sequence_costs_specialists():
    batch, sequence = (measures.scopes(name, 0.1) for name in ("loss over the batch", "loss in each sequence"))
    assert min(sequence["experts"]) > max(batch["experts"]) + 1 and min(sequence["loss"]) > max(batch["loss"])
    assert min(batch["one domain"]) > max(sequence["one domain"])


# ---- Breaks


def test_storing_logits_in_bf16_changes_experts_and_their_tokens_outputs():
    share, moved, still = breaks.flips(128, 8)
    assert 0.02 < share < 0.5 and moved > 20 * still
    assert breaks.flips(8, 2)[0] < share


def test_a_capacity_makes_outputs_depend_on_the_order_of_the_batch():
    for factor, some in ((1.0, True), (4.0, False)):
        lost, moved = breaks.moved_by_order(factor, seed=0)
        assert (lost > 0.01) == some and (moved > 0.05) == some


def test_expert_choice_sees_later_tokens_and_is_balanced():
    assert (breaks.leaks(by_expert=True) > 0).float().mean() > 0.5
    assert breaks.leaks(by_expert=False).sum() == 0
    mix = breaks.expert_choice(randn(32, 8), 8)
    assert ((mix > 0).sum(0) == 8).all()


# ---- Figures and calculator


def words(figure):
    """Every text of a figure."""
    if isinstance(figure, str):
        return [text.text for text in ElementTree.fromstring(figure).findall(".//{*}text")]
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("drawings:layer", drawings.figure_layer),
        ("comparison:bills", comparison.figure_bills),
        ("comparison:scopes", comparison.figure_scopes),
    ],
)
def test_numbers_of_the_alternative_text_are_drawn(name, draw):
    (fence,) = re.findall(rf"```figure\n(figure: {name}\n.*?)```", PAGE, re.S)
    numbers = re.findall(r"\d+(?:\.\d+|%)", yaml.safe_load(fence)["alt"])
    drawn = " ".join(words(draw()))
    assert [n for n in numbers if n not in drawn] == []


def test_the_drawn_weights_are_those_of_mixtral():
    probabilities, weights = drawings.routed()
    router = SimpleNamespace(weight=torch.tensor(probabilities).log()[:, None], top_k=2, num_experts=8, hidden_dim=1)
    from transformers.models.mixtral.modeling_mixtral import MixtralTopKRouter

    _, scores, experts = MixtralTopKRouter.forward(router, torch.ones(1, 1))
    assert dict(zip(experts[0].tolist(), scores[0].tolist(), strict=True)) == pytest.approx(weights)


def test_the_calculator_counts_as_the_page_does():
    shown = calculator.mixture(spread=0.0, tokens=64)
    assert shown["experts that the step reads"] == f"{sizes.touched(128, 8, 64):,.1f} of 128"
    total, active = sizes.layer_params(4096, 1536, 128, 8)
    assert shown["parameters of the layer"] == f"{total / 1e6:,.1f} million"
    assert shown["parameters of one token"].startswith(f"{active / 1e6:,.1f} million")
    drawn = calculator.draw(128, 64 * 8, 0.3, 0)
    assert shown["bars"]["values"].keys() == {f"rank {r}" for r in range(8)}
    skewed = calculator.mixture(tokens=64)
    assert skewed["slowest rank, over the mean"] == f"{loads.slowest(drawn, 8):.2f}×"
    assert skewed["choices beyond the capacity"] == f"{loads.dropped(drawn, 1.25):.1%}"
    assert sum(calculator.draw(128, 1e6, 0.5, 1)) == pytest.approx(1e6, rel=0.01)
    for wrong in ({"k": 200}, {"ranks": 7}):
        with pytest.raises(ValueError, match="128"):
            calculator.mixture(**wrong)


def test_presets_are_the_shapes_of_their_models():
    (fence,) = re.findall(r"```calc\n(.*?)```", PAGE, re.S)
    for name, values in yaml.safe_load(fence)["presets"].items():
        m = MODELS[name.split(",")[0]]
        got = [values[key] for key in ("hidden", "width", "experts", "k", "shared")]
        assert got == [m.hidden, m.expert_width, m.experts, m.active, m.shared]
