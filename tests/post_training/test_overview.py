"""Memory against tensors, PyTorch's tracker and published tables; choices against SciPy and statsmodels."""

import itertools
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import scipy.stats
import torch
from statsmodels.stats.power import NormalIndPower
from torch.distributed._tools.mem_tracker import MemTracker

from snippets.post_training.overview import calculator, choice, measured, memory, pilot, plans, situations
from snippets.post_training.overview.choice import Situation, chosen
from snippets.post_training.overview.memory import Run, parts, peak, phases, states
from snippets.shapes.models import MODELS, Shape, parameters

LLAMA = MODELS["Llama 3 8B"]


@pytest.fixture(scope="module")
def runs():
    return measured.measured()


@pytest.mark.parametrize("name", ["full, fp32", "full, bf16", "LoRA, r = 8", "QLoRA, r = 8"])
def test_states_are_the_bytes_that_a_step_leaves(runs, name):
    held, run = runs[name]
    planned = states(run)
    assert {part: round(planned[part]) for part in held} == held
    assert planned["reference"] == 0


@pytest.mark.parametrize("dtype, width", [(torch.bfloat16, 2.0), (torch.float32, 4.0)])
@pytest.mark.parametrize("norm", [False, True])
def test_a_layer_keeps_what_autograd_saves(dtype, width, norm):
    assert measured.kept(dtype, norm) == memory.layer_bytes(replace(measured.TINY, qk_norm=norm), width)


def test_mixed_precision_is_what_a_hand_made_optimizer_holds():
    weights = torch.nn.Linear(64, 64, dtype=torch.bfloat16)
    masters = [p.detach().float() for p in weights.parameters()]
    optimizer = torch.optim.AdamW(masters)
    for p, master in zip(weights.parameters(), masters, strict=True):
        p.grad, master.grad = torch.ones_like(p), torch.ones_like(master)
    optimizer.step()
    numbers = sum(p.numel() for p in masters)
    averages = sum(s[k].nbytes for s in optimizer.state.values() for k in ("exp_avg", "exp_avg_sq"))
    held = sum(m.nbytes for m in masters) + averages
    run = Run(LLAMA)
    assert states(run)["optimizer"] / parameters(LLAMA) == held / numbers == 12
    assert states(run)["gradients"] / parameters(LLAMA) == next(weights.parameters()).grad.nbytes / 64**2


@pytest.mark.parametrize("precision, dtype", [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_momentum_is_one_average(precision, dtype):
    p = torch.nn.Parameter(torch.ones(100, dtype=dtype))
    optimizer = torch.optim.SGD([p], momentum=0.9)
    p.grad = torch.ones_like(p)
    optimizer.step()
    planned = states(Run(LLAMA, optimizer="momentum", precision=precision))["optimizer"] / parameters(LLAMA)
    assert planned == optimizer.state[p]["momentum_buffer"].nbytes / 100


def test_eight_bit_averages_are_those_of_bitsandbytes():
    bnb = pytest.importorskip("bitsandbytes")
    p = torch.nn.Parameter(torch.ones(128, 256))
    optimizer = bnb.optim.AdamW8bit([p])
    p.grad = torch.ones_like(p)
    optimizer.step()
    state = optimizer.state[p]
    held = sum(state[k].nbytes for k in ("state1", "state2", "absmax1", "absmax2"))
    assert memory.state_width("AdamW 8-bit", 4.0) == held / p.numel()


@pytest.mark.parametrize("checkpoint", [True, False])
def test_the_peak_of_a_step_is_that_of_pytorchs_tracker(checkpoint):
    """Two micro-batches, so that gradients and logits meet as the plan assumes."""
    shape = replace(measured.TINY, layers=3, vocab=4096)
    tokens = 256
    torch.manual_seed(0)
    config = measured.LlamaConfig(
        vocab_size=shape.vocab, hidden_size=shape.hidden, intermediate_size=shape.width, num_hidden_layers=3,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads, head_dim=shape.head_dim, use_cache=False,
    )  # fmt: skip
    model = measured.LlamaForCausalLM(config).to(torch.bfloat16).train()
    if checkpoint:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    optimizer = torch.optim.AdamW(model.parameters(), foreach=False)
    ids = torch.arange(tokens).unsqueeze(0)
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    tracker = MemTracker()
    tracker.track_external(model, optimizer)
    with tracker:
        model(input_ids=ids, labels=ids).loss.backward()
    seen = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]
    run = Run(shape, tokens=tokens, precision="bf16", checkpoint=checkpoint)
    planned = parts(run)
    total = next(v for k, v in seen.items() if str(k).endswith("Total"))
    assert peak(run)[0] == "training"
    assert peak(run)[1] == pytest.approx(total, rel=0.06), peak(run)[1] / total
    assert planned["logits"] == tokens * 4096 * 12
    layers = planned["activations"]
    inputs = 3 * tokens * shape.hidden * 2
    assert layers == (
        inputs + tokens * memory.layer_bytes(shape) if checkpoint else 3 * tokens * memory.layer_bytes(shape)
    )


def test_plans_bound_what_torchtune_measured():
    for method, seen in plans.TUNED.items():
        planned = peak(plans.torchtune(method))[1] / 2**30
        assert seen < planned < 1.1 * seen
        assert plans.excess(method) == pytest.approx((planned - seen) / seen, rel=1e-9)


def test_the_account_of_unsloth_is_ours():
    """As printed, 2.5 and 20 for the cache, 78.3 for the logits, 16 for the sampler."""
    assert [plans.cache_gib(1), plans.cache_gib(8)] == [2.5, 20]
    assert plans.logits_gib() == pytest.approx(78.3, abs=0.05)
    assert plans.part_gb("sampler") == pytest.approx(16, abs=0.1)
    assert plans.total(plans.plan("RL", "LoRA")) == pytest.approx(
        sum(phases(plans.plan("RL", "LoRA"))["sampling"].values()) / 1e9
    )


def test_adapters_are_counted_as_tinker_counts_them():
    """Numbers for each rank, printed for Qwen3 8B: 1,769,472 in the MLP and 958,464 in attention."""
    assert memory.adapter_params(calculator.SHAPES["Qwen3 8B"], 1) == 1_769_472 + 958_464


def test_the_sampler_is_a_second_copy_and_sleeping_takes_turns():
    run = plans.RL
    every = parts(run)
    assert every["sampler"] == 2 * parameters(LLAMA)
    assert every["rollouts"] == 8 * 20_480 * 131_072  # 32 layers, 8 heads of 128, keys and values in bf16
    both = phases(run)
    assert both["training"]["rollouts"] == both["training"]["sampler"] == 0
    assert both["sampling"]["gradients"] == both["sampling"]["logits"] == both["sampling"]["activations"] == 0
    awake = phases(replace(run, sleep=False))
    assert awake["training"] == every and awake["sampling"] == both["sampling"]
    assert peak(replace(run, sleep=False))[1] == pytest.approx(sum(every.values()), rel=1e-12)
    assert plans.awake() > 1.5 * plans.total(run)


def test_who_needs_a_copy_to_compare_with():
    def copy(stage, method, reference=True):
        return states(Run(LLAMA, stage, method, reference=reference))["reference"]

    assert copy("RL", "full") == copy("preferences", "full") == 2 * parameters(LLAMA)
    assert copy("SFT", "full") == copy("distillation", "full") == copy("RL", "LoRA") == copy("RL", "full", False) == 0


def test_pairs_double_the_tokens_and_gpus_divide_states_only():
    one, pair = parts(Run(LLAMA)), parts(Run(LLAMA, "preferences"))
    assert pair["activations"] == 2 * one["activations"] and pair["logits"] == 2 * one["logits"]
    four = parts(Run(LLAMA, "RL", gpus=4))
    whole = parts(Run(LLAMA, "RL"))
    for part in ("weights", "gradients", "optimizer", "reference", "sampler"):
        assert four[part] == whole[part] / 4
    assert [four[p] for p in ("activations", "logits", "rollouts")] == [
        whole[p] for p in ("activations", "logits", "rollouts")
    ]
    taught = parts(Run(LLAMA, "distillation", teacher=32e9))
    assert taught["teacher"] == 64e9 and parts(Run(LLAMA, "RL", teacher=32e9))["teacher"] == 0
    assert parts(Run(LLAMA, "RL", rollouts=0))["sampler"] == parts(Run(LLAMA))["sampler"] == 0


def test_chunks_bound_the_logits():
    assert parts(Run(LLAMA, chunk=512))["logits"] == 512 * LLAMA.vocab * 12
    assert parts(Run(LLAMA, tokens=256, chunk=512))["logits"] == 256 * LLAMA.vocab * 12


def test_fp32_and_checkpoints():
    run = Run(LLAMA, precision="fp32")
    kept = 4096 * memory.layer_bytes(LLAMA, 4.0)
    assert parts(run)["activations"] == 32 * 4096 * 4096 * 4 + kept
    assert parts(replace(run, checkpoint=False))["activations"] == 32 * kept


def test_the_small_part_is_what_is_quantized():
    small, n = memory.matrix_params(LLAMA), parameters(LLAMA)
    assert n - small == 2 * LLAMA.vocab * 4096 + (2 * 32 + 1) * 4096  # two tables, and norms
    assert states(Run(LLAMA, method="QLoRA"))["weights"] == pytest.approx(small * 4.127 / 8 + 2 * (n - small), rel=1e-4)


@pytest.mark.parametrize("before, gain, level", list(itertools.product((0.3, 0.6), (0.02, 0.05), (0.8, 0.9))))
def test_questions_needed_are_those_of_statsmodels(before, gain, level):
    effect = gain / pilot.spread(before, gain)
    theirs = NormalIndPower(ddof=0).solve_power(effect_size=effect, alpha=0.05, power=level, ratio=0)
    assert pilot.needed(before, gain, level) == np.ceil(theirs)
    assert pilot.power(before, gain, 300) == pytest.approx(
        NormalIndPower(ddof=0).power(effect, 300, 0.05, ratio=0), abs=1e-9
    )


def test_the_deviation_is_that_of_correlated_answers():
    a, b, r = 0.6, 0.65, 0.5
    both = a * b + r * np.sqrt(a * (1 - a) * b * (1 - b))  # share that both answer
    table = {(1, 1): both, (1, 0): a - both, (0, 1): b - both, (0, 0): 1 - a - b + both}
    mean = sum((y - x) * p for (x, y), p in table.items())
    square = sum((y - x) ** 2 * p for (x, y), p in table.items())
    assert pilot.deviation(a, b, r) == pytest.approx(np.sqrt(square - mean**2), rel=1e-12)


def test_luck_is_what_a_simulation_finds():
    rng = np.random.default_rng(0)
    common = rng.random((20_000, 50)) < 0.5  # whether the two answers are one: correlation 0.5
    one, own = rng.random((2, 20_000, 50)) < 0.6
    gains = (np.where(common, one, own).mean(1) - one.mean(1)) + 1e-9
    assert pilot.luck(0.6, 0.05, 50) == pytest.approx(np.mean(gains >= 0.05), abs=0.05)


def test_labels_needed_find_agreement_as_often_as_asked():
    n = pilot.labels_needed(0.73)
    bar = NormalDist().inv_cdf(0.975) * 0.5 * np.sqrt(n)
    found = scipy.stats.binom.sf(np.floor(n / 2 + bar), n, 0.73)
    assert n == 35 and found == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("solved, group", [(0.01, 16), (0.5, 4), (0.9, 8)])
def test_mixed_groups_are_what_the_binomial_leaves(solved, group):
    assert pilot.mixed(solved, group) == pytest.approx(
        scipy.stats.binom.pmf(range(1, group), group, solved).sum(), rel=1e-9
    )


def test_prompts_needed_is_the_first_size_at_which_none_is_a_surprise():
    n = pilot.prompts_needed(0.1)
    assert scipy.stats.binom.pmf(0, n, 0.1) < 0.05 < scipy.stats.binom.pmf(0, n - 1, 0.1)


def test_a_group_of_one_kind_has_no_gradient():
    """Advantages as PyTorch's mean and deviation give them."""
    rewards = torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1]])
    advantages = (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)
    assert advantages.abs().sum(1).gt(0).tolist() == [False, False, True]


def test_hours_are_flops_over_what_a_gpu_does():
    assert choice.hours(989e12 * 0.4 * 3600) == pytest.approx(1, rel=1e-12)
    assert choice.hours(0, 989e12 * 0.05 * 7200) == pytest.approx(2, rel=1e-12)


def test_run_hours_count_passes():
    """A pass over a token costs 2N FLOPs, a backward pass two of them."""
    s = Situation(params=1e9, answers=1000, pairs=1000, verified=1, teacher=4e9, tokens=100)
    hour, cost = 989e12 * 3600, choice.run_hours(s)
    assert cost["SFT"] * hour * 0.4 == pytest.approx(6e9 * 1000 * 100 * 3, rel=1e-9)
    first = cost["SFT"]  # precedes DPO and distillation
    assert (cost["DPO"] - first) * hour * 0.4 == pytest.approx(8e9 * 2 * 1000 * 100, rel=1e-9)
    step = 2048 * 100
    assert cost["RL"] * hour / 170 / step == pytest.approx(8e9 / 0.4 + 2e9 / 0.05, rel=1e-9)
    distilled = cost["on-policy distillation"] - first
    assert distilled * hour / 100 / step == pytest.approx(14e9 / 0.4 + 2e9 / 0.05, rel=1e-9)


def test_choices_of_the_seven_situations():
    names = [chosen(s).method for s in situations.SITUATIONS.values()]
    assert names == ["prompt", "SFT", "DPO", "RL", "DPO", "on-policy distillation", "DPO"]


def test_a_choice_bends_to_data_budget_and_pass_rate():
    rich = Situation(answers=5000, pairs=5000, verified=100, teacher=32e9)
    assert chosen(rich).method == "on-policy distillation"
    assert chosen(replace(rich, teacher=0.0)).method == "RL"
    assert chosen(replace(rich, teacher=0.0, solved=0.0)).method == "DPO"
    assert chosen(replace(rich, teacher=0.0, solved=1.0)).method == "DPO"
    assert chosen(replace(rich, teacher=0.0, verified=0)).method == "DPO"
    assert chosen(replace(rich, teacher=0.0, verified=0, pairs=999)).method == "SFT"
    assert chosen(replace(rich, teacher=0.0, verified=0, pairs=0, answers=999)).method == "prompt"
    assert chosen(replace(rich, gpus=1, days=0.001)).method == "prompt"
    assert rich.budget() == 8 * 7 * 24
    poor = next(v for v in choice.choose(replace(rich, days=0.01)) if v.method == "RL")
    assert poor.against.endswith("GPU-hours of 2") and poor.hours > 40


def test_an_experiment_costs_the_answers_that_it_samples():
    s = Situation(params=1e9, tokens=100, teacher=4e9, verified=1)
    per_hour = 989e12 * 0.05 * 3600
    tests = choice.experiments(s)
    assert tests["RL"][1] == 29 and tests["RL"][2] == pytest.approx(29 * 16 * 2e9 * 100 / per_hour, rel=1e-9)
    assert tests["on-policy distillation"][2] == pytest.approx(tests["prompt"][1] * 1e10 * 100 / per_hour, rel=1e-9)
    assert tests["SFT"][2] == pytest.approx(2 * tests["prompt"][2], rel=1e-12)
    assert tests["DPO"][1:] == (35, 0.0) and tests["prompt"][1] == pilot.needed(0.6, 0.05)
    run = chosen(situations.SITUATIONS["and a checker"])
    assert situations.rounds("and a checker") == run.hours > 1000 * run.pilot
    assert situations.ratio("and a checker") * run.pilot == pytest.approx(run.hours, rel=1e-9)


def test_the_calculators_say_what_the_functions_say():
    told = calculator.post_training_memory()
    assert told["needed on one GPU"] == f"{plans.total(plans.plan('RL', 'LoRA')):.1f} GB, fits"
    assert (
        told["while"] == "sampling"
        and told["bars"]["limit"] == 80
        and sorted(told["unused"]) == ["reference", "teacher"]
    )
    full = calculator.post_training_memory(method="full", stage="SFT", memory=80.0)
    assert full["needed on one GPU"].endswith("does not fit")
    assert sorted(full["unused"]) == ["rank", "reference", "rollouts", "sleep", "teacher"]
    assert sum(full["bars"]["values"].values()) == pytest.approx(plans.total(plans.plan("SFT", "full")), rel=1e-9)
    assert calculator.post_training_memory(stage="distillation")["bars"]["values"]["teacher"] == 64
    for name, shape in calculator.SHAPES.items():
        assert (
            calculator.post_training_memory(model=name, method="QLoRA")["bars"]["values"]["sampler"]
            == 2 * parameters(shape) / 1e9
        )


def test_the_chooser_says_what_choose_says():
    told = calculator.method()
    assert told["method"] == "RL" and told["could refute it"] == "29 prompts, 16 answers each"
    assert [row[0] for row in told["table"][1:]] == [v.method for v in choice.choose(Situation())]
    assert calculator.method(teacher=32.0)["method"] == "on-policy distillation"
    assert calculator.method(solved=0.1)["method"] == "SFT"
    assert calculator.method(goal=2.0, score=60.0)["table"][1][3].startswith(f"{pilot.needed(0.6, 0.02):,} ")
    whole = Situation(8e9, 0.6, 0.05, 3000, 0, 4000, 0.3, 32e9, 4000, 16, 8, 7.0)
    assert [row[1] for row in calculator.method(teacher=32.0)["table"][1:]] == [
        f"{v.hours:,.1f}" for v in choice.choose(whole)
    ]
    with pytest.raises(ValueError, match="below 100%"):
        calculator.method(score=96.0, goal=5.0)


def test_a_shape_of_the_same_size_for_qwen():
    """Published for Qwen3 8B: 8.2 billion parameters."""
    assert round(parameters(calculator.SHAPES["Qwen3 8B"]) / 1e9, 1) == 8.2
    assert isinstance(calculator.SHAPES["Qwen3 8B"], Shape)
