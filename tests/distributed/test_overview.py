"""Shapes against transformers' modules, bytes against PyTorch's own collectives and saved tensors, MFU against published runs."""

import json
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, SequenceParallel, parallelize_module
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from snippets.distributed.collectives.ranks import launch
from snippets.distributed.memory.activations import activation_bytes
from snippets.distributed.overview import breaks
from snippets.distributed.overview import limits as overview
from snippets.distributed.overview.activations import in_flight, layer_bytes
from snippets.distributed.overview.calculator import training_planner
from snippets.distributed.overview.flops import head_flops, model_flops
from snippets.distributed.overview.groups import Group, groups, rank_layers, stage_layers
from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.memory import memory, rank_memory
from snippets.distributed.overview.planner import problems, slow_choices, too_much
from snippets.distributed.overview.published_runs import RUNS, SECONDS, counted, predict
from snippets.distributed.overview.search import search
from snippets.distributed.overview.step_time import Assumptions, hfu, idle, mfu, not_hidden, run_days, step
from snippets.distributed.overview.traffic import clock, context_bytes, data_bytes, tensor_bytes, traffic
from snippets.distributed.pipeline_parallel.cost import most_held, orders
from snippets.shapes.accelerators import MACHINES
from snippets.shapes.models import MODELS, Shape, parameters


def llama(layers, hidden, heads, width):
    return LlamaForCausalLM, LlamaConfig(
        num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads, num_key_value_heads=8,
        intermediate_size=width, vocab_size=128_256, tie_word_embeddings=False,
    )  # fmt: skip


def gpt2(layers, hidden, heads):
    return GPT2LMHeadModel, GPT2Config(n_layer=layers, n_embd=hidden, n_head=heads, vocab_size=51_200, n_positions=2048)


REFERENCE = {
    "Llama 3 8B": llama(32, 4096, 32, 14_336),
    "Llama 3 70B": llama(80, 8192, 64, 28_672),
    "Llama 3 405B": llama(126, 16_384, 128, 53_248),
    "GPT 22B": gpt2(48, 6144, 64),
    "GPT-3 175B": gpt2(96, 12_288, 96),
    "GPT 530B": gpt2(105, 20_480, 128),
    "GPT 1T": gpt2(128, 25_600, 160),
    "DeepSeek-V3": (DeepseekV3ForCausalLM, DeepseekV3Config()),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_parameters_are_those_of_transformers_module_to_the_last_one(name):
    """Modules with a few layers; the others are like the last."""
    kind, config = REFERENCE[name]
    first = MODELS[name].dense_layers + 1
    few = []
    for layers in (first, first + 1):
        short = type(config)(**{**config.to_dict(), "layer_types": None, "num_hidden_layers": layers})
        with torch.device("meta"):
            few.append(sum(p.numel() for p in kind(short).parameters()))
    assert parameters(MODELS[name]) == few[0] + (config.num_hidden_layers - first) * (few[1] - few[0])


def test_parameters_of_palm_are_those_of_its_paper():
    assert round(parameters(MODELS["PaLM 540B"]) / 1e9, 2) == pytest.approx(540.35, abs=0.01)


@pytest.mark.parametrize("name", ["Llama 3 8B", "DeepSeek-V3"])
def test_flops_are_what_pytorch_counts(name):
    """PyTorch counts a forward pass with masked pairs; training takes three times as much."""
    kind, config = REFERENCE[name]
    config = type(config)(
        **{**config.to_dict(), "num_hidden_layers": 2, "first_k_dense_replace": 2, "layer_types": None,
           "attn_implementation": "eager"}
    )  # fmt: skip
    m, tokens = replace(MODELS[name], layers=2, dense_layers=2), 32
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        kind(config)(torch.zeros(1, tokens, dtype=torch.long))
    ours = sum(model_flops(m, Layout(sequence=tokens), [0, 1])) + head_flops(m)
    assert ours * tokens / 3 == pytest.approx(counter.get_total_flops(), rel=2e-4)  # norms


# ---- what a layer keeps, and how many of them


class Layer(nn.Module):
    """A Llama layer out of PyTorch's operations."""

    def __init__(self, m):
        super().__init__()
        queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
        self.m = m
        self.n1, self.n2 = nn.LayerNorm(m.hidden, bias=False), nn.LayerNorm(m.hidden, bias=False)
        self.q, self.k, self.v = (nn.Linear(m.hidden, size, bias=False) for size in (queries, keys, keys))
        self.o = nn.Linear(queries, m.hidden, bias=False)
        self.gate, self.up = (nn.Linear(m.hidden, m.width, bias=False) for _ in range(2))
        self.down = nn.Linear(m.width, m.hidden, bias=False)

    def queries(self, x):
        return self.q(x), self.k(x), self.v(x)

    def wide(self, x):
        return self.gate(x), self.up(x)

    def attend(self, x, inputs=lambda make, x: make(x)):
        q, k, v = inputs(self.queries, x)
        b, s, _ = q.shape
        q, k, v = (t.view(b, s, -1, self.m.head_dim).transpose(1, 2) for t in (q, k, v))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.o(out.transpose(1, 2).reshape(b, s, -1))

    def feed(self, x, inputs=lambda make, x: make(x)):
        gate, up = inputs(self.wide, x)
        return self.down(F.silu(gate) * up)

    def forward(self, x):
        x = x + self.attend(self.n1(x))
        return x + self.feed(self.n2(x))


SERVED_ONLY = {"Qwen3 32B", "Qwen3 235B-A22B", "Mixtral 8x7B", "gpt-oss-120b"}  # no published run to predict
SMALL = Shape(4, 128, 8, 8, 16, 320, 64)


def test_a_layer_keeps_what_autograd_saves():
    layer, x = Layer(SMALL).bfloat16(), torch.randn(2, 64, 128, dtype=torch.bfloat16, requires_grad=True)
    saved = {}

    def save(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes(), tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(save, lambda t: t):
        layer(x).sum().backward()
    weights = {p.untyped_storage().data_ptr() for p in layer.parameters()}
    rows = 2 * 64  # statistics of norms and of attention: one number a row, not a row
    kept = sum(size for at, (size, t) in saved.items() if at not in weights and t.numel() > 20 * rows)
    assert kept == layer_bytes(SMALL, Layout(sequence=64, micro=2), 0, "nothing")


def test_cheap_outputs_computed_again_leave_the_inputs():
    """Two norms and two of the four wide tensors are not kept, nothing else changes."""
    x = Layout(sequence=64)
    kept = [layer_bytes(SMALL, x, 0, how) / 64 for how in ("nothing", "elementwise", "layers")]
    assert kept[0] - kept[1] == 2 * (2 * SMALL.hidden + 2 * SMALL.width)
    assert kept[2] == 2 * SMALL.hidden


def test_first_stage_holds_what_korthikanti_says():
    """Activations of L (1 + (p - 1) / (p v)) layers on the first rank of an interleaved pipeline."""
    m, x = MODELS["GPT 530B"], RUNS["GPT 530B"].layout
    one = activation_bytes(2048, 1, 20_480, 128, 8, True, "selective")
    first = rank_memory(m, x, 0, rank_layers(105, x)[0])["activations"]
    assert first == pytest.approx(one * 105 * (1 + 34 / (35 * 3)))
    assert first / 1e9 == pytest.approx(24.8, abs=0.05)


@settings(deadline=None, max_examples=40)
@given(p=st.integers(1, 8), rounds=st.integers(1, 4), v=st.integers(1, 4), data=st.data())
def test_micro_batches_in_flight_are_those_of_the_schedule(p, rounds, v, data):
    """The lists that the page on pipelines tests against PyTorch's, action by action."""
    m = p * rounds
    x = Layout(pp=p, batch=m, virtual=v)
    rank = data.draw(st.integers(0, p - 1))
    name = "interleaved" if v > 1 else "1F1B"
    assert in_flight(x, rank) == most_held(orders(name, p, m, v)[rank], v)


@settings(max_examples=40)
@given(layers=st.integers(1, 200), stages=st.integers(1, 64))
def test_every_layer_has_one_stage(layers, stages):
    own = stage_layers(layers, stages)
    assert [n for stage in own for n in stage] == list(range(layers))
    sizes = [len(stage) for stage in own]
    assert max(sizes) - min(sizes) <= 1
    assert sizes[0] == min(sizes)


def test_llamas_first_and_last_stage_have_no_layer():
    """The report: the first chunk has only the embedding, the last only the output."""
    stages = stage_layers(126, 128)
    assert [len(s) for s in stages] == [0] + [1] * 126 + [0]
    x = RUNS["Llama 3 405B, 16K GPUs"].layout
    assert [len(r) for r in rank_layers(126, x)] == [7] + [8] * 14 + [7]


def test_zero_shards_states_as_its_paper_says():
    m = MODELS["Llama 3 8B"]
    states = ("weights", "gradients", "optimizer")
    sizes = []
    for zero in range(3):
        held = memory(m, Layout(dp=64, batch=64, zero=zero, states="mixed, 16-bit grads"))[1]
        sizes.append(sum(held[kind] for kind in states) / parameters(m))
    assert sizes == pytest.approx([16, 4 + 12 / 64, 2 + 14 / 64])


# ---- who is in a group, and what it moves


@settings(deadline=None, max_examples=40)
@given(exponents=st.tuples(*[st.integers(0, 3)] * 4))
def test_groups_are_those_of_ranks_counted_through(exponents):
    """Number all ranks, TP fastest, then CP, PP, DP, and look who shares rank 0's node of eight."""
    tp, cp, pp, dp = (2**e for e in exponents)
    x = Layout(tp=tp, cp=cp, pp=pp, dp=dp)
    place = {}
    for d in range(dp):
        for p in range(pp):
            for c in range(cp):
                for t in range(tp):
                    place[t, c, p, d] = len(place)
    found = groups(x, 8)
    for kind, axis in (("TP", 0), ("CP", 1)):
        mine = [at for who, at in place.items() if all(i == 0 for n, i in enumerate(who) if n != axis)]
        assert found[kind] == (len(mine), sum(at < 8 for at in mine))
    copies = [at for who, at in place.items() if who[0] == who[2] == 0]
    assert found["DP"] == (len(copies), sum(at < 8 for at in copies))
    neighbors = [at for who, at in place.items() if who[0] == who[1] == who[3] == 0]
    assert found["PP"].spans == any(at >= 8 for at in neighbors)


def test_one_neighbor_in_another_node_is_enough():
    assert groups(Layout(tp=2, pp=8), 8)["PP"] == (8, 1)  # four of the eight are in the node
    assert groups(Layout(tp=2, pp=4), 8)["PP"] == (4, 4)


def test_a_collective_uses_the_ports_of_all_its_members_in_a_node():
    """As the GPU chapter of How To Scale Your Model has it: 450 GB/s in a node, 400 beyond, 50 with one port."""
    h100 = MACHINES["H100"]
    for group, rate, out in ((Group(8, 8), 450, 0), (Group(64, 8), 400, 1 / 8), (Group(64, 1), 50, 1)):
        sent = clock(group, 1e9, 0, h100, 1.0)
        assert (sent.seconds, sent.slow) == (pytest.approx(1 / rate), pytest.approx(out * 1e9))


def test_layers_computed_again_send_again():
    x = Layout(tp=8, cp=2)
    for moved_bytes, ratio in ((tensor_bytes, 3.5 / 2.5), (context_bytes, 4 / 3)):
        again = moved_bytes(SMALL, replace(x, recompute="layers"), 1)
        assert again == pytest.approx(ratio * moved_bytes(SMALL, x, 1))
    run = RUNS["DeepSeek-V3, fp8 rate"]
    m, machine = MODELS[run.model], MACHINES[run.machine]
    once, again = (
        traffic(m, replace(run.layout, recompute=how), machine, 8, 1.0)["EP"] for how in ("elementwise", "layers")
    )
    assert (again.fast, again.slow) == pytest.approx((1.5 * once.fast, 1.5 * once.slow))
    assert again.calls == 1.5 * once.calls


def test_a_micro_batch_meets_half_of_what_a_rank_of_dualpipe_holds():
    """DualPipe's rank holds two stages; 1F1B over half as many ranks gives it the same weights."""
    run = RUNS["DeepSeek-V3, fp8 rate"]
    m, machine, x = MODELS[run.model], MACHINES[run.machine], replace(run.layout, zero=3)
    dual = traffic(m, x, machine, 8, 1.0)
    one = traffic(m, replace(x, schedule="1F1B"), machine, 8, 1.0)
    layers = [len(rank_layers(m.layers, replace(x, schedule=s))[8]) for s in ("DualPipe", "1F1B")]
    assert layers == [8, 4]
    for kind in ("DP", "DP, experts"):
        total = dual[kind].fast + dual[kind].slow
        assert total == pytest.approx(one[kind].fast + one[kind].slow)
        assert dual[kind].calls == one[kind].calls > x.micros


@settings(deadline=None, max_examples=60)
@given(
    work=st.floats(0, 10),
    seconds=st.lists(st.floats(0, 10), min_size=5, max_size=5),
    zero=st.integers(0, 3),
    schedule=st.sampled_from(["1F1B", "DualPipe"]),
)
def test_a_second_of_work_hides_one_kind(work, seconds, zero, schedule):
    x = Layout(pp=2, batch=8, zero=zero, schedule=schedule)
    sent = dict(zip(("TP", "PP", "EP", "DP", "DP, experts"), seconds, strict=True)) | {"CP": 1.0}
    exposed = not_hidden(x, sent, work)
    assert sum(sent.values()) - sum(exposed.values()) <= work + 1e-9
    assert all(-1e-9 <= exposed[kind] <= sent[kind] + 1e-9 for kind in sent)
    assert exposed["CP"] == 1.0
    assert exposed["TP"] >= 0.8 * sent["TP"] - 1e-9
    if schedule == "1F1B":
        assert exposed["EP"] == sent["EP"]


def test_what_hides_one_kind_does_not_hide_the_next():
    x = Layout(pp=2, batch=8, zero=2, schedule="DualPipe")
    sent = {"TP": 0.0, "PP": 1.0, "EP": 6.0, "DP": 4.0, "DP, experts": 2.0}
    left = {"TP": 0.0, "PP": 0.0, "EP": 0.0, "DP": 1.0, "DP, experts": 2.0}
    assert not_hidden(x, sent, 10.0) == pytest.approx(left)
    less = not_hidden(replace(x, zero=1), sent, 15.0)  # the last of eight micro-batches: 1 s
    assert (less["DP"], less["DP, experts"]) == pytest.approx((3.0, 2.0))


def test_deepseeks_groups():
    """The report: 64-way EP spans 8 nodes; with PP 16, experts have two copies."""
    found = groups(RUNS["DeepSeek-V3, fp8 rate"].layout, 8)
    assert found["EP"] == (64, 8)
    assert found["DP, experts"].size == 2
    assert found["PP"].spans


class Sent(TorchDispatchMode):
    """Bytes that this rank sends in PyTorch's collectives, by rings, counted from their tensors."""

    def __init__(self):
        super().__init__()
        self.bytes = 0.0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name()
        if "c10d" in name and "wait" not in name:
            tensors = [t for a in args for t in (a if isinstance(a, list) else [a]) if isinstance(t, torch.Tensor)]
            ranks = dist.get_world_size()
            if "all_gather" in name or "allgather" in name:
                self.bytes += min(t.nbytes for t in tensors) * (ranks - 1)
            elif "reduce_scatter" in name:
                self.bytes += max(t.nbytes for t in tensors) * (ranks - 1) / ranks
            elif "all_reduce" in name or "allreduce" in name:
                self.bytes += 2 * tensors[0].nbytes * (ranks - 1) / ranks
        return function(*args, **(kwargs or {}))


def shard_fully(rank):
    """Three micro-batches with ZeRO 3: weights in bf16, gradients in fp32."""
    torch.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(64, 64, bias=False) for _ in range(3)])
    mixed = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    mesh = init_device_mesh("cpu", (4,))
    for layer in model:
        fully_shard(layer, mesh=mesh, mp_policy=mixed, reshard_after_forward=True)
    fully_shard(model, mesh=mesh, mp_policy=mixed)
    with Sent() as sent:
        for _ in range(3):
            model(torch.ones(2, 64)).float().sum().backward()
    return sent.bytes


def shard_tensors(rank, again=False):
    """A layer under tensor and sequence parallelism; `again` keeps a part of each input only."""
    torch.manual_seed(0)
    mesh, layer = init_device_mesh("cpu", (4,)), Layer(SMALL)
    plan = {name: SequenceParallel() for name in ("n1", "n2")}
    plan |= {name: ColwiseParallel() for name in ("q", "k", "v", "gate", "up")}
    plan |= {name: RowwiseParallel(output_layouts=Shard(1), use_local_output=False) for name in ("o", "down")}
    parallelize_module(layer, mesh, plan)

    def block(x, norm, inside):
        def inputs(make, part):
            gathered = lambda part: make(part.redistribute(mesh, (Replicate(),)))  # noqa: E731
            return checkpoint(gathered, part, use_reentrant=False) if again else gathered(part)

        return x + inside(norm(x), inputs)

    part = torch.ones(1, 16, 128, requires_grad=True)  # of 64 tokens
    with Sent() as sent:
        x = block(DTensor.from_local(part, mesh, (Shard(1),)), layer.n1, layer.attend)
        x = block(x, layer.n2, layer.feed)
        x.to_local().sum().backward()
    return sent.bytes


def both(rank, folder):
    (folder / f"{rank}.json").write_text(
        json.dumps([shard_fully(rank), shard_tensors(rank), shard_tensors(rank, again=True)])
    )


@pytest.fixture(scope="module")
def moved():
    folder = launch(both)
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def test_zero_3_moves_what_fsdp_moves(moved):
    once, each = data_bytes(3 * 64 * 64, Layout(zero=3, dp=4), 4)
    assert {sent[0] for sent in moved} == {once + 3 * each}


def test_tensor_parallelism_moves_what_dtensor_moves(moved):
    """DTensor in fp32, the planner in bf16. DTensor keeps gathered inputs, Megatron does not."""
    x = Layout(tp=4, sequence=64)
    assert {sent[1] for sent in moved} == {2 * tensor_bytes(SMALL, x, 1, again=0)}
    assert {sent[2] for sent in moved} == {2 * tensor_bytes(SMALL, x, 1)}


def test_two_of_three_gathers_are_those_of_weights():
    """Per micro-batch 2 + 2 bytes for weights and 2 for gradients; a step of ZeRO 1 gathers once."""
    x = Layout(zero=3, states="mixed, 16-bit grads")
    assert data_bytes(1e9, x, 10**9)[1] == pytest.approx(6e9)
    assert data_bytes(1e9, replace(x, zero=1), 10**9) == pytest.approx((4e9, 0))
    assert data_bytes(1e9, replace(x, zero=0), 10**9) == pytest.approx((4e9, 0))  # an all-reduce


def test_palms_pods_exchange_what_the_paper_says():
    """About 1.3 GB for each pair of hosts, which have four chips each."""
    sent = predict(RUNS["PaLM 540B"])[1].traffic["DP, between"]
    assert 4 * sent.slow / 2**30 == pytest.approx(1.3, abs=0.05)
    assert sent.fast == 0


def test_deepseeks_all_to_all_takes_about_as_long_as_its_products():
    """The report: without overlap, computation to communication is about 1 to 1."""
    s = predict(RUNS["DeepSeek-V3, fp8 rate"])[1]
    assert s.traffic["EP"].seconds / s.products == pytest.approx(1, abs=0.2)
    assert s.exposed["EP"] == 0


def test_a_token_goes_to_at_most_four_nodes():
    run = RUNS["DeepSeek-V3, bf16 rate"]
    m, machine = MODELS[run.model], MACHINES[run.machine]
    some, all_ = (traffic(m, replace(run.layout, routed_nodes=n), machine, 2, 1.0)["EP"] for n in (4, 0))
    assert some.slow / all_.slow == pytest.approx(4 * 7 / 8 / 7)  # 4 of 8 nodes, 8 experts


# ---- published runs


@pytest.mark.parametrize("name", SECONDS)
def test_printed_times_give_printed_utilizations(name):
    assert counted(name) == pytest.approx(RUNS[name].printed, abs=0.002)


def test_deepseek_without_masked_pairs():
    run = RUNS["DeepSeek-V3, bf16 rate"]
    m, machine = MODELS[run.model], MACHINES[run.machine]
    assert mfu(m, run.layout, machine, 19.926, causal=True) == pytest.approx(0.3894, abs=0.0015)
    assert run.layout.batch * 4096 / 19.926 * 86_400 / 1e9 == pytest.approx(272.8, abs=0.1)
    assert run_days(14.8e12, run.layout, 19.926) == pytest.approx(14_800 / 272.8, abs=0.02)


@pytest.mark.parametrize("name", [name for name in RUNS if "fp8" not in name])
def test_predicted_utilization_is_near_the_printed_one(name):
    assert predict(RUNS[name])[0] == pytest.approx(RUNS[name].printed, abs=0.08)


def test_predictions_are_near_on_average_and_in_the_right_order():
    got = {name: predict(run)[0] for name, run in RUNS.items()}
    gaps = [abs(got[name] - RUNS[name].printed) for name in RUNS if not name.startswith("DeepSeek")]
    assert sum(gaps) / len(gaps) < 0.04
    assert got["Llama 3 405B, 8K GPUs"] > got["Llama 3 405B, 16K GPUs"] > got["Llama 3 405B, 128K tokens"]
    assert got["GPT 22B"] < got["GPT-3 175B"] < got["GPT 530B"] > got["GPT 530B, 8 copies"]
    assert got["DeepSeek-V3, fp8 rate"] - 0.4373 > 0.3, "the gap that the page explains"


@pytest.mark.parametrize("name", RUNS)
def test_published_layouts_run_and_fit(name):
    run = RUNS[name]
    m, machine = MODELS[run.model], MACHINES[run.machine]
    assert problems(m, run.layout, machine, run.layout.world) == []
    fits = "V3, bf16" not in name  # with the experts' inputs in bf16 it would not
    assert (too_much(m, run.layout, machine, Assumptions()) == "") == fits


def test_hardware_utilization():
    m, x = MODELS["GPT 530B"], RUNS["GPT 530B"].layout
    machine = MACHINES["A100"]
    whole = replace(x, recompute="layers")
    head = head_flops(m) / (sum(model_flops(m, x, list(range(105)))) + head_flops(m))
    assert hfu(m, whole, machine, 1.0) / mfu(m, whole, machine, 1.0) == pytest.approx((4 - head) / 3)
    assert hfu(m, x, machine, 37.83) == pytest.approx(0.57, abs=0.01)


def test_bubbles():
    """Narayanan et al.: (p - 1) / (v m). DeepSeek: (p/2 - 1)(F&B + B - 3W) with B = 2F, W = F."""
    assert idle(RUNS["GPT 530B"].layout) == pytest.approx(34 / (3 * 280))
    assert idle(Layout(pp=16, batch=120, schedule="DualPipe")) == pytest.approx(7 * (3 + 2 - 3) / 3 / 120)


# ---- problems, search, failures


LLAMA = RUNS["Llama 3 405B, 16K GPUs"].layout


@pytest.mark.parametrize(
    ("change", "why"),
    [({"dp": 64}, "world size"), ({"tp": 12}, "TP: 128 heads"), ({"pp": 32, "dp": 64}, "PP: 256 stages"),
     ({"micro": 32}, "batch: 2,048"), ({"dp": 256}, "interleaving: 8"), ({"cp": 3}, "CP: 8,192 tokens"),
     ({"ep": 8}, "EP: 8 ranks for 0"), ({"schedule": "DualPipe"}, "DualPipe"), ({"shard": 8}, "hybrid")],
)  # fmt: skip
def test_reasons(change, why):
    x = replace(LLAMA, **change)
    count = 16_384 if "world" in why else x.world
    found = problems(MODELS["Llama 3 405B"], x, MACHINES["H100"], count)
    assert [reason for reason in found if reason.startswith(why)]
    assert len(found) == 1


def test_reasons_of_experts():
    m, machine, run = MODELS["DeepSeek-V3"], MACHINES["H800"], RUNS["DeepSeek-V3, bf16 rate"].layout
    for ep, why in ((512, "EP: 512 ranks for 256"), (48, "EP: 48 must divide")):
        assert problems(m, replace(run, ep=ep), machine, 2048)[0].startswith(why)
    small = replace(run, cp=4, dp=32, ep=2)
    assert problems(m, small, machine, 2048) == ["EP: 2 must be a multiple of CP = 4, whose ranks it takes"]
    narrow = replace(m, width=3 * 2048, expert_width=1026)
    wide = replace(run, tp=4, dp=32, ep=32)
    assert problems(narrow, wide, machine, 2048)[0].startswith("TP: 128 heads, 6144 or 1026 columns")


def test_key_value_heads():
    machine, llama = MACHINES["H100"], MODELS["Llama 3 405B"]
    for heads in (3, 64):
        m = replace(MODELS["Llama 3 8B"], kv_heads=heads)
        assert problems(m, Layout(dp=8, batch=8), machine, 8) == [
            f"heads: 32 do not divide over {heads} key-value heads"]  # fmt: skip
    assert "TP of 16 copies 8 key-value heads" in slow_choices(llama, replace(LLAMA, tp=16), machine)
    assert not slow_choices(llama, LLAMA, machine)


def test_zero_3_gathers_embedding_and_output():
    """In Llama 3 8B each of them is larger than two layers."""
    m = MODELS["Llama 3 8B"]
    weights = memory(m, Layout(dp=64, batch=64, zero=3))[1]["weights"]
    assert weights == pytest.approx(2 * parameters(m) / 64 + 2 * 2 * 128_256 * 4096)


def test_sharded_optimizers_are_not_told_to_shard():
    run = RUNS["DeepSeek-V3, bf16 rate"]
    m, x = MODELS[run.model], Layout(dp=16, ep=16, batch=16, zero=3, sequence=512)
    text = too_much(m, x, MACHINES["H800"], Assumptions())
    assert "for optimizer; cure: more copies" in text


@pytest.mark.parametrize(
    ("change", "kind"),
    [({"recompute": "nothing"}, "activations"), ({"pp": 4, "dp": 512, "virtual": 1}, "gradients"),
     ({"pp": 1, "dp": 2048, "virtual": 1, "zero": 2, "recompute": "layers"}, "weights"),
     ({"pp": 8, "dp": 256, "zero": 0}, "optimizer")],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_a_cure(change, kind):
    text = too_much(MODELS["Llama 3 405B"], replace(LLAMA, **change), MACHINES["H100"], Assumptions())
    assert f"for {kind}; cure: " in text


def test_the_search_arrives_at_metas_layout():
    best = search(MODELS["Llama 3 405B"], Layout(batch=2048), MACHINES["H100"], 16_384)[0].layout
    assert (best.tp, best.pp, best.dp, best.cp) == (8, 16, 128, 1)


@pytest.mark.parametrize(("name", "count"), [("Llama 3 8B", 64), ("GPT 22B", 128), ("DeepSeek-V3", 1024)])
def test_what_the_search_returns_runs_and_is_sorted(name, count):
    m, machine = MODELS[name], MACHINES["H100"]
    plans = search(m, Layout(batch=1024, sequence=4096, states="mixed, bf16 moments"), machine, count)
    assert plans
    for x, s in plans:
        assert problems(m, x, machine, count) == [] and not too_much(m, x, machine, Assumptions())
        assert s.seconds >= plans[0].step.seconds
        assert 0 < mfu(m, x, machine, s.seconds) < 1


@settings(deadline=None, max_examples=30)
@given(name=st.sampled_from(sorted(RUNS)), faster=st.floats(1.0, 4.0))
def test_better_machines_are_not_slower(name, faster):
    run = RUNS[name]
    m, machine = MODELS[run.model], MACHINES[run.machine]
    now = step(m, run.layout, machine).seconds
    chip = machine.chip
    for better in (
        replace(machine, network_gb_s=machine.network_gb_s * faster),
        replace(machine, chip=replace(chip, link_gb_s=chip.link_gb_s * faster)),
        replace(machine, chip=replace(chip, memory_tb_s=chip.memory_tb_s * faster)),
    ):
        assert step(m, run.layout, better).seconds <= now * (1 + 1e-12)


def test_the_average_fits_and_the_first_ranks_do_not():
    facts = breaks.facts()
    average, first, last = (int(facts[k].split()[0]) for k in ("average", "fullest", "emptiest"))
    assert average < 30 and last < 30 and first > 80
    assert too_much(breaks.M, breaks.KEPT, breaks.H100, breaks.A)
    more = replace(breaks.KEPT, dp=256, batch=4096)
    assert memory(breaks.M, more)[1]["activations"] == memory(
        breaks.M, breaks.KEPT)[1]["activations"]  # fmt: skip
    fewer = replace(breaks.KEPT, dp=256)  # the same batch: eight micro-batches
    assert not too_much(breaks.M, fewer, breaks.H100, breaks.A)


def test_tensor_parallelism_over_two_nodes_is_slower():
    facts = breaks.facts()
    assert float(facts["tp16"].rstrip("%")) < float(facts["tp8"].rstrip("%")) - 3
    wide = replace(LLAMA, tp=16, pp=8)
    now, then = (step(breaks.M, x, breaks.H100) for x in (LLAMA, wide))
    assert then.traffic["TP"].calls == 2 * now.traffic["TP"].calls
    assert then.products == pytest.approx(now.products, rel=0.01)
    assert "leaves the node" in slow_choices(breaks.M, wide, breaks.H100)[0]


def test_splitting_inside_the_node_leaves_the_bound_of_fsdp():
    """The same bytes leave each node, over the same ports; stages in other nodes make them fewer."""
    m, h100 = MODELS["Llama 3 70B"], breaks.H100
    alone, inside, across = (breaks.scarce(*degrees) for degrees in ((1, 1), (8, 1), (8, 4)))
    assert {x.world for x in (alone, inside, across)} == {4096}
    assert {x.batch * x.sequence / x.world for x in (alone, inside, across)} == {1024}
    assert alone.micros == inside.micros == 1
    assert not any(too_much(m, x, h100, breaks.A) for x in (alone, inside, across))
    steps = [step(m, x, h100) for x in (alone, inside, across)]
    assert steps[1].traffic["DP"].seconds == pytest.approx(steps[0].traffic["DP"].seconds, rel=0.01)
    assert steps[1].exposed["DP"] > steps[0].exposed["DP"] > 4 * steps[2].exposed["DP"] > 0
    assert steps[1].seconds > steps[0].seconds > steps[2].seconds
    plenty = replace(alone, sequence=4096)  # above C/β
    assert step(m, plenty, h100).exposed["DP"] == 0


def test_one_accelerator_is_not_enough():
    held, years = overview.alone("Llama 3 405B")
    assert 91 * 80e9 < held <= int(overview.facts()["large_gpus"]) * 80e9
    assert held == 18 * parameters(MODELS["Llama 3 405B"])
    flops = 6 * (405_853_388_800 - 128_256 * 16_384) * 15.6e12
    assert years == pytest.approx(flops / (0.4 * 989e12) / 86_400 / 365, rel=1e-3)


# ---- the calculator


def test_the_calculator_says_what_the_planner_says():
    shown, s = training_planner(), predict(RUNS["Llama 3 405B, 16K GPUs"])
    assert shown["Does it run?"] == "yes"
    assert shown["estimated utilization (MFU)"] == f"{s[0]:.1%}"
    assert shown["a step takes"] == f"{s[1].seconds:.2f} s"
    assert sum(shown["bars"]["values"].values()) < shown["bars"]["limit"]
    dollars = float(shown["cost"].strip("$ milon")) * 1e6
    assert dollars == pytest.approx(float(shown["days of training"]) * 24 * 16_384 * 2, rel=2e-3)


def test_the_calculator_says_why_not():
    assert training_planner(dp=64)["because of"].startswith("world size")
    full = training_planner(recompute="nothing")
    assert full["Does it run?"] == "no" and full["because of"].startswith("memory: pipeline rank 1")
    assert full["what would run fastest"].startswith("TP 8 × PP 16 × DP 128")
    assert training_planner(tp=16, pp=8)["remarks"].startswith("TP of 16 leaves the node")
    with pytest.raises(ValueError, match="nothing fits"):
        training_planner(count=8, choose=True)
    with pytest.raises(ValueError, match="no faster 8-bit"):
        training_planner(accelerator="TPU v4", precision="fp8")
    with pytest.raises(ValueError, match="does not divide"):
        training_planner(model="own shape", hidden=4097)


def test_the_calculator_offers_every_model_and_machine():
    hints = get_type_hints(training_planner)
    assert set(get_args(hints["model"])) == {*MODELS, "own shape"} - SERVED_ONLY
    assert set(get_args(hints["accelerator"])) == set(MACHINES)
    own = training_planner(model="own shape", count=64, batch=512, choose=True)
    same = training_planner(model="Llama 3 8B", count=64, batch=512, choose=True)
    assert {**own, "table": 0, "unused": 0} == {**same, "table": 0, "unused": 0}
