"""Counts against PEFT, and the planner against tensors of a small Llama and printed sizes."""

import json
import re
import weakref
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import LlamaConfig, LlamaForCausalLM

from snippets.post_training.lora import (
    calculator,
    codebook,
    counts,
    measured,
    planner,
)  # fmt: skip
from snippets.shapes.models import MODELS, Shape, parameters

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = {
    case["id"]: case["expected"]
    for case in map(json.loads, (ROOT / "tests/published/post_training/cases.jsonl").read_text().splitlines())
}


def small_llama(m):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=m.vocab, hidden_size=m.hidden, intermediate_size=m.width, num_hidden_layers=m.layers,
        num_attention_heads=m.heads, num_key_value_heads=m.kv_heads, head_dim=m.head_dim, tie_word_embeddings=False,
    ))  # fmt: skip


@pytest.mark.parametrize("name", counts.CHOICES)
def test_counts_are_what_peft_prints(name):
    m = Shape(layers=2, hidden=48, heads=4, kv_heads=2, head_dim=16, width=80, vocab=96)
    with torch.device("meta"):
        model = small_llama(m)
    targets = [t + ("_proj") for t in counts.CHOICES[name]]
    trained, every = get_peft_model(model, LoraConfig(r=3, target_modules=targets)).get_nb_trainable_parameters()
    assert counts.adapter_params(m, 3, counts.CHOICES[name]) == trained
    assert counts.trained_share(m, 3, counts.CHOICES[name]) == trained / (every - trained)


def test_matrices_of_the_layers_are_those_of_llama():
    with torch.device("meta"):
        m = MODELS["Llama 3 8B"]
        model = small_llama(m)
    linear = sum(p.numel() for name, p in model.named_parameters() if "_proj" in name)
    assert counts.linear_params(m) == linear
    assert parameters(m) == sum(p.numel() for p in model.parameters())


def test_facts_about_llama_are_what_peft_counts():
    with torch.device("meta"):
        model = small_llama(counts.LLAMA)
    trained, every = get_peft_model(model, LoraConfig(r=16, target_modules="all-linear")).get_nb_trainable_parameters()
    facts = counts.facts()
    assert facts["adapter_8b"] == f"{trained:,}"
    assert facts["share_8b"] == f"{trained / (every - trained):.2%}"


def test_experts_of_peft_have_a_pair_each_and_published_ones_share():
    qwen = counts.expert_params(2048, 768, 128, 1, shared=True)
    assert 48 * qwen == PUBLISHED["PT-104"]
    assert counts.expert_params(2048, 768, 128, 1, shared=False) == 128 * 3 * (2048 + 768)
    m = MODELS["Qwen3 235B-A22B"]
    assert counts.expert_saving(m) == pytest.approx(128 * (4096 + 1536) / (4096 + 128 * 1536))
    assert counts.facts()["expert_saving"] == "3.6"


def test_printed_counts_follow_the_rank(capsys):
    counts.example_targets()
    counts.example_experts()
    rows = [re.findall(r"[\d,.]+(?=%|\s|$)", line) for line in capsys.readouterr().out.splitlines()]
    one, sixteen, many = (int(x.replace(",", "")) for x in rows[4][:3])
    assert (one, sixteen, many) == (2_621_440, 16 * one, 256 * one)
    assert one * 32 == PUBLISHED["PT-015"]


def test_the_planner_is_off_by_no_byte(capsys):
    measured.example_states()
    measured.example_kept()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:6]] == ["0"] * 5
    assert len(lines) == 10
    for line in lines[7:]:
        planned, found, point, same = line.rsplit(maxsplit=4)[1:]
        assert (planned, point) == (found, same)


class Live(TorchDispatchMode):
    """The most bytes that tensors of one size hold at once."""

    def __init__(self, numbers):
        super().__init__()
        self.numbers, self.held, self.most = numbers, {}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and tensor.numel() == self.numbers:
                storage = tensor.untyped_storage()
                if storage.data_ptr() not in self.held:
                    self.held[storage.data_ptr()] = storage.nbytes()
                    weakref.finalize(storage, self.held.pop, storage.data_ptr())
        self.most = max(self.most, sum(self.held.values()))
        return made


@pytest.mark.parametrize("name", ["full", "LoRA", "QLoRA", "QLoRA, fp32 rest"])
def test_logits_are_held_as_planned(name):
    """A loop that keeps the output until the backward pass is over, as most loops do."""
    recipe, tokens, m = measured.RECIPES[name], measured.TOKENS, measured.SHAPE
    model, live = measured.build(recipe), Live(tokens * m.vocab)
    with live:
        output = model(input_ids=measured.TEXT, labels=measured.TEXT)
        output.loss.backward()
    assert live.most == planner.batch_bytes(m, recipe, tokens)["logits"]
    assert output.logits.nbytes == tokens * m.vocab * recipe.base


@pytest.mark.parametrize("name", planner.RECIPES)
def test_a_plan_of_llama_is_the_sum_of_what_tensors_showed(name):
    """The formulas that `measured` holds against tensors, at another size: linear in what they should be."""
    recipe, m = planner.RECIPES[name], planner.LLAMA
    one, two = (planner.plan(m, recipe, tokens) for tokens in (1000, 2000))
    fixed = planner.state_bytes(m, recipe)
    assert {part for part in one if one[part] == two[part]} == set(fixed)
    assert sum(two.values()) - sum(one.values()) == sum(one.values()) - sum(fixed.values())
    assert planner.whole(name, 1000) == sum(one.values())


def test_memory_is_that_of_qlora_and_published_sizes():
    full = planner.state_bytes(planner.LLAMA, planner.RECIPES["full"])
    per_number = sum(full.values()) / parameters(planner.LLAMA)
    assert per_number == PUBLISHED["PT-020"] * 1e9 / 65e9 == 12
    quantized = codebook.stored_bytes(65e9, codebook.nf4_bits()) / 1e9
    assert quantized == pytest.approx(PUBLISHED["PT-021"], abs=0.1)
    n, linear = parameters(planner.LLAMA), counts.linear_params(planner.LLAMA)
    trained = 16 * int(PUBLISHED["PT-015"] / 32)
    lora, qlora = 2 * n + 16 * trained, linear * codebook.nf4_bits() / 8 + 2 * (n - linear) + 16 * trained
    facts = planner.facts()
    assert facts["full_8b"] == f"{12 * n / 1e9:.1f} GB"
    assert (facts["lora_8b"], facts["qlora_8b"]) == (f"{lora / 1e9:.1f} GB", f"{qlora / 1e9:.1f} GB")
    tokens = 4096 * (32 * 4096 * 2 + 14 * 128_256 + planner.layer_bytes(planner.LLAMA, planner.RECIPES["QLoRA"]))
    assert facts["qlora_8b_4k"] == f"{(qlora + tokens) / 1e9:.1f} GB"
    assert (facts["layer_growth"], facts["layer_bf16"]) == ("1.47", "0.92")


def test_the_printed_plan_adds_up(capsys):
    planner.example_llama()
    rows = [list(map(float, re.findall(r"\d+\.\d+", line))) for line in capsys.readouterr().out.splitlines()[1:]]
    for row in rows:
        assert sum(row[:-1]) == pytest.approx(row[-1], abs=0.08)
    assert rows[3][0] - rows[2][0] == pytest.approx(2 * 2 * 128_256 * 4096 / 1e9, abs=0.02)


def test_the_calculator_plans_what_the_page_says():
    facts = planner.facts()
    for method, key in (("full", "full_8b"), ("LoRA", "lora_8b"), ("QLoRA", "qlora_8b")):
        states = planner.whole(method) / 1e9
        shown = calculator.memory(method=method, tokens=1)["memory, without workspace"]
        assert shown == f"{states:,.1f} GB" == facts[key]
    default = calculator.memory()
    assert default["memory, without workspace"] == facts["qlora_8b_4k"]
    assert default["numbers that are trained"].startswith(counts.facts()["adapter_8b"])
    assert default["it fits"] == f"{24 - planner.whole('QLoRA', 4096) / 1e9:.1f} GB to spare"
    assert "it does not fit" in calculator.memory(method="full")
    assert default["bars"]["limit"] == 24
    less = calculator.memory(targets="q and v", moments="8-bit", adapter="bf16", rest="fp32")["bars"]["values"]
    numbers = 32 * 16 * (2 * 4096 + 4096 + 1024)
    assert less["adapter"] == less["gradients"] == pytest.approx(2 * numbers / 1e9)
    assert less["moments"] == pytest.approx(2 * numbers / 1e9)
    assert less["weights"] == pytest.approx(
        planner.weight_bytes(counts.LLAMA, planner.RECIPES["QLoRA, fp32 rest"]) / 1e9
    )
    assert calculator.memory(method="full")["unused"] == ["rank", "targets", "adapter", "rest"]


def test_70b_fits_on_48_gb_until_it_is_prepared():
    large, facts = {"model": "Llama 3 70B", "gpu": 48}, planner.facts()
    for rest, key, fits in (("bf16", "qlora_70b", "it fits"), ("fp32", "prepared_70b", "it does not fit")):
        assert calculator.memory(**large, rest=rest, tokens=1)["memory, without workspace"] == facts[key]
        assert fits in calculator.memory(**large, rest=rest, tokens=1024)
    card = calculator.memory(**large, rest="fp32", tokens=1024, binary=True)
    assert "it fits" in card and card["bars"]["limit"] == pytest.approx(48 * 1.073741824)
    assert calculator.memory(**large)["bars"]["limit"] == planner.card_bytes(48, False) / 1e9 == 48
