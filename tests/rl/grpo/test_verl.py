"""The page's losses and advantages against verl's own functions, which take seconds to import."""

from math import inf

import numpy
import pytest
import torch

from snippets.rl.grpo import steps, survivors
from snippets.rl.grpo.estimators import RECIPES, Recipe, advantages, aggregate, loss, pulls

LIMIT = 12
MODES = {"reply": "seq-mean-token-mean", "tokens": "token-mean", "limit": "seq-mean-token-sum-norm"}


@pytest.fixture(scope="module")
def verl():
    """verl's algorithms and the settings of its actor."""
    from verl.trainer.ppo import core_algos
    from verl.workers.config import ActorConfig

    def settings(**more):
        return ActorConfig(strategy="fsdp", rollout_n=4, ppo_micro_batch_size_per_gpu=1, clip_ratio_c=1e9, **more)

    core_algos.settings = settings
    return core_algos


def batch(seed):
    """A group of replies of random lengths, in double precision."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, LIMIT + 1, (4,), generator=draw)
    mask = (torch.arange(LIMIT) < lengths[:, None]).double()
    old = -3 * torch.rand(4, LIMIT, generator=draw, dtype=torch.float64)
    new = old + 0.3 * torch.randn(4, LIMIT, generator=draw, dtype=torch.float64)
    return new, old, mask, torch.rand(4, generator=draw, dtype=torch.float64)


def gain_of(verl, recipe, rewards, mask):
    """The advantage of each token by verl's estimator."""
    spread = torch.zeros_like(mask)
    spread[:, 0] = rewards
    group = numpy.zeros(len(mask), dtype=int)
    if recipe.baseline == "others":
        return verl.compute_rloo_outcome_advantage(spread, mask, group)[0]
    found = verl.compute_grpo_outcome_advantage(spread, mask, group, norm_adv_by_std_in_grpo=recipe.scale)
    return found[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_a_setting_of_verl(verl, name, seed):
    recipe = RECIPES[name]
    new, old, mask, rewards = batch(seed)
    low, high = (1e6 if x == inf else x for x in (recipe.low, recipe.high))
    config = verl.settings(clip_ratio_low=low, clip_ratio_high=high, loss_scale_factor=LIMIT)
    function = verl.get_policy_loss_fn("cispo" if recipe.cap else "gspo" if recipe.level == "reply" else "vanilla")
    theirs = new.clone().requires_grad_()
    gain = gain_of(verl, recipe, rewards, mask)
    value, _ = function(old, theirs, gain, mask, loss_agg_mode=MODES[recipe.divide], config=config)
    value.backward()
    torch.testing.assert_close(pulls(recipe, rewards, new, old, mask, LIMIT), -theirs.grad, rtol=0, atol=1e-6)
    assert loss(recipe, rewards, new, old, mask, LIMIT).item() == pytest.approx(value.item(), abs=1e-6)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("rewards", [[1.0, 0, 0, 1], [0.2, 0.9, 0.5, 0.4], [1, 1, 1, 0.99]])
def test_advantages_are_verls(verl, name, rewards):
    given = torch.tensor(rewards).double()
    theirs = gain_of(verl, RECIPES[name], given, torch.ones(4, 3).double())[:, 0]
    torch.testing.assert_close(advantages(given, RECIPES[name]), theirs, rtol=0, atol=1e-6)


def test_a_lone_survivor_has_two_advantages(verl):
    """verl issue 7793: one estimator keeps the raw score, its vectorized twin says 0."""
    score, mask, group = torch.tensor([[0.7]]), torch.ones(1, 1), numpy.zeros(1, dtype=int)
    one = verl.compute_rloo_outcome_advantage(score, mask, group)[0].item()
    twin = verl.compute_rloo_vectorized_outcome_advantage(score, mask, group)[0].item()
    ours = [survivors.remaining(score, mask, lone).item() for lone in (1.0, 0.0)]
    assert [one, twin] == pytest.approx(ours)
    assert ours == pytest.approx([0.7, 0])


@pytest.mark.parametrize("parts", [2, 4])
def test_the_tokens_of_the_step_are_verls_batch_num_tokens(verl, parts):
    new, _, mask, _ = batch(1)
    whole = verl.agg_loss(new, mask, "token-mean").item()
    pieces = list(zip(new.chunk(parts), mask.chunk(parts), strict=True))
    given = sum(verl.agg_loss(x, m, "token-mean", batch_num_tokens=mask.sum()).item() for x, m in pieces)
    ours = sum(aggregate(x, m, RECIPES["DAPO"], LIMIT, total=mask.sum().item()).item() for x, m in pieces)
    assert given == pytest.approx(whole, abs=1e-9) and ours == pytest.approx(whole, abs=1e-9)
    own = sum(verl.agg_loss(x, m, "token-mean").item() for x, m in pieces) / parts
    assert own != pytest.approx(whole, rel=0.01)
    assert steps.accumulated(parts, whole=False)[1] != pytest.approx(steps.accumulated(parts, whole=True)[1], rel=0.1)


def test_the_name_of_an_estimator_does_not_choose_the_divisor(verl):
    """`adv_estimator=grpo` leaves verl's default aggregation; `clip_ratio` alone moves no clip."""
    assert verl.settings().loss_agg_mode == "token-mean"
    new, old, mask, rewards = batch(0)
    gain = gain_of(verl, Recipe(), rewards, mask)
    vanilla = verl.get_policy_loss_fn("vanilla")
    values = [
        vanilla(old, new, gain, mask, loss_agg_mode="token-mean", config=verl.settings(**given))[0].item()
        for given in ({}, {"clip_ratio": 0.01}, {"clip_ratio_low": 0.01, "clip_ratio_high": 0.01})
    ]
    assert values[0] == values[1] != values[2]


def test_a_far_ratio_with_a_negative_advantage_meets_a_third_limit(verl):
    """verl's loss goes flat beyond `clip_ratio_c`, 3 unless set; ours does not."""
    ratio, gain, mask = torch.tensor([[5.0]]).log(), torch.tensor([[-1.0]]), torch.ones(1, 1)
    vanilla = verl.get_policy_loss_fn("vanilla")
    bounded = verl.settings()
    object.__setattr__(bounded, "clip_ratio_c", 3.0)
    values = [
        vanilla(torch.zeros(1, 1), ratio, gain, mask, config=config)[0].item() for config in (bounded, verl.settings())
    ]
    assert values == pytest.approx([3, 5])
