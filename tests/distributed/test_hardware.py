"""FLOPs against PyTorch's counter, bytes against its tensors, tiles against NumPy and a published lower bound."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.flop_counter import FlopCounterMode

from snippets.distributed.hardware import calculator, kernels, measurement, roofline, tiling
from snippets.distributed.hardware import waves as hardware_waves

SIZES = st.integers(1, 40)


def counted(work):
    """FLOPs that PyTorch counts; it has no count for the fused attention of a processor."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


@settings(deadline=None, max_examples=25)
@given(m=SIZES, k=SIZES, n=SIZES)
def test_matmul_has_the_flops_that_pytorch_counts_and_the_bytes_of_its_tensors(m, k, n):
    a, b = torch.zeros(m, k, dtype=torch.bfloat16), torch.zeros(k, n, dtype=torch.bfloat16)
    flops = counted(lambda: a @ b)
    assert kernels.matmul(m, k, n) == (flops, a.nbytes + b.nbytes + (a @ b).nbytes)


@pytest.mark.parametrize(("queries", "keys"), [(1, 64), (48, 48), (16, 80)])
def test_attention_has_the_flops_that_pytorch_counts(queries, keys):
    q = torch.zeros(1, 8, queries, 16, dtype=torch.bfloat16)
    k = v = torch.zeros(1, 8, keys, 16, dtype=torch.bfloat16)
    flops, moved = kernels.attention(queries, keys, 8, 8, 16)
    assert flops == counted(lambda: scaled_dot_product_attention(q, k, v))
    assert moved == 2 * q.nbytes + k.nbytes + v.nbytes


def test_grouped_heads_read_fewer_bytes_and_compute_the_same():
    flops, moved = kernels.attention(1, 100, 8, 2, 16)
    full, all_moved = kernels.attention(1, 100, 8, 8, 16)
    assert flops == full
    assert all_moved - moved == 2 * 2 * 100 * 6 * 16  # keys and values of six heads, bf16


def test_elementwise_moves_its_inputs_and_its_output():
    x = torch.zeros(300, dtype=torch.bfloat16)
    assert kernels.elementwise(300, inputs=2) == (300, 3 * x.nbytes)


@settings(deadline=None, max_examples=40)
@given(m=SIZES, k=SIZES, n=SIZES, tile=st.integers(1, 48), depth=st.integers(1, 16))
def test_tiles_give_numpys_product_and_move_what_the_formula_says(m, k, n, tile, depth):
    rng = np.random.default_rng(m * 10_000 + k * 100 + n)
    a, b = rng.standard_normal((m, k), np.float32), rng.standard_normal((k, n), np.float32)
    c, moved = tiling.tiled_matmul(a, b, tile, depth)
    np.testing.assert_allclose(c, a.astype(np.float64) @ b, rtol=1e-4, atol=1e-4)
    assert moved == tiling.traffic(m, k, n, tile)


@pytest.mark.parametrize("tile", [4, 16, 64, 256])
def test_no_tile_beats_the_published_lower_bound_and_large_ones_come_close(tile):
    n = 64 * tile
    moved = tiling.traffic(n, n, n, tile)
    assert moved >= tiling.least_traffic(n, n, n, tile * tile + 2 * tile)
    assert moved < 1.6 * tiling.least_traffic(n, n, n, tile * tile)


def test_the_roofline_is_the_slower_of_the_two():
    assert roofline.roofline(100, 1, 10, 1) == (10, "compute")
    assert roofline.roofline(10, 100, 10, 1) == (100, "memory")


def test_the_critical_batch_is_where_the_limit_changes():
    """Of a matmul so wide that its inputs and outputs do not count."""
    peak, bandwidth = 989e12, 3.35e12
    m = kernels.critical_batch(peak, bandwidth)
    limits = [
        roofline.roofline(*kernels.matmul(rows, 10**7, 10**7), peak, bandwidth)[1]
        for rows in (math.floor(m), math.ceil(m) + 1)
    ]
    assert limits == ["memory", "compute"]


def test_one_row_more_needs_a_second_wave():
    """The symptom: twice the time for one row; 109 tiles on the 108 multiprocessors of an A100 likewise."""
    assert hardware_waves.utilization(1408, 1536, (128, 128), 132) == (1, 1.0)
    waves, useful = hardware_waves.utilization(1409, 1536, (128, 128), 132)
    assert waves == 2
    assert useful == pytest.approx(1409 / 2816)
    assert hardware_waves.utilization(109 * 128, 128, (128, 128), 108)[0] == 2


def test_the_measured_rate_rises_with_intensity():
    """The least that any processor shows: many rows reach a higher rate than one."""
    torch.set_num_threads(1)
    for _ in range(10):  # other processes disturb a measurement, so one in ten must show it
        one, many = measurement.measure((1, 128), width=1024)
        if many[2] > 1.5 * one[2]:
            break
    assert many[2] > 1.5 * one[2]
    assert many[1] == pytest.approx(2 * 128 * 1024**2 / (4 * (2 * 128 * 1024 + 1024**2)))


def test_the_calculator_agrees_with_the_table_and_refuses_the_impossible():
    shown = calculator.kernel_roofline()
    assert shown["the limit"] == "memory: at least 35.8 µs"
    assert shown["lines"]["points"]["at best"][1] == pytest.approx(62.74 * 3.35, rel=1e-3)
    half = calculator.kernel_roofline(measured=71.52)
    assert half["share of the roof that yours reaches"] == "50%"
    with pytest.raises(ValueError, match=r"10 µs is less than the 35\.8 µs"):
        calculator.kernel_roofline(measured=10.0)


def test_the_calculator_offers_every_chip_of_the_table():
    assert calculator.Chip.__args__ == tuple(roofline.ACCELERATORS)


def test_links_are_those_of_their_lanes():
    """Links times lanes times GB/s of a lane, of NVLink 3, 4 and 5; seven neighbors of an MI300X (Bekman 2026)."""
    rates = {"A100": 12 * 4 * 6.25, "H100": 18 * 2 * 12.5, "H200": 18 * 2 * 12.5, "B200": 18 * 2 * 25, "MI300X": 7 * 64}
    assert {name: roofline.ACCELERATORS[name].link_gb_s for name in rates} == rates
