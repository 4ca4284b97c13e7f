"""Bytes against the tensors of PyTorch, its memory tracker, and the tables of papers."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributed._tools.mem_tracker import MemTracker

from snippets.distributed.memory import activations, calculator, fragments, leak, measurement, recipes, states


@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_every_recipe_is_what_pytorch_holds_after_a_step(recipe):
    held = states.state_bytes(*states.WAYS[recipe])
    expected = recipes.RECIPES[recipe]
    assert held == {"weights": expected.weights, "gradients": expected.gradients, "optimizer": expected.optimizer}


def test_recipes_are_what_pytorchs_memory_tracker_counts():
    model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.ReLU(), nn.Linear(64, 64, bias=False))
    optimizer = torch.optim.AdamW(model.parameters())
    tracker = MemTracker()
    tracker.track_external(model, optimizer)
    with tracker:
        model(torch.ones(8, 64)).sum().backward()
        optimizer.step()
    snapshot = tracker.get_tracker_snapshot("current")[torch.device("cpu")]
    counted = {getattr(key, "value", key): size for key, size in snapshot.items()}
    params, recipe = 2 * 64 * 64, recipes.RECIPES["fp32 throughout"]
    assert counted["Parameter"] == params * recipe.weights
    assert counted["Gradient"] == params * recipe.gradients
    assert counted["Optstate"] == pytest.approx(params * recipe.optimizer, abs=64)  # and step counters


@settings(max_examples=12, deadline=None)
@given(
    s=st.sampled_from([16, 32, 48]),
    b=st.integers(1, 3),
    heads=st.sampled_from([1, 2, 4]),
    width=st.sampled_from([8, 16]),
    keep=st.sampled_from(["all", "selective"]),
)
def test_a_layer_saves_what_the_formula_says_and_the_statistics_of_two_norms(s, b, heads, width, keep):
    h = heads * width
    block = measurement.Block(h, heads, keep).bfloat16()
    x = torch.randn(s, b, h, dtype=torch.bfloat16, requires_grad=True)
    saved = measurement.saved_bytes(lambda: block(x), block.parameters())
    assert saved == activations.activation_bytes(s, b, h, heads, keep=keep) + 8 * s * b


def test_gradients_do_not_depend_on_what_is_kept():
    """The same dropout masks are drawn again, so recomputation changes nothing."""
    grads = []
    for keep in ("all", "selective"):
        torch.manual_seed(0)
        block = measurement.Block(32, 4, keep)
        block(torch.ones(8, 2, 32)).square().sum().backward()
        grads.append(block.qkv.weight.grad)
    torch.testing.assert_close(*grads)


@given(params=st.integers(1, 10**12), ranks=st.integers(1, 4096), stage=st.integers(0, 3))
def test_every_stage_of_zero_needs_less_and_all_ranks_together_hold_a_whole_model(params, ranks, stage):
    recipe = recipes.RECIPES["mixed, 16-bit grads"]
    here = recipes.zero_bytes(params, ranks, stage, recipe)
    assert here <= recipes.zero_bytes(params, ranks, max(stage - 1, 0), recipe)
    assert ranks * here >= params * recipe.total * (1 - 1e-9)


def test_a_validation_loop_that_sums_losses_grows_by_a_graph_each_batch():
    """The symptom: memory rises in equal steps; detached, it does not rise at all."""
    leaking, clean = leak.validate(5, detached=False), leak.validate(5, detached=True)
    steps = {b - a for a, b in pairwise(leaking)}
    assert len(steps) == 1
    assert steps.pop() == pytest.approx(leaking[0], rel=0.01)
    assert len(set(clean)) == 1


def test_segments_run_out_with_memory_to_spare_and_pages_do_not():
    """The symptom: a request fails that is smaller than what is not in use."""
    pool = fragments.Pool(80_000)
    steps, error = fragments.varying(pool, 55, 100)
    wanted, unused = (int(word.replace(",", "")) for word in error.split() if word[0].isdigit())
    assert steps < 3000
    assert wanted < unused / 5
    assert fragments.varying(fragments.Pages(80_000), 55, 100) == (3000, "")


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 50)), max_size=60))
def test_the_pool_never_loses_or_invents_memory(actions):
    pool, mine = fragments.Pool(400), []
    for release, size in actions:
        if release and mine:
            pool.release(mine.pop(size % len(mine)))
        else:
            try:
                mine.append(pool.allocate(size))
            except MemoryError:
                continue
        assert pool.held(1) == sum(block[0] for block in mine)
        assert pool.held(0) + pool.held(1) <= pool.limit
        assert not any(not left[1] and not right[1] for segment in pool.segments for left, right in pairwise(segment))


def test_the_calculator_adds_up():
    shown = calculator.training_memory(gpus=1, zero_stage="0", recompute="nothing", sequence=2048)
    bars = shown["bars"]["values"]
    assert bars["weights"] + bars["gradients"] + bars["optimizer"] == pytest.approx(18 * 8.03)
    layer = activations.activation_bytes(2048, 1, 4096, 32)
    assert bars["activations"] == pytest.approx(32 * layer / 1e9)
    assert shown["Does it fit?"].startswith("no, ")


def test_qlora_holds_its_base_in_a_little_over_four_bits():
    bars = calculator.training_memory(method="QLoRA", gpus=1, zero_stage="0")["bars"]["values"]
    assert bars["frozen weights"] / 8.03 * 8 == pytest.approx(4.127, abs=5e-4)  # QLoRA: 0.127 for scales
    assert bars["optimizer"] == pytest.approx(0.005 * 12 * 8.03)
