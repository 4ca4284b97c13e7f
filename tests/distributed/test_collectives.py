"""Sums against PyTorch's all-reduce, bandwidths against nccl-tests' own lines, the guilty rank against PyTorch's checks."""

import os
import socket
import time
from datetime import timedelta
from functools import partial

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch.multiprocessing.spawn import start_processes

from snippets.distributed.collectives import calculator, cost, hang, nccl, opening, wiring
from snippets.distributed.collectives import ring as real
from snippets.distributed.collectives import steps as collectives
from snippets.distributed.collectives.ranks import launch
from snippets.distributed.collectives.units import with_unit

RANKS = st.integers(2, 9)


@given(ranks=RANKS)
def test_the_ring_adds_every_number_once(ranks):
    """With numbers, since a set would hide one that is added twice."""
    now = np.random.default_rng(0).integers(1, 1000, (ranks, ranks))  # [rank, chunk]
    total = now.sum(axis=0)
    for step in range(2 * (ranks - 1)):
        moves = [collectives.ring(rank, ranks)[step] for rank in range(ranks)]
        before = now.copy()
        for rank, (send, receive, add) in enumerate(moves):
            assert receive == moves[rank - 1].send
            assert send != receive
            now[rank, receive] = before[rank - 1, receive] + add * before[rank, receive]
        if step == ranks - 2:  # half-way it is a reduce-scatter
            assert all(now[rank, (rank + 1) % ranks] == total[(rank + 1) % ranks] for rank in range(ranks))
    assert (now == total).all()
    assert collectives.starts(ranks) == 2 * (ranks - 1)


@given(ranks=RANKS)
def test_who_is_in_a_sum(ranks):
    last = 2 * (ranks - 1)
    assert all(len(who) == ranks for chunks in collectives.held(ranks, last) for who in chunks)
    assert not all(len(who) == ranks for chunks in collectives.held(ranks, last - 1) for who in chunks)


def test_processes_sum_like_pytorch_and_send_what_the_formula_says():
    folder = launch(real.compare)
    ranks = [torch.load(path) for path in sorted(folder.glob("*.pt"))]
    assert len(ranks) == 4
    for ours, theirs, sent in ranks:
        torch.testing.assert_close(ours, theirs, rtol=0, atol=4e-6)
        assert torch.equal(ours, ranks[0][0])
        assert sent == 2 * 3 / 4 * ours.nbytes


def uneven(rank, folder):
    """A length that the ranks do not divide, and one that leaves a rank without a chunk."""
    results = []
    for length in (10, 2):
        ours = torch.arange(length, dtype=torch.float64) * (rank + 1)
        theirs = ours.clone()
        sent = real.ring_all_reduce(ours)
        dist.all_reduce(theirs)
        results.append((ours, theirs, sent))
    torch.save(results, folder / f"{rank}.pt")


def as_torchrun(rank, port, folder):
    """The variables that torchrun sets."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1"}
    os.environ |= {"MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "test", "TMPDIR": str(folder)}
    where = launch(uneven)
    assert len(list(where.glob("*.pt"))) == 3  # all have written before anyone goes on
    launch(uneven)  # and a second time in the same group
    (folder / f"{rank}.pt").write_bytes((where / f"{rank}.pt").read_bytes())
    dist.destroy_process_group()


def test_the_same_file_under_torchrun(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start_processes(as_torchrun, (port, tmp_path), nprocs=3, start_method="fork")
    for rank in range(3):
        for ours, theirs, _ in torch.load(tmp_path / f"{rank}.pt"):
            assert torch.equal(ours, theirs)


NCCL_TESTS = [  # bytes, microseconds, algbw, busbw as printed (Bekman 2026)
    (32_768, 43.83, 0.75, 1.31), (1_048_576, 101.9, 10.29, 18.00), (67_108_864, 684.6, 98.02, 171.54),
    (536_870_912, 4218.4, 127.27, 222.72), (17_179_869_184, 127_997, 134.22, 234.89),
]  # fmt: skip


@pytest.mark.parametrize(("size", "micros", "algorithm", "bus"), NCCL_TESTS)
def test_bandwidths_are_those_of_nccl_tests(size, micros, algorithm, bus):
    found = cost.bandwidths(size, micros * 1e-6, 8, "all_reduce")
    assert [b / 1e9 for b in found] == pytest.approx([algorithm, bus], abs=0.006, rel=1e-3)


def test_half_of_the_bandwidth_at_n_alpha_beta():
    """The rule on the page, by the model and within a factor of two on the measured machine."""
    alpha, beta = cost.fitted()
    size = cost.half_size(8, alpha, beta)
    seconds = cost.ring_seconds(size, 8, alpha, beta)
    assert cost.bandwidths(size, seconds, 8, "all_reduce")[1] == pytest.approx(beta / 2)
    measured = {s: cost.measured_bandwidths(s)[1] for s in cost.MEASURED}
    assert measured[1_048_576] < beta / 2 < measured[67_108_864]


def test_the_first_and_the_last_line_fit_by_construction_and_the_others_to_a_factor_of_two():
    alpha, beta = cost.fitted()
    factors = [seconds / cost.ring_seconds(s, 8, alpha, beta) for s, seconds in cost.MEASURED.items()]
    assert [factors[0], factors[-1]] == pytest.approx([1, 1], rel=0.01)
    assert max(factors) == pytest.approx(1.97, abs=0.01)


@given(ranks=st.integers(4, 5000), alpha=st.floats(1e-7, 1e-4), beta=st.floats(1e9, 1e12))
def test_the_crossover_is_where_both_are_equal(ranks, alpha, beta):
    size = cost.crossover(ranks, alpha, beta)
    ring, tree = (f(size, ranks, alpha, beta) for f in (cost.ring_seconds, cost.tree_seconds))
    assert ring == pytest.approx(tree)
    assert cost.tree_seconds(size / 2, ranks, alpha, beta) < cost.ring_seconds(size / 2, ranks, alpha, beta)
    huge = 1e6 * size
    late = cost.tree_seconds(huge, ranks, alpha, beta) / cost.ring_seconds(huge, ranks, alpha, beta)
    assert late - 1 == pytest.approx(cost.tree_lag(ranks), rel=1e-3)


NCCL_RETURNS = {  # microseconds, tree and ring, by LL, LL128, Simple
    (4, 2**16): (47.798233, 66.244942, 504.698395, 88.424309, 148.945053, 425.917450),
    (4, 2**28): (30996.613281, 1896.261841, 2411.043457, 25576.988281, 1561.898071, 1725.834351),
    (16, 2**20): (297.086060, 111.419022, 629.408875, 416.998444, 569.454224, 1700.881958),
    (16, 2**32): (495437.812500, 29391.689453, 28077.427734, 418100.593750, 23723.652344, 23002.744141),
    (128, 2**10): (85.331238, 150.506989, 784.007263, 2487.900391, 4439.005371, 9678.405273),
    (128, 2**24): (2235.298096, 277.636230, 937.244568, 4131.019043, 4530.091309, 13633.564453),
    (128, 2**32): (495467.812500, 29442.689453, 28245.427734, 423151.843750, 27758.416016, 35003.625000),
}  # fmt: skip


@pytest.mark.parametrize(("nodes", "size"), NCCL_RETURNS)
def test_the_estimate_is_that_of_nccls_own_code(nodes, size):
    """What tuning.cc of NCCL 2.20.3 returns, compiled as it is, with stubs for the machine around it.

    Nodes of eight, compute capability 90, an Intel host, 16 channels of 25 GB/s for each graph,
    NVLink inside, trees of NCCL's pattern TREE.
    """
    found = [
        nccl.nccl_seconds(size, nodes, algorithm, protocol) * 1e6
        for algorithm in ("tree", "ring")
        for protocol in ("LL", "LL128", "Simple")
    ]
    assert found == pytest.approx(list(NCCL_RETURNS[nodes, size]), rel=2e-6)


NCCL_PRINTED = [  # bytes, microseconds, choice: 3 nodes of 8 H100, NCCL issue 1453
    (4, 25.200462, "tree LL"), (1024, 25.331232, "tree LL"), (65_536, 37.798233, "tree LL"),
    (131_072, 51.603912, "tree LL128"), (8_589_934_592, 86_069.968750, "ring Simple"),
]  # fmt: skip


@pytest.mark.parametrize(("size", "micros", "choice"), NCCL_PRINTED)
def test_the_estimate_is_what_nccl_printed(size, micros, choice):
    """From the last line the bandwidth of the rings: 192 GB/s, 16 channels of 12. The others follow."""
    times = {f"{a} {p}": nccl.nccl_seconds(size, 3, a, p, 192e9) * 1e6 for a, p in nccl.LATENCY}
    assert min(times, key=times.__getitem__) == choice
    assert times[choice] == pytest.approx(micros, rel=2e-7)


def test_latencies_are_those_of_nccls_table():
    """Printed for 2 nodes of 8 H100, NCCL issue 1519."""
    printed = {
        ("tree", "LL"): 25.2, ("tree", "LL128"): 48.5, ("tree", "Simple"): 448.0,
        ("ring", "LL"): 43.4, ("ring", "LL128"): 79.4,
    }  # fmt: skip
    for pair, micros in printed.items():
        assert nccl.nccl_seconds(0, 2, *pair) * 1e6 == pytest.approx(micros)


MEASURED_BY_OTHERS = [  # bytes, GB/s of bus bandwidth: 5 nodes of 8 H100, 4 NICs of 400 Gbit/s, NCCL issue 1368
    ("ring", 190), ("tree", 150),
]  # fmt: skip


@pytest.mark.parametrize(("algorithm", "bus"), MEASURED_BY_OTHERS)
def test_the_estimate_of_a_gibibyte_is_what_others_measured(algorithm, bus):
    """Not an estimate of NCCL's, but a measurement; the reporter rounds to ten."""
    seconds = min(nccl.nccl_seconds(2**30, 5, algorithm, p, 200e9) for p in ("LL", "LL128", "Simple"))
    assert cost.bandwidths(2**30, seconds, 40, "all_reduce")[1] / 1e9 == pytest.approx(bus, rel=0.025)


def test_the_estimate_of_a_mebibyte_is_off_by_less_than_two():
    """Measured: 354.9 µs, in the same issue."""
    assert nccl.five_nodes(2**20)[0] < 354.9e-6 < 2 * nccl.five_nodes(2**20)[0]
    assert nccl.five_nodes(2**30)[1] / 1e9 == pytest.approx(190, rel=0.01)


def test_flags_of_ll128_are_left_out_of_nccls_bandwidth_of_trees():
    assert nccl.SHARE["tree", "LL128"] == nccl.SHARE["tree", "Simple"] * nccl.flag_share()


def test_the_times_of_the_opening():
    """Two bytes for each weight in the index of the published checkpoint: 16,060,522,496."""
    size = opening.gradient_bytes()
    assert size == 16_060_522_496
    assert opening.on_one_node() == pytest.approx(14 * (2e-6 + size / 8 / 450e9))
    assert opening.through_one_nic() == pytest.approx(2046 * (2e-6 + size / 1024 / 50e9))
    estimates = [nccl.nccl_seconds(size, 128, *pair, node=8 * 50e9) for pair in nccl.LATENCY]
    assert opening.over_the_network() == min(estimates)


def test_units():
    assert with_unit(16_060_522_496, "GB", 1) == "16.1 GB"
    assert with_unit(0.0024879, "µs") == "2,488 µs"
    assert with_unit(0.0625, "ms", 1) == "62.5 ms"
    assert with_unit(5.88e6, "MB", 2) == "5.88 MB"
    assert with_unit(234.9e9, "GB/s") == "235 GB/s"


def places(order):
    """Ranks numbered by node, in the order of a ring."""
    taken = dict.fromkeys(order, 0)
    for node in order:
        yield node, taken[node]
        taken[node] += 1


@pytest.mark.parametrize("order", [[0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 1]])
def test_bytes_that_leave_a_node_are_those_of_the_rings_steps(order):
    """Each step of each rank sends a chunk; it leaves the node if the next rank is on another."""
    ring, out = list(places(order)), [0.0] * 8
    for rank, (node, gpu) in enumerate(ring):
        for _ in collectives.ring(rank, len(ring)):
            if node == 0 and order[(rank + 1) % len(ring)] != 0:
                out[gpu] += 600 / len(ring)
    assert wiring.sent(600, [ring]) == pytest.approx(out)
    assert wiring.sent(600, [ring, ring]) == pytest.approx(out)


def test_every_ring_visits_every_gpu_once():
    """Of all nodes together; the last wiring does so with eight rings across."""
    gpus = {(node, gpu) for node in range(16) for gpu in range(8)}
    assert len(gpus) == nccl.gpus(16)
    for name, rings in wiring.WIRINGS.items():
        for ring in rings:
            assert len(set(ring)) == len(ring) == (16 if name == "two levels" else 128)
        assert {place for ring in rings for place in ring} == gpus


def test_another_order_hangs_until_the_timeout_and_the_record_names_the_rank():
    seen, diagnosis = hang.outcomes("another order")
    assert seen == ["no answer within 1 s"] * 4
    assert diagnosis == "call 1: rank 2 all_gather[4] in lengths, most all_reduce[8] in gradients"


def test_a_rank_that_does_not_come():
    seen, diagnosis = hang.outcomes("never comes")
    assert seen[0] == "gradients 4, no answer within 1 s"
    assert seen[2] == "gradients 4"
    assert diagnosis == "call 2: rank 2 did not come, most all_gather[4] in lengths"


def test_calls_that_look_alike_give_wrong_sums_and_no_error():
    """Three ranks' ones and rank 2's ten, in place of four ones."""
    seen, diagnosis = hang.outcomes("alike, swapped")
    assert seen[0] == "gradients 13, losses 31"
    assert seen[2] == "losses 13, gradients 31"
    assert "rank 2 all_reduce[8] in losses" in diagnosis


def checked(case, rank, folder):
    """A mistake under PyTorch's own check."""
    dist.set_debug_level(dist.DebugLevel.DETAIL)
    group = dist.new_group(timeout=timedelta(seconds=20), backend="gloo")
    dist.set_debug_level(dist.DebugLevel.OFF)
    seen = []
    try:
        for call in hang.STEPS[case][rank == 2]:
            seen.append(call(group))
    except RuntimeError as error:
        seen.append(str(error))
    torch.save(seen, folder / f"{rank}.pt")


def test_pytorchs_own_check_names_the_same_rank():
    (mismatch,) = torch.load(launch(partial(checked, "another order")) / "0.pt")
    assert "Rank 0 is running collective" in mismatch
    assert "OpType=ALLREDUCE" in mismatch
    assert "but Rank 2 is running collective" in mismatch


def test_pytorchs_own_check_does_not_see_calls_that_look_alike():
    assert torch.load(launch(partial(checked, "alike, swapped")) / "0.pt") == ["gradients 13", "losses 31"]


def absent(everyone, rank, folder):
    """Ranks 1 and 2 do not come, but live until rank 0 has said so: a closed connection is another error."""
    said = folder / "0.txt"
    try:
        if rank not in (1, 2):
            dist.monitored_barrier(timeout=timedelta(seconds=1), wait_all_ranks=everyone)
    except RuntimeError as error:
        if rank == 0:
            said.write_text(str(error))
    while not said.exists():
        time.sleep(0.05)


@pytest.mark.parametrize(("everyone", "named"), [(False, "Rank 1 failed"), (True, "Ranks 1, 2 failed")])
def test_a_monitored_barrier_names_the_first_that_is_missing_or_all(everyone, named):
    assert named in (launch(partial(absent, everyone)) / "0.txt").read_text()


def test_diagnosis_of_equal_records():
    call = hang.Call(1, "all_reduce", (8,), "gradients")
    assert hang.diagnose([[call], [call]]) == "all ranks made the same calls"


def test_the_default_timeout_of_gloo_is_that_of_its_documentation():
    assert hang.default_minutes() == 30
    assert "10 minutes for NCCL and 30 minutes for other backends" in " ".join(dist.init_process_group.__doc__.split())


def test_calculators():
    shown = calculator.ring_steps(steps=2)
    assert shown["table"][1] == ["rank 0", "0", "0", "0+2+3", "0+3"]
    assert shown["sent by each rank"] == "50.0 MB of 150.0 MB"
    with pytest.raises(ValueError, match="done after 6 steps"):
        calculator.ring_steps(steps=7)
    assert calculator.all_reduce(ranks=64, size=1000)["ring"] == "39.6 ms"
    assert calculator.all_reduce(ranks=2)["tree is faster up to"] == "no size"
