"""Split layers against the whole one and DTensor, losses against PyTorch's, limits against the book and a FLOP counter."""

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.memory.activations import activation_bytes
from snippets.distributed.tensor_parallel import breaks, cost, engine, memory, mesh, mixture
from snippets.distributed.tensor_parallel import comparison as compare
from snippets.distributed.tensor_parallel import vocabulary as vocab
from snippets.distributed.tensor_parallel.calculator import tensor_parallel
from snippets.distributed.tensor_parallel.layer import Layer
from snippets.distributed.tensor_parallel.split import OwnStream, SplitLayer
from snippets.inference.serving_systems.sizing import tensor_limit

SPLITS = [(kv, sequence) for kv in (8, 4, 2, 1) for sequence in (False, True)]


def splits(rank, folder):
    """Our layer in double precision, for several numbers of key-value heads."""
    found = {}
    x = engine.batch().double()
    for kv, sequence in SPLITS:
        whole = engine.step("whole", False, engine.whole_layer(kv).double(), x)
        ours = engine.step("ours", sequence, engine.whole_layer(kv).double(), x)
        found[kv, sequence] = compare.largest_difference(ours, whole, rank)
    torch.save(found, folder / f"{rank}.pt")


def streams(rank, folder):
    """Random numbers and outputs under dropout."""
    torch.manual_seed(7)
    own, numbers = OwnStream(rank), {}
    with own:
        numbers["own"] = torch.rand(4)
    numbers["shared"] = torch.rand(4)
    with own:
        numbers["own again"] = torch.rand(4)
    layer = SplitLayer(Layer(32, 4, 4, 0.5))
    numbers["first"], numbers["second"] = (layer(torch.ones(4, 2, 32)).detach() for _ in range(2))
    torch.save(numbers, folder / f"{rank}.pt")


def lookups(rank, folder):
    """Embedding and loss where a rank's rows begin and end, and with logits that overflow."""
    torch.manual_seed(0)
    table = torch.randn(16, 4)
    ids = torch.tensor([0, 3, 4, 7, 8, 15, 15])
    rows = table.chunk(RANKS)[rank].clone().requires_grad_()
    embedded = vocab.embed(ids, rows)
    weights = torch.arange(1.0, 8.0).unsqueeze(-1)
    (embedded * weights).sum().backward()
    logits = 1000 * torch.randn(7, 16)
    part = logits.chunk(RANKS, 1)[rank].clone().requires_grad_()
    loss = vocab.CrossEntropy.apply(part, ids, None)
    (3 * loss).backward()
    torch.save((embedded.detach(), rows.grad, loss.detach(), part.grad, table, ids, logits), folder / f"{rank}.pt")


WORKS = {
    "splits": splits,
    "streams": streams,
    "lookups": lookups,
    "compare": compare.compare,
    "memory": memory.measure,
    "vocab": vocab.compare,
    "mesh": mesh.compare,
    "breaks": breaks.work,
}


def everything(rank, folder):
    for name, work in WORKS.items():
        (folder / name).mkdir(exist_ok=True)
        dist.barrier()
        work(rank, folder / name)


@pytest.fixture(scope="module")
def saved():
    """What four ranks have left, of one launch."""
    folder = launch(everything)
    return {name: [torch.load(folder / name / f"{rank}.pt") for rank in range(RANKS)] for name in WORKS}


@pytest.mark.parametrize("split", SPLITS)
def test_the_split_layer_is_the_whole_layer(saved, split):
    """Outputs, the input's gradient and those of all weights; with shared key-value heads, too."""
    for rank in saved["splits"]:
        assert rank[split] < 1e-12


@pytest.mark.parametrize("key", compare.STEPS[1:])
def test_ours_and_dtensor_compute_what_one_device_computes(saved, key):
    for rank, found in enumerate(saved["compare"]):
        assert compare.largest_difference(found[key], found["whole", False], rank) < 1e-5


def test_calls_and_bytes(saved):
    """One all-reduce for each block and direction; the ring sends 2 (t - 1)/t of an activation for it."""
    size = 4 * engine.SEQ * engine.BATCH * engine.HIDDEN
    for found in saved["compare"]:
        assert found["ours", False]["calls"] == ({"all_reduce": 2}, {"all_reduce": 2})
        assert found["DTensor", False]["calls"] == found["ours", False]["calls"]
        assert found["DTensor, apart", False]["calls"] == ({"all_reduce": 2}, {"all_reduce": 4})
        for kind in ("ours", "DTensor"):
            assert found[kind, False]["sent"] == (2 * 1.5 * size, 2 * 1.5 * size)
            assert found[kind, True]["sent"][0] == 2 * 1.5 * size
        pairs = {"all_gather": 2, "reduce_scatter": 2}
        assert found["DTensor", True]["calls"] == (pairs, pairs)
        assert found["ours", True]["calls"] == (pairs, {"all_gather": 4, "reduce_scatter": 2})
        assert found["ours", True]["sent"][1] - found["DTensor", True]["sent"][1] == 2 * 0.75 * size


def test_weights_held(saved):
    h = engine.HIDDEN
    cut, whole = 12 * h * h + 3 * h + 4 * h, 2 * h + 4 * h  # matrices, qkv and up biases; the others
    for found in saved["compare"]:
        assert found["whole", False]["held"] == 4 * (cut + whole)
        for kind, sequence in compare.STEPS[1:]:
            assert found[kind, sequence]["held"] == 4 * (cut / RANKS + whole)


def test_activations_are_those_of_korthikanti(saved):
    """But for mean and deviation of two norms; and DTensor keeps two inputs that it has gathered."""
    s, b, h, a = memory.SEQ, memory.BATCH, memory.HIDDEN, memory.HEADS
    for found in saved["memory"]:
        for (kind, sequence), size in found.items():
            t = 1 if kind == "whole" else RANKS
            expected = activation_bytes(s, b, h, a, t, sequence) + 2 * 2 * 2 * s * b / (t if sequence else 1)
            if kind == "DTensor" and sequence:
                expected += 2 * 2 * s * b * h * (1 - 1 / t)
            assert size == expected


def test_loss_and_its_bytes(saved):
    for found in saved["vocab"]:
        whole = found["whole"]
        for kind in ("ours", "loss_parallel", "gathered"):
            assert found[kind][0] == pytest.approx(whole[0], rel=1e-6)
            torch.testing.assert_close(found[kind][1], whole[1], rtol=1e-4, atol=1e-8)
        assert found["ours"][2] == found["loss_parallel"][2] == 3 * 1.5 * 4 * vocab.TOKENS
        assert found["gathered"][2] == 0.75 * 4 * vocab.TOKENS * vocab.VOCAB


def test_lookups_at_the_edges(saved):
    for rank, (embedded, rows, loss, gradient, table, ids, logits) in enumerate(saved["lookups"]):
        assert torch.equal(embedded, table[ids])
        expected = torch.zeros(16).index_add(0, ids, torch.arange(1.0, 8.0))
        assert torch.equal(rows, expected.chunk(RANKS)[rank].unsqueeze(-1).expand(4, 4))
        logits.requires_grad_()
        theirs = F.cross_entropy(logits, ids)
        (3 * theirs).backward()
        torch.testing.assert_close(loss, theirs.detach())
        torch.testing.assert_close(gradient, logits.grad.chunk(RANKS, 1)[rank])


def test_two_dimensions(saved):
    """Tensor parallelism cuts first, FSDP cuts what is left."""
    for rank, (apart, held, rows) in enumerate(saved["mesh"]):
        dp, tp = divmod(rank, 2)
        assert apart < 1e-5
        assert rows == (128 * tp + 64 * dp, 128 * tp + 64 * dp + 63)
        assert held["mlp.up.weight"][0] == "(_StridedShard(dim=0, sf=2), Shard(dim=0))"
        assert held["mlp.down.weight"][0] == "(Shard(dim=0), Shard(dim=1))"
        cut, whole = 12 * 64**2 + 7 * 64, 6 * 64
        assert sum(part.nbytes for _, part in held.values()) == 4 * (cut / 4 + whole / 2)


def test_streams(saved):
    ranks = saved["streams"]
    for rank in ranks[1:]:
        for name in ("shared", "first", "second"):
            assert torch.equal(rank[name], ranks[0][name])
        assert not torch.equal(rank["own"], ranks[0]["own"])
    assert not torch.equal(ranks[0]["own"], ranks[0]["own again"])
    assert not torch.equal(ranks[0]["first"], ranks[0]["second"])


def test_symptoms(saved, monkeypatch, tmp_path):
    """All of them train; the merged checkpoint or the copies tell."""
    for rank, found in enumerate(saved["breaks"]):
        torch.save(found, tmp_path / f"{rank}.pt")
    monkeypatch.setattr(breaks, "launch", lambda work: tmp_path)
    found = breaks.outcomes()
    loss, merged, apart = found["none"]
    assert apart == 0
    assert merged < 0.02
    for run in ("norms not summed", "bias in every term"):
        assert found[run][0] < 1.5 * loss
    assert found["norms not summed"][2] > 0.1
    assert found["bias in every term"][1] > 5 * merged
    assert found["bias in every term"][2] == 0
    assert found["dropout, no mistake"][2] == 0
    assert found["own masks"][2] > 0.001
    for seen, usual in zip(found["own masks"][:2], found["dropout, no mistake"][:2]):  # do not tell
        assert 0.6 * usual < seen < 1.4 * usual
    outputs = {run: [rank[run][2] for rank in saved["breaks"]] for run in breaks.RUNS}
    assert all(torch.equal(out, outputs["bias in every term"][0]) for out in outputs["bias in every term"])
    assert (outputs["own masks"][1] - outputs["own masks"][0]).abs().max() > 0.001  # in evaluation, too


@given(t=st.integers(2, 64), hidden=st.integers(1, 200), inner=st.integers(1, 400), tokens=st.integers(1, 10**6))
def test_tokens_and_width_cancel(t, hidden, inner, tokens):
    """The ratio is (t - 1) C / βF, and 1 at the limit."""
    arithmetic, links = cost.layer_seconds(tokens, hidden, inner, t, 989e12, 0.0, 450e9)
    per_byte = cost.intensity(989e12, 450e9)
    assert links / arithmetic == pytest.approx((t - 1) * per_byte / inner)
    assert cost.largest_degree(per_byte * (t - 1), per_byte) == pytest.approx(t)


def test_effective_width_by_pytorchs_flop_counter():
    """Scores are not causal here, and so count as for twice the sequence."""
    layer, x = engine.whole_layer(kv_heads=2), engine.batch()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        layer(x)
    width = cost.effective_width(engine.HIDDEN, 4 * engine.HIDDEN, 2 / 8, gated=False, seq=2 * engine.SEQ)
    assert counter.get_total_flops() == 8 * engine.SEQ * engine.BATCH * engine.HIDDEN * width


def test_the_books_numbers():
    """Austin et al.: 2550 FLOPs a byte, 11 ways on an axis, about 400 tokens, an all-gather of 65 µs."""
    per_byte = cost.links()["TPU v5p, one axis"]
    assert per_byte == pytest.approx(2550)
    assert cost.largest_degree(28_672, per_byte) - 1 == pytest.approx(tensor_limit(28_672, 1, per_byte))
    assert mixture.mixed_batch(2550, 30_000) == pytest.approx(432, abs=2)
    assert cost.gather_seconds(2 * 1024 * 16384, 450e9, 8) == pytest.approx(65e-6, rel=0.01)


def test_the_calculator():
    shown = tensor_parallel(start=0)
    assert shown["communication over arithmetic, forward"] == "55%"
    assert shown["both are equal, by bytes alone, at"] == "13.8 GPUs"
    spans, links = shown["timeline"]["lanes"].values()
    assert [span[1] for span in spans] == [link[0] for link in links]
    assert tensor_parallel(degree=1)["communication over arithmetic, forward"] == "0%"
    assert tensor_parallel(degree=16)["key-value heads on a GPU"] == "1 of 8"
    with pytest.raises(ValueError, match="64 heads cannot be shared evenly by 3 GPUs"):
        tensor_parallel(degree=3)
    with pytest.raises(ValueError, match="neither split nor repeated over 32 GPUs"):
        tensor_parallel(heads=96, kv_heads=12, degree=32)
