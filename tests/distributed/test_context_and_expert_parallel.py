"""Ring and Ulysses against PyTorch's attention and its own ring, dispatch against the dense layer and Mixtral's."""

from itertools import chain

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from torch.distributed.tensor.experimental._context_parallel._load_balancer import _HeadTailLoadBalancer
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from snippets.distributed.collectives.ranks import launch
from snippets.distributed.context_and_expert_parallel import (
    balance,
    breaks,
    calculator,
    cost,
    dispatch,
    moe,
    ring,
    ulysses,
)
from snippets.distributed.context_and_expert_parallel import placement as split
from snippets.distributed.context_and_expert_parallel import run as real
from snippets.distributed.context_and_expert_parallel.traffic import Traffic

RANKS, SPLITS = st.integers(2, 8), st.sampled_from(split.SPLITS)
DOCUMENTS = torch.tensor([0] * 50 + [1] * 7 + [2] * 71 + [3] * 128)


def documents(rank, folder):
    """Documents packed into one sequence, two query heads per key head, each split."""
    tensors = real.inputs(kv_heads=2)
    place = torch.arange(real.TOKENS)
    mask = (place[:, None] >= place) & (DOCUMENTS[:, None] == DOCUMENTS)
    reference, _ = real.whole(tensors, mask)
    results = {}
    for name in split.SPLITS:
        held = [torch.tensor(split.positions(name, r, 4, real.TOKENS)) for r in range(4)]
        parts = [t[:, :, held[rank]] for t in tensors]
        ours, costs = real.ours(parts, real.visible_from(held, DOCUMENTS))
        results[name] = (ours, [t[:, :, held[rank]] for t in reference], costs)
    torch.save(results, folder / f"documents{rank}.pt")


def heads(rank, folder):
    """Ulysses with as many key heads as ranks, two query heads each."""
    torch.manual_seed(3)
    q, k, v = (torch.randn(2, h, 64, 8) for h in (8, 4, 4))
    above = torch.randn(2, 8, 64, 8)
    reference, _ = real.whole([q, k, v, above])
    parts = [t.chunk(4, 2)[rank].clone().requires_grad_() for t in (q, k, v)]
    with Traffic() as traffic:
        out = ulysses.ulysses(*parts)
    grads = torch.autograd.grad(out, parts, above.chunk(4, 2)[rank])
    wanted = [t.chunk(4, 2)[rank] for t in reference]
    torch.save(([out.detach(), *grads], wanted, traffic.sent), folder / f"heads{rank}.pt")


def idle(rank, folder):
    """No token on rank 1, and a router that sends none to rank 2."""
    weights = dispatch.weights()
    x = torch.randn(12 * (rank != 1), dispatch.WIDTH, generator=torch.Generator().manual_seed(rank)).abs()
    weights["gate"][4:6] = -9.0  # the experts of rank 2
    x.requires_grad_()
    layer = moe.ExpertParallel(weights, 2)
    out = layer(x)
    out.sum().backward()
    grad = x.grad
    leaf = x.detach().requires_grad_()
    wanted = moe.dense(leaf, weights, 2)
    wanted.sum().backward()
    torch.save((out, grad, wanted, leaf.grad, layer.down.grad), folder / f"idle{rank}.pt")


def everything(rank, folder):
    """All that needs ranks, in one launch: the references inside, since autograd must not be forked."""
    for work in (real.compare, ulysses.compare, dispatch.compare, breaks.leak, breaks.scale):
        inner = folder / f"{work.__module__.rpartition('.')[2]}-{work.__name__}"
        inner.mkdir(exist_ok=True)
        dist.barrier()
        work(rank, inner)
    documents(rank, folder)
    heads(rank, folder)
    idle(rank, folder)


@pytest.fixture(scope="module")
def ranks():
    folder = launch(everything)

    def found(name):
        rows = [torch.load(path) for path in sorted(folder.glob(f"{name}*.pt"))]
        assert rows, f"no rank wrote {name}"
        return rows

    return found


def test_the_ring_is_pytorchs_attention_in_values_and_gradients(ranks):
    for rows, _ in ranks("run-compare/"):
        for name in ("our ring", "PyTorch, ring", "PyTorch, gather"):
            assert max(rows[name]["apart"]) < 4e-6


def test_the_ring_sends_what_the_formula_and_pytorchs_ring_say(ranks):
    formula = cost.ring_bytes(real.TOKENS, 4, real.HEADS, real.WIDTH, 4)
    assert formula == (6 * 16384, 14 * 16384)
    for rows, _ in ranks("run-compare/"):
        assert rows["our ring"]["sent"] == rows["PyTorch, ring"]["sent"] == formula
        assert rows["PyTorch, gather"]["sent"] == formula
        assert rows["our ring"]["calls"] == {"send": 6, "send, back": 14}
        assert rows["PyTorch, ring"]["calls"]["all_to_all_single"] == 3


def test_the_ring_holds_blocks_and_never_the_square(ranks):
    block = real.HEADS * real.TOKENS // 4 * real.WIDTH * 4
    for rows, whole in ranks("run-compare/"):
        ours = rows["our ring"]
        assert ours["kept"] == 4 * block + block // real.WIDTH  # q, k, v, out; lse
        assert 3.5 * ours["kept"] < whole < 4.5 * ours["kept"]  # one device keeps all of it
        assert ours["largest"] == real.HEADS * (real.TOKENS // 4) ** 2 * 4
        assert rows["PyTorch, gather"]["largest"] == 2 * 4 * block


def test_documents_and_shared_key_heads_under_every_split(ranks):
    for results in ranks("documents"):
        for ours, wanted, costs in results.values():
            for mine, theirs in zip(ours, wanted, strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=4e-6)
            assert costs["sent"] == cost.ring_bytes(real.TOKENS, 4, 2, real.WIDTH, 4)


def test_ulysses_is_pytorchs_attention_and_sends_less(ranks):
    formula = cost.ulysses_bytes(real.TOKENS, 4, real.HEADS, real.HEADS, real.WIDTH, 4)
    for apart, forward, backward in ranks("ulysses-compare/"):
        assert max(apart) < 4e-6
        assert (forward, backward) == formula
    for ours, wanted, sent in ranks("heads"):
        for mine, theirs in zip(ours, wanted, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=4e-6)
        assert sent == 2 * cost.ulysses_bytes(64, 4, 8, 4, 8, 4)[0]  # a batch of two


def test_ulysses_and_ring_send_as_much_at_one_plus_the_group():
    for group in (1, 4, 16):
        n = 1 + group
        ours = cost.ulysses_bytes(n * 64, n, group, 1, 64)[0], cost.ring_bytes(n * 64, n, 1, 64)[0]
        assert ours[0] == pytest.approx(ours[1])


@pytest.mark.parametrize(("heads", "ranks"), [(1, 2), (16, 11)])
def test_in_a_whole_step_ulysses_sends_less_from(heads, ranks):
    """Blocks of keys: 2(n-1) forward, 2(n-1) + 2n back, against twice (2g + 2)(n-1)/n."""
    saved = [6 * n - 4 - 2 * (2 * heads + 2) * (n - 1) / n for n in range(2, 33)]
    assert next(n for n, s in enumerate(saved, 2) if s > 0) == ranks
    assert cost.ulysses_sends_less_from(heads, 1, 64) == ranks


def test_eight_contiguous_ranks_are_busy_half_of_the_time():
    """Above what ring-flash-attention reached with them, 52.1%; n / (2n - 1) but for the diagonal."""
    assert split.balance("contiguous", 8, 512) == pytest.approx(8 / 15, abs=0.01)
    assert split.balance("contiguous", 8, 512) > 0.521


def test_dispatch_is_the_dense_layer_and_mixtrals(ranks):
    rows = ranks("dispatch-compare/")
    for row in rows:
        for ep in (4, 2):
            assert max(max(apart) for apart in row[ep]["apart"].values()) < 1e-6
    _, experts = moe.route(dispatch.batch()[0], dispatch.weights()["gate"], dispatch.TOP_K)
    away = sum(
        int((part // 2 != rank).sum()) for rank, part in enumerate(experts.split(dispatch.TOKENS))
    )  # choices of an expert on another rank: a row there, a row back
    counts = 4 * 3 * 2 * 8  # every rank tells three others about two experts, eight bytes each
    assert sum(row[4]["sent"] for row in rows) == 2 * away * dispatch.WIDTH * 4 + counts
    experts_only = rows[0][4]["bytes"] - 4 * dispatch.EXPERTS * dispatch.WIDTH
    assert experts_only == sum(dispatch.weights()[n].nbytes for n in ("gate_up", "down")) / 4


def test_a_rank_without_tokens_takes_part(ranks):
    for out, grad, wanted, wanted_grad, _ in ranks("idle"):
        torch.testing.assert_close(out, wanted)
        torch.testing.assert_close(grad, wanted_grad)
    assert len(ranks("idle1")[0][0]) == 0
    assert not ranks("idle2")[0][4].any()  # its experts had no token: a gradient of zeros, not none


def test_a_local_mask_sees_the_future(ranks):
    assert [sum(counts) for counts in zip(*ranks("breaks-leak/"), strict=True)] == [0, 48]


def test_experts_averaged_like_the_rest_are_too_large_by_the_group(ranks):
    for row in ranks("breaks-scale/"):
        mixed, doubled, right = row.values()
        assert right == pytest.approx((1, 1), abs=1e-5)
        assert doubled == pytest.approx((breaks.EP, 1), abs=1e-5)
        assert mixed[1] < 0.9


@settings(max_examples=30)
@given(name=SPLITS, ranks=RANKS, chunk=st.integers(1, 4))
def test_every_token_is_on_one_rank(name, ranks, chunk):
    tokens = 2 * ranks * chunk
    held = [split.positions(name, rank, ranks, tokens) for rank in range(ranks)]
    assert sorted(chain(*held)) == list(range(tokens))
    assert {len(part) for part in held} == {tokens // ranks}
    assert sum(map(sum, split.work(name, ranks, tokens))) == tokens * (tokens + 1) // 2


@given(ranks=RANKS, chunk=st.integers(1, 5))
def test_zigzag_is_pytorchs_load_balancer(ranks, chunk):
    tokens = 2 * ranks * chunk
    theirs = _HeadTailLoadBalancer(tokens, ranks, "cpu")._generate_indices().flatten().tolist()
    ours = (split.positions("zigzag", rank, ranks, tokens) for rank in range(ranks))
    assert theirs == list(chain(*ours))


@settings(max_examples=20)
@given(ranks=RANKS, c=st.integers(2, 12).map(lambda half: 2 * half))
def test_work_is_what_the_papers_say(ranks, c):
    """Brandon et al. 2023: c(c+1)/2 or c(c-1)/2 striped; contiguous rounds cost c squared."""
    for rank, row in enumerate(split.work("striped", ranks, ranks * c)):
        for step, pairs in enumerate(row):
            own = (rank - step) % ranks <= rank  # the diagonal belongs to it
            assert pairs == (c * (c + 1) // 2 if own else c * (c - 1) // 2)
    assert split.slowest(split.work("contiguous", ranks, ranks * c)) == c * (c + 1) // 2 + (ranks - 1) * c * c
    assert len({tuple(row) for row in split.work("zigzag", ranks, ranks * c)}) == 1  # even, step by step


@settings(max_examples=25)
@given(seed=st.integers(0, 999), cut=st.integers(1, 11), size=st.floats(0.1, 300))
def test_merging_is_exact_in_any_order(seed, cut, size):
    """Against SciPy, with scores whose exponentials overflow."""
    random = np.random.default_rng(seed)
    scores, values = random.normal(size=12) * size, random.normal(size=(12, 4))
    q = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    k, v = (torch.from_numpy(a).reshape(1, 1, 12, -1) for a in (scores, values))
    seen = torch.ones(1, 12, dtype=torch.bool)
    left = ring.attend(q, k[:, :, :cut], v[:, :, :cut], seen[:, :cut])
    right = ring.attend(q, k[:, :, cut:], v[:, :, cut:], seen[:, cut:])
    for out, lse in (ring.merge(*left, *right), ring.merge(*right, *left)):
        np.testing.assert_allclose(out.flatten(), softmax(scores) @ values, rtol=1e-9, atol=1e-12)
        assert lse.item() == pytest.approx(logsumexp(scores))
    nothing = ring.attend(q, k, v, ~seen)
    assert not nothing[0].any()
    assert torch.equal(ring.merge(*left, *nothing)[0], left[0])


TABLE_2 = [  # Liu et al. 2023: TFLOP/s, GB/s, minimal block in thousands, and six times it
    (312, 300, 1.0, 6.2), (123, 112, 1.1, 6.6), (275, 268, 1.0, 6.2), (196, 186, 1.1, 6.3),
]  # fmt: skip


@pytest.mark.parametrize(("tflops", "link", "block", "six"), TABLE_2)
def test_blocks_that_hide_the_ring_are_those_of_the_paper(tflops, link, block, six):
    found = cost.hidden_from(tflops * 1e12, link * 1e9) / 1e3
    assert found == pytest.approx(block, abs=0.055)
    assert 6 * found == pytest.approx(six, abs=0.055)


def test_the_infiniband_row_of_the_paper_is_off():
    """It prints 24.5 and 149.5."""
    assert cost.hidden_from(312e12, 12.5e9) == 24960
    assert cost.facts()["table_ib"] == "149.8K"


def test_deepeps_bandwidth_fits_its_port_only_without_the_own_node():
    """Printed for 16, 32 and 64 GPUs, eight on a node, each behind 50 GB/s; its count takes every node of a token."""
    printed = {2: 43, 4: 58, 8: 51}
    wire = {nodes: cost.on_the_wire(rate, nodes) for nodes, rate in printed.items()}
    assert max(printed.values()) > 50 > max(wire.values())
    assert wire == {2: 21.5, 4: 43.5, 8: pytest.approx(44.6, abs=0.05)}
    random = np.random.default_rng(0)
    # as its benchmark draws them, seen from node 0
    groups = np.argsort(random.random((20000, 8)), axis=1)[:, :4]
    assert (groups != 0).mean() == pytest.approx(cost.on_the_wire(1, 8), abs=0.01)


def test_nodes_that_a_token_reaches():
    """Against draws of 8 experts of 256, and in the limit of few choices."""
    random = np.random.default_rng(0)
    draws = np.argsort(random.random((20000, 256)), axis=1)[:, :8] // 32
    others = [len(set(row.tolist()) - {0}) for row in draws]
    assert cost.nodes_reached(256, 8, 8) == pytest.approx(np.mean(others), abs=0.03)
    assert cost.nodes_reached(256, 1, 8) == pytest.approx(7 / 8)


@settings(max_examples=10)
@given(seed=st.integers(0, 99), top_k=st.integers(1, 4))
def test_the_auxiliary_loss_is_that_of_transformers(seed, top_k):
    logits = torch.randn(50, 8, generator=torch.Generator().manual_seed(seed))
    experts = logits.topk(top_k).indices
    theirs = load_balancing_loss_func((logits,), 8, top_k)
    torch.testing.assert_close(balance.auxiliary(logits.softmax(-1), experts), theirs)


def test_the_auxiliary_loss_of_even_loads_is_the_number_of_choices():
    experts = torch.arange(16).view(8, 2) % 8
    assert balance.auxiliary(torch.full((8, 8), 1 / 8), experts).item() == pytest.approx(2)


@settings(max_examples=15)
@given(seed=st.integers(0, 99), top_k=st.integers(1, 3), factor=st.sampled_from([0.5, 1.0, 1.25, 4.0]))
def test_capacity_counts_first_choices_first(seed, top_k, factor):
    """Against a counter, as GShard describes it."""
    scores = torch.randn(24, 6, generator=torch.Generator().manual_seed(seed)) + torch.arange(6) / 3
    experts = scores.topk(top_k).indices
    kept, taken = balance.fits(experts, 6, factor), [0] * 6
    for choice in range(top_k):
        for token in range(24):
            expert = experts[token, choice].item()
            assert kept[token, choice] == (taken[expert] < np.ceil(factor * 24 * top_k / 6))
            taken[expert] += 1


def test_both_ways_to_balance_work_and_doing_nothing_does_not():
    for method, limit in (("auxiliary loss", 1.3), ("bias", 1.4)):
        history = balance.train(method, 60)
        assert balance.excess(history[0]) > 1.7
        assert balance.excess(history[-1]) < limit
        assert all(loads.sum() == balance.TOKENS * balance.TOP_K for loads in history)
    assert balance.excess(balance.train("nothing", 60)[-1]) > 1.5


def test_the_bias_moves_by_its_speed_against_the_load():
    moved = balance.nudge(torch.zeros(3), torch.tensor([10.0, 20.0, 30.0]), 0.001)
    assert moved.tolist() == pytest.approx([0.001, 0.0, -0.001])


def test_the_calculator():
    shown = calculator.ring("zigzag", ranks=16, heads=16, kv_heads=1)
    assert shown["ranks at work"] == "100% of the time, on average"
    assert calculator.ring("contiguous", ranks=16)["ranks at work"] == "52% of the time, on average"
    slow = calculator.ring("zigzag", ranks=4, tokens=4096, heads=8, kv_heads=8, link=1.0)
    hop = 2 * 1024 * 8 * 128 * 2 / 1e9 * 1e3
    assert slow["one hop of keys and values"] == f"{hop:,.2f} ms"
    assert float(slow["one layer, forward"].split()[0]) == pytest.approx(3 * hop, rel=0.02)
    with pytest.raises(ValueError, match="6 query heads cannot share 4"):
        calculator.ring(heads=6, kv_heads=4)
