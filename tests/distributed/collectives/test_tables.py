"""The page's tables, facts and calculators, number by number, against formulas written out and what others printed."""

import re
from pathlib import Path

import numpy as np
import pytest

from fieldguide.guide.outputs import parse
from snippets.distributed.collectives import calculator, cost, hang, nccl, opening, steps, wiring
from tests.distributed.test_collectives import NCCL_RETURNS, NCCL_TESTS

FOLDER = Path(cost.__file__).parent
GRADIENT = 16_060_522_496  # bytes of Llama 3 8B in the index of the published checkpoint
PAIRS = [f"{algorithm} {protocol}" for algorithm in ("tree", "ring") for protocol in ("LL", "LL128", "Simple")]


def lines(file, section):
    return parse(FOLDER / f"{file}.out.txt")[section].splitlines()


def numbers(line):
    return [float(x) for x in re.findall(r"-?\d[\d,]*(?:\.\d+)?(?:e-\d+)?", line.replace(",", ""))]


def ring_ms(size, ranks, alpha=2e-6, beta=50e9):
    """2(n - 1) messages of an n-th each."""
    return 1e3 * 2 * (ranks - 1) * (alpha + size / ranks / beta)


def tree_ms(size, ranks, alpha=2e-6, beta=50e9):
    """Up and down a binary tree, and twice the tensor at 92% of the bandwidth (NCCL)."""
    return 1e3 * (2 * (ranks - 1).bit_length() * alpha + 2 * size / (0.92 * beta))


def equal_mb(ranks):
    """Where both lines meet, by interpolation between two sizes."""
    apart = [tree_ms(size, ranks) - ring_ms(size, ranks) for size in (0, 1e9)]
    return 1e3 * apart[0] / (apart[0] - apart[1])


def test_the_fitted_model_beside_what_nccl_tests_printed():
    head, _, *rows = lines("cost", "measured")
    alpha, beta = 43.83 / 14, 17_179_869_184 / 127_997 * 1.75 / 1e3  # microseconds, GB/s
    assert numbers(head) == pytest.approx([alpha, beta], abs=0.5)
    assert numbers(head)[0] == pytest.approx(alpha, abs=0.05)
    printed = {size / 2**20: (micros, bus) for size, micros, _, bus in NCCL_TESTS}
    assert [numbers(row)[0] for row in rows] == [0.03, 1, 8, 64, 1024, 16_384]
    for row, size in zip(rows, cost.MEASURED, strict=True):
        mib, measured, model, bus, by_model = row.replace(" us", "").replace(",", "").split()
        assert f"{size / 2**20:.2f}" == mib
        micros = 14 * alpha + 1.75 * size / beta / 1e3
        assert (model, by_model) == (f"{micros:.0f}", f"{1.75 * size / micros / 1e3:.0f}")
        if size / 2**20 in printed:
            assert (measured, bus) == tuple(f"{x:.0f}" for x in printed[size / 2**20])


def test_starts_and_crossing_of_ring_and_tree():
    rows = [numbers(line) for line in lines("cost", "ring_tree")[1:]]
    assert [row[0] for row in rows] == [8, 64, 512, 4096]
    for ranks, ring, tree, more, until in rows:
        n = int(ranks)
        assert (ring, tree) == pytest.approx((1e3 * ring_ms(0, n), 1e3 * tree_ms(0, n)))
        assert more == pytest.approx(ring_ms(1e9, n) - ring_ms(0, n), abs=0.051)
        assert until == pytest.approx(equal_mb(n), abs=0.051)


def test_the_choices_are_those_of_nccls_own_estimates():
    sizes = {"1 KiB": 2**10, "64 KiB": 2**16, "1 MiB": 2**20, "16 MiB": 2**24, "256 MiB": 2**28, "4 GiB": 2**32}
    head, *rows = lines("nccl", "choice")
    assert numbers(head) == [8 * nodes for nodes in (4, 16, 128)]
    checked = 0
    for row, (name, size) in zip(rows, sizes.items(), strict=True):
        assert row.startswith(name)
        cells = re.findall(r"([\d,]+) us (\w+ \w+)", row)
        assert len(cells) == 3
        for nodes, (micros, choice) in zip((4, 16, 128), cells, strict=True):
            if estimates := NCCL_RETURNS.get((nodes, size)):
                least = min(estimates)
                assert (micros, choice) == (f"{least:,.0f}", PAIRS[estimates.index(least)])
                checked += 1
    assert checked == len(NCCL_RETURNS)


def test_the_ring_sends_what_the_formula_says_and_all_ranks_agree():
    *rows, last = lines("ring", "ring")[1:]
    assert [row[:3] for row in map(numbers, rows)] == [[rank, 6e6, 6e6] for rank in range(4)]  # 2 · 3/4 of 4 MB
    assert all(0 < numbers(row)[3] < 4e-6 for row in rows)
    assert last == "bit for bit the same on all ranks: True"


def test_wirings_by_the_hops_that_leave_a_node():
    """A ring of 128 sends 2 · 127/128 GB over each hop, one across 16 nodes 2 · 15/16 GB of an eighth."""
    hop, across = 2 * 127 / 128, 2 * 15 / 16 / 8
    expected = [(8 * hop, 8, hop), (hop, 1, hop), (hop, 8, hop / 8), (8 * across, 8, across)]
    for line, (leaves, busy, most) in zip(lines("wiring", "wiring")[1:], expected, strict=True):
        assert numbers(line[28:]) == [pytest.approx(leaves, abs=0.006), busy, pytest.approx(most * 20, abs=0.051)]
    eight = wiring.WIRINGS["eight such rings"]
    assert len(eight) == 8
    assert wiring.sent(1e9, eight) == pytest.approx([1e9 * hop / 8] * 8)


def test_facts():
    """Latencies in microseconds: the base, near hops and far hops (NCCL's tuning.cc); the rest as above."""
    alpha, beta = 43.83e-6 / 14, 17_179_869_184 / 127_997e-6 * 1.75
    measured = 2**30 / 8203.9e-6 / 1e9
    best = {
        size: 1e6 * min(nccl.nccl_seconds(size, 128, *pair.split(), node=400e9) for pair in PAIRS)
        for size in (2**20, GRADIENT)
    }
    five = {
        size: min(nccl.nccl_seconds(size, 5, "ring", protocol, 200e9) for protocol in ("LL", "LL128", "Simple"))
        for size in (2**20, 2**30)
    }
    assert cost.facts() == {
        "factor_8": "1.75", "factor_1024": f"{2 - 2 / 1024:.3f}", "half_8": f"{8e-6 * alpha * beta:.1f} MB",
        "tree_ranks": "512", "tree_until": f"{equal_mb(512):.0f} MB",
        "algbw": f"{measured:.0f} GB/s", "busbw": f"{1.75 * measured:.0f} GB/s",
    }  # fmt: skip
    assert nccl.facts() == {
        "steps_gpus": "1,024", "ring_1024": f"{6.6 + (2046 - 256) * 1.0 + 256 * 2.7:,.0f} µs",
        "tree_1024": f"{6.8 + 2 * (7 * 0.6 + 7 * 5.0):.0f} µs", "tree_1024_mib": f"{best[2**20]:.0f} µs",
        "flags_ll128": f"{120 / 128:.0%}", "five_gib": f"{2**30 * 2 * 39 / 40 / five[2**30] / 1e9:.0f} GB/s",
        "five_mib": f"{five[2**20] * 1e6:.0f} µs",
    }  # fmt: skip
    assert opening.facts() == {
        "gradient_gb": f"{GRADIENT / 1e9:.1f} GB", "gradient_ms": f"{ring_ms(GRADIENT, 8, beta=450e9):.1f} ms",
        "gradient_network": f"{best[GRADIENT] / 1e3:.0f} ms", "gradient_port": f"{ring_ms(GRADIENT, 1024):,.0f} ms",
    }  # fmt: skip
    assert steps.facts() == {"steps_8": "14", "steps_1024": "2,046"}
    assert hang.facts() == {"patience": "30 minutes"}


@pytest.mark.parametrize(("ranks", "size"), [(64, 1000.0), (512, 100.0), (9, 1.0)])
def test_the_calculator_of_times(ranks, size):
    shown = calculator.all_reduce(ranks=ranks, size=size)
    both = {"ring": ring_ms(size * 1e6, ranks), "tree": tree_ms(size * 1e6, ranks)}
    faster = min(both, key=both.get)
    assert {name: shown[name] for name in both} == {name: f"{ms:,.3g} ms" for name, ms in both.items()}
    assert shown["faster"] == f"{faster}, {both[faster]:,.3g} ms"
    assert shown["tree is faster up to"] == f"{equal_mb(ranks):,.3g} MB"
    bus = size / both[faster] * 2 * (ranks - 1) / ranks
    assert shown["bus bandwidth"] == f"{bus:,.3g} GB/s"
    assert shown["lines"]["points"] == {"yours": (size, pytest.approx(both[faster]))}
    for name, time_of in (("ring", ring_ms), ("tree", tree_ms)):
        x, y = np.array(shown["lines"]["series"][name]).T
        assert (x[0], x[-1]) == (0.01, 1e4)
        assert y == pytest.approx([time_of(mb * 1e6, ranks) for mb in x])


@pytest.mark.parametrize("ranks", [2, 4, 7])
def test_the_calculator_of_steps(ranks):
    """Each rank sends on what has just arrived: chunk r - s first, to be added, and after n - 1 steps to be kept."""
    last = 2 * (ranks - 1)
    for done in range(last + 1):
        shown = calculator.ring_steps(ranks=ranks, steps=done, size=ranks * 10.0)
        ready = max(done - (ranks - 2), 0)  # chunks that each rank has whole
        assert shown["finished chunks"] == f"{ranks * ready} of {ranks**2}"
        assert shown["sent by each rank"] == f"{10 * done:,.1f} MB of {10 * last:,.1f} MB"
        assert shown["table"][0] == ["sum of", *(f"chunk {chunk}" for chunk in range(ranks))]
        spans = [
            [(s, s + 1, f"{'A' if s < ranks - 1 else 'K'}{(rank - s) % ranks}") for s in range(done)]
            for rank in range(ranks)
        ]
        lanes = shown.get("timeline", {"lanes": {}})["lanes"]
        assert lanes == ({f"rank {rank}": row for rank, row in enumerate(spans)} if done else {})
    assert all("+".join(map(str, range(ranks))) == cell for row in shown["table"][1:] for cell in row[1:])
