"""Mini-FSDP against `fully_shard`, DDP and one process; bytes against PyTorch's counters; mistakes by their symptoms."""

from contextlib import nullcontext

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.debug import CommDebugMode
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import launch
from snippets.distributed.fsdp import accumulation, breaks, calculator, cost, memory, mesh, order
from snippets.distributed.fsdp import run as real
from snippets.distributed.fsdp import sharding as fsdp
from snippets.distributed.fsdp.wire import Wire, batch, network, whole


def everything(rank, folder):
    """One launch of four ranks for all tests that need them."""
    for name, work in {
        "compare": real.compare,
        "memory": memory.measure,
        "mesh": mesh.measure,
        "accumulate": accumulation.measure,
        "breaks": breaks.measure,
        "order": order.measure,
        "counted": counted,
        "accumulated": accumulated,
        "waiting": waiting,
        "unequal": unequal,
    }.items():
        here = folder / name
        here.mkdir(exist_ok=True)
        work(rank, here)


def counted(rank, folder):
    """The wire beside PyTorch's own count of calls."""
    model = real.wrapped("fully_shard", network())
    x, y = batch(rank, dist.get_world_size())
    with CommDebugMode() as theirs, Wire() as ours:
        F.mse_loss(model(x), y).backward()
    counts = {str(name): n for name, n in theirs.get_comm_counts().items()}
    torch.save((counts, [kind for kind, _, _ in ours.calls]), folder / f"{rank}.pt")


def accumulated(rank, folder):
    """Our units add up gradients of two backward passes like one process does."""
    model = network()
    fsdp.shard_model(model, list(model.children())[:-1])
    x, y = batch(rank, dist.get_world_size())
    for _ in range(2):
        F.mse_loss(model(x), y).backward()
    torch.save([whole(p, "mini-FSDP") for p in model.parameters()], folder / f"{rank}.pt")


def waiting(rank, folder):
    """All-reduces of four micro-batches, at the defaults and if told to wait."""
    x, y = batch(rank, dist.get_world_size())
    calls = {}
    for name in ("DDP", "DDP, no_sync", "HSDP", "HSDP, waiting"):
        model = network()
        if name.startswith("DDP"):
            model = real.wrapped("DDP", model)
        else:
            both = init_device_mesh("cpu", (2, 2), mesh_dim_names=("replicate", "shard"))
            for module in [*list(model.children())[:-1], model]:
                fully_shard(module, mesh=both)
        with Wire() as wire:
            for micro in range(4):
                if name == "HSDP, waiting":
                    model.set_requires_all_reduce(micro == 3)
                with model.no_sync() if name == "DDP, no_sync" and micro < 3 else nullcontext():
                    F.mse_loss(model(x), y).backward()
        kinds = [kind for kind, _, _ in wire.calls]
        calls[name] = sum("all_reduce" in kind for kind in kinds)
        calls[f"{name}, in the node"] = sum("reduce_scatter" in kind for kind in kinds)
    torch.save(calls, folder / f"{rank}.pt")


def unequal(rank, folder):
    """Parts of 1, 3, 5 and 7 of the 16 samples: a mean of means, and sums over all samples times the ranks."""
    first = rank * rank
    x, y = (part[first : first + 2 * rank + 1] for part in batch())
    grads = {}
    for name in ("means", "sums"):
        model = real.wrapped("fully_shard", network())
        errors = (model(x) - y).square()
        (errors.mean() if name == "means" else errors.sum() / 16 * dist.get_world_size()).backward()
        grads[name] = [whole(p, "fully_shard") for p in model.parameters()]
    torch.save(grads, folder / f"{rank}.pt")


@pytest.fixture(scope="module")
def ranks():
    single = real.Run(*torch.load(launch(real.alone, 1) / "single.pt"))
    folder = launch(everything, 4)
    saved = {
        path.name: [torch.load(path / f"{rank}.pt") for rank in range(4)] for path in folder.iterdir() if path.is_dir()
    }
    saved["compare"] = [{k: real.Run(*run) for k, run in part.items()} for part in saved["compare"]]
    return saved | {"single": single}


def test_gradients_and_losses_are_those_of_one_process(ranks):
    single = ranks["single"]
    assert single.losses[-1] < single.losses[0] / 4
    for part in ranks["compare"]:
        for kind, run in part.items():
            assert run.losses == pytest.approx(single.losses, rel=1e-4), kind
            for ours, theirs in zip(run.grads, single.grads, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_every_call_moves_the_bytes_of_pytorchs(ranks):
    """Kind, group and bytes, call by call; the order may differ by the prefetch."""
    for part in ranks["compare"]:
        assert sorted(part["mini-FSDP"].wire) == sorted(part["fully_shard"].wire)
        assert len(part["mini-FSDP"].wire) == 9 + 5


def test_memory_held_is_pytorchs(ranks):
    for part in ranks["compare"]:
        assert part["mini-FSDP"].shapes == part["fully_shard"].shapes
        assert part["mini-FSDP"].held == part["fully_shard"].held
    whole = sum(part["fully_shard"].held for part in ranks["compare"])
    assert whole == ranks["single"].held == ranks["compare"][0]["DDP"].held


def test_volume_is_two_or_three_times_the_weights(ranks):
    whole = sum(p.nbytes for p in network().parameters())
    run = ranks["compare"][0]
    share = cost.sent_bytes(1, 4, 3, weight=1, grad=1)
    assert share == pytest.approx(3 * 3 / 4)
    assert real.sent(run["DDP"]) == pytest.approx(2 * 3 / 4 * whole)
    root = 31 * 4  # gathered once
    padding = 1.05
    assert 3 * 3 / 4 * (whole - root) <= real.sent(run["fully_shard"]) < padding * 3 * 3 / 4 * whole
    assert 2 * 3 / 4 * whole <= real.sent(run["fully_shard, kept"]) < padding * 2 * 3 / 4 * whole


def test_every_stage_sends_what_the_paper_says():
    """Section VII of Rajbhandari et al. 2020: 2, 2, 2 and 3 times the weights times (n - 1)/n, for one micro-batch."""
    assert [cost.sent_bytes(10, 5, stage, 1, 1, 1) for stage in range(4)] == [16, 16, 16, 24]
    # with four: DDP and stage 1 reduce after the last; stage 2 reduces each, and gathers once
    assert [cost.sent_bytes(10, 5, stage, 4, 1, 1) for stage in range(4)] == [16, 16, 40, 96]
    assert [cost.sent_bytes(10, 5, stage, 4, 2, 4) for stage in range(4)] == [64, 48, 144, 256]


def test_the_wire_counts_what_pytorchs_mode_counts(ranks):
    for counts, kinds in ranks["counted"]:
        assert counts == {
            "c10d._allgather_base_": kinds.count("all_gather"),
            "c10d._reduce_scatter_base_": kinds.count("reduce_scatter"),
        }


def test_two_backward_passes_add_up(ranks):
    for parts in ranks["accumulated"]:
        for grad, once in zip(parts, ranks["single"].grads, strict=True):
            torch.testing.assert_close(grad, 2 * once, rtol=1e-5, atol=1e-6)


def test_unequal_parts_need_sums_over_all_samples(ranks):
    exact = torch.cat([grad.flatten() for grad in ranks["single"].grads])
    for grads in ranks["unequal"]:
        off = {k: (torch.cat([g.flatten() for g in v]) - exact).norm() / exact.norm() for k, v in grads.items()}
        assert off["sums"] < 1e-5
        assert off["means"] > 0.05


def test_what_waits_for_the_last_micro_batch(ranks):
    """By PyTorch's defaults nothing does: DDP and HSDP reduce every time."""
    for calls in ranks["waiting"]:
        assert calls["DDP"] == 4 * calls["DDP, no_sync"] > 0
        assert calls["HSDP"] == 4 * calls["HSDP, waiting"] > 0
        assert calls["HSDP, waiting, in the node"] == calls["HSDP, in the node"] > 0


@given(length=st.integers(1, 40), count=st.integers(1, 9))
def test_rows_are_torch_chunks(length, count):
    x = torch.arange(length)
    chunks = list(x.chunk(count))
    for rank in range(count):
        theirs = chunks[rank] if rank < len(chunks) else x[:0]
        assert torch.equal(x[fsdp.rows(length, rank, count)], theirs)


def test_peaks_by_pytorchs_trackers(ranks):
    sizes = ranks["memory"][0]
    peak = {key: memory.Counted(*value).peak for key, value in sizes.items()}
    whole = sum(p.nbytes for p in network(memory.WIDTH, memory.DEPTH).parameters())
    at_rest = 3 * whole / 4  # weights and two moments
    assert peak["model", False] - at_rest > 2 * whole
    assert peak["block", False] - at_rest < 1.0 * whole
    assert peak["layer", False] < peak["block", False]
    for size in ("model", "block", "layer"):
        assert peak[size, True] == pytest.approx(peak[size, False], rel=0.15)
        assert sizes[size, True][:3] == sizes[size, False][:3]
    assert sizes["block", False][:2] == (7, 13)


def test_the_formula_of_the_peak_meets_pytorchs_trackers(ranks):
    """In fp32, on four ranks; `fully_shard` gathers ahead, which mini-FSDP does not."""
    sizes = ranks["memory"][0]
    for size in ("model", "block", "layer"):
        assert memory.predicted(size) == pytest.approx(sizes[size, False][3], rel=0.05)


def test_hybrid_bytes_by_dimension(ranks):
    meshes, _ = ranks["mesh"][0]
    whole = sum(p.nbytes for p in network().parameters())
    sent, held = meshes["HSDP, 2 x 2 shards"]
    assert sent["replicate"] == pytest.approx(2 * 1 / 2 * whole / 2, rel=0.01)
    assert sent["shard"] == pytest.approx(3 * 1 / 2 * whole, rel=0.01)
    assert held == pytest.approx(whole / 2, rel=0.01)
    assert meshes["FSDP, 4 shards"][0]["replicate"] == 0


def test_policies(ranks):
    policies = ranks["mesh"][0][1]
    exact = policies["fp32"][0]
    error = {k: ((v[0] - exact).norm() / exact.norm()).item() for k, v in policies.items()}
    assert 1e-3 < error["bf16, reduce fp32"] < error["bf16, reduce bf16"] < 0.02
    assert policies["bf16, reduce fp32"][1] == policies["fp32"][1] / 2
    assert policies["bf16, reduce fp32"][2] == policies["fp32"][2]
    assert policies["bf16, reduce bf16"][2] == policies["fp32"][2] / 2
    assert all(types == {"torch.float32"} for *_, types in policies.values())  # shards stay exact


def test_ones_stall_in_bf16():
    assert mesh.ring_sum(torch.ones(1024, 1), torch.bfloat16).item() == 256
    assert mesh.ring_sum(torch.ones(1024, 1), torch.float32).item() == 1024
    total = torch.tensor(255.0, dtype=torch.bfloat16)
    assert [total + 1, total + 1 + 1] == [256, 256] == [mesh.stalled()] * 2


def other_device(rank, folder):
    """As under torchrun on GPUs, the default device is not the CPU; here one without numbers stands for it."""
    torch.set_default_device("meta")
    mesh.example_stall()
    (folder / "stalled").write_text(str(mesh.stalled()))
    torch.set_default_device("cpu")


def test_the_stall_is_the_same_with_another_default_device():
    assert (launch(other_device, 1) / "stalled").read_text() == "256.0"


def test_accumulation_and_norms(ranks):
    whole = sum(p.nbytes for p in network().parameters())
    exact = torch.linalg.vector_norm(torch.cat([g.flatten() for g in ranks["single"].grads])).item()
    squares = 0.0
    for saved in ranks["accumulate"]:
        every, once, lazy = (saved[name] for name in accumulation.WAYS)
        assert every[1] == 4 * once[1] == 4 * lazy[1]
        assert every[0] == once[0] > 7 * lazy[0]
        assert (every[2], once[2], lazy[2]) == (0, whole, whole)
        for _, _, _, (_, ours, theirs) in saved.values():
            assert ours == pytest.approx(exact, rel=1e-5)
            assert theirs == pytest.approx(exact, rel=1e-5)
        squares += every[3][0] ** 2
    assert squares**0.5 == pytest.approx(exact, rel=1e-5)
    assert ranks["accumulate"][0]["reduce once"][3][0] > 0.5 * exact


def test_ddp_reduces_while_it_computes(ranks):
    caps, _ = ranks["order"][0]
    assert len(caps[25]) == 1
    assert caps[25][0][2] == len(list(network().parameters()))
    assert sum(count for count, _, _ in caps[0.03]) == 26
    ready = [ready for _, _, ready in caps[0.03]]
    assert ready == sorted(ready)
    assert ready[0] < 26


def test_prefetch_changes_the_order_of_issue(ranks):
    _, orders = ranks["order"][0]
    assert orders[0][0] == "g g 0 g 1 g 2 g 3"  # the root, then one by one
    assert orders[1][0] == "g g g 0 g 1 g 2 3"
    assert orders[2][0] == "g g g g 0 g 1 2 3"
    assert orders[0][1].startswith("g g 3")  # backward: one ahead by itself


def test_an_early_optimizer_trains_nothing(ranks):
    for saved, _ in ranks["breaks"]:
        losses, known = saved[True]
        assert len(set(losses)) == 1
        assert known == 0
        assert saved[False][1] == 26
        assert saved[False][0][-1] < saved[False][0][0]


def test_the_last_rank_alone_fails_on_an_empty_shard(ranks):
    parts = [saved[1][5, 1000] for saved in ranks["breaks"]]
    assert [shape[0] for shape, _ in parts] == [2, 2, 1, 0]
    assert [said for _, said in parts[:3]] == ["1"] * 3
    assert parts[3][1].startswith("max(): Expected reduction dim")
    assert breaks.load(5, 4) == pytest.approx(1.6)
    assert breaks.load(8, 4) == 1


def test_tokens_of_the_literature():
    """2,200 within a node and 2,475 across, for 990 TFLOP/s (Austin et al. 2025)."""
    assert cost.tokens_needed(990e12, 450e9) == (pytest.approx(2200), pytest.approx(2200))
    assert cost.tokens_needed(990e12, 400e9)[0] == pytest.approx(2475)
    assert cost.tokens_needed(990e12, 400e9, grad=4)[1] == pytest.approx(1.5 * 2475)
    for chip, where, tokens in (("H100", "node", 2200), ("H100", "8 NICs", 2475), ("B200", "8 NICs", 5625)):
        assert cost.hidden(chip, where)[0] == pytest.approx(tokens, rel=2e-3)
    assert cost.hidden("H100", "8 NICs", cost.FP32)[1] == pytest.approx(1.5 * 2475, rel=2e-3)


def test_sizes_of_llama():
    """Counted from the matrices: 4096 wide, 8 of 32 heads for keys and values, MLPs of 14,336, 128,256 tokens."""
    attention, mlp = 2 * 4096 * (4096 + 1024), 3 * 4096 * 14_336
    assert cost.block_gb() == pytest.approx(2 * (attention + mlp + 2 * 4096) / 1e9)
    assert cost.ends_gb() == pytest.approx(2 * (2 * 128_256 * 4096 + 4096) / 1e9)
    assert cost.states_gb(cost.LLAMA3_8B, 8, 3) == pytest.approx(2 * 8_030_261_248 / 1e9)  # 16 bytes / 8
    assert cost.sent_gb(8e9, 8, 0) == 28  # 2 x 7/8 of 16 GB


def test_stage_3_beside_ddp():
    """3 numbers a parameter and micro-batch against 2 a step."""
    assert [cost.dearer(micros) for micros in (1, 4, 16)] == [1.5, 6, 24]


def test_calculators():
    shown = calculator.overlap(ahead=0)
    assert shown["units in memory at once"] == "1 of 4"
    assert calculator.overlap(gather=0.01)["accelerator waits"] == "0%"
    free = calculator.fsdp(params=8, layers=32, gpus=8, shards=8)
    assert free["sent among copies"] == "0.00 GB"
    assert free["sent among shards"] == f"{7 / 8 * 8 * 8:.1f} GB"  # 2 + 2 + 4 bytes
    assert calculator.fsdp(tokens=100)["the limit is"].startswith("links")
    assert calculator.fsdp(tokens=10_000)["the limit is"].startswith("arithmetic")
    memory = calculator.fsdp(params=1, layers=10, gpus=8, shards=8)["bars"]["values"]
    assert memory == pytest.approx(
        {
            "fp32 weights": 0.5,
            "fp32 gradients": 0.5,
            "moments": 1.0,
            "gathered weights": 0.4,  # two blocks in bf16
            "whole gradients": 0.6,  # one block in bf16, and as it is sent, in fp32
        }
    )
    hybrid = calculator.fsdp(params=8, layers=32, gpus=64, shards=8, tokens=1000)
    assert hybrid["sent among copies"] == f"{2 * 7 / 8 * 4 * 8 / 8:.2f} GB"  # an eighth of fp32 gradients
    # 56 GB at 450 GB/s inside a node while 7 GB cross at 50 GB/s: other links, so the slower of the two
    assert hybrid["the limit is"].endswith("140 ms of messages")
    across = calculator.fsdp(params=8, layers=32, gpus=64, shards=16, tokens=1000)
    # 60 GB through all eight cards of a node, then 3 GB among copies on the same cards: one after the other
    assert across["the limit is"].endswith(f"{60e3 / 400 + 3e3 / 50:.0f} ms of messages")
    inside = calculator.fsdp(params=8, layers=32, gpus=8, shards=4, tokens=1000)
    # 48 GB among shards and 8 GB among copies, both on the links of the one node
    assert inside["the limit is"].endswith(f"{56e3 / 450:.0f} ms of messages")
    with pytest.raises(ValueError, match="cannot be cut"):
        calculator.fsdp(gpus=64, shards=48)
