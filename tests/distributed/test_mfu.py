"""FLOPs against PyTorch's counter on real modules, optima against SciPy, and a stall that must show."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2Model

from snippets.distributed.memory import measurement
from snippets.distributed.mfu import budget, calculator, profiling, published_runs, stall
from snippets.distributed.mfu import counts as mfu_counted
from snippets.distributed.mfu import flops as mfu


@pytest.mark.parametrize("shape", [(1, 64, 16, 100), (3, 128, 40, 257), (2, 192, 8, 11)])
@pytest.mark.parametrize("again", ["nothing", "layers"])
def test_formulas_are_what_pytorch_counts_on_transformers_gpt2(shape, again):
    forward = sum(mfu.gpt_forward_flops(*shape).values())
    assert mfu_counted.counted(*shape, backward=False) == forward
    step = mfu.train_flops_per_token(*shape, again) * shape[2]
    assert mfu_counted.counted(*shape, backward=True, again=again == "layers") == step


@pytest.mark.parametrize("shape", [(2, 64, 32, 100), (3, 128, 64, 500)])
def test_parameters_are_those_of_transformers_gpt2(shape):
    """Equation 2 of Narayanan et al. leaves out the last layer norm, 2h."""
    layers, hidden, seq, vocab = shape
    config = GPT2Config(n_layer=layers, n_embd=hidden, n_head=hidden // 32, n_positions=seq, vocab_size=vocab)
    with torch.device("meta"):
        held = sum(p.numel() for p in GPT2Model(config).parameters())
    assert round(mfu.gpt_params(layers, hidden, vocab, seq)) == held - 2 * hidden


@pytest.mark.parametrize("shape", [(64, 64, 4), (32, 128, 8)])
def test_selective_recomputation_costs_what_pytorch_counts_and_less_than_published(shape):
    """Only the scores run again, s/36h; equation 9 of Korthikanti et al. has s/6h."""
    seq, hidden, heads = shape
    counts = []
    for keep in ("all", "selective"):
        block = measurement.Block(hidden, heads, keep)
        with FlopCounterMode(display=False) as counter:
            block(torch.randn(seq, 1, hidden, requires_grad=True)).sum().backward()
        counts.append(counter.get_total_flops() / seq)
    assert counts[0] == mfu.train_flops_per_token(1, hidden, seq, 0)
    assert counts[1] == mfu.train_flops_per_token(1, hidden, seq, 0, "attention")
    extra = (counts[1] - counts[0]) / (72 * hidden**2)
    assert extra == pytest.approx(seq / (36 * hidden))
    published = published_runs.published_hardware_flops_per_token(1, hidden, seq, 0)
    assert (published - counts[0]) / (72 * hidden**2) == pytest.approx(seq / (6 * hidden))


@pytest.mark.parametrize("flops", [1e19, 1e22, 4e25])
def test_the_closed_form_is_scipys_minimum(flops):
    def along(log_params):
        params = np.exp(log_params)
        return budget.loss(params, flops / (6 * params))

    found = minimize_scalar(along, bounds=(15, 35), method="bounded", options={"xatol": 1e-9})
    params, tokens = budget.optimum(flops)
    assert np.exp(found.x) == pytest.approx(params, rel=1e-3)
    assert 6 * params * tokens == pytest.approx(flops)


def test_the_line_is_numpys():
    points = [(1e8, 2e9), (1e9, 2.5e10), (1e10, 1.9e11), (1e11, 2.2e12)]
    slope, intercept = np.polyfit(*np.log10(points).T, 1)
    assert budget.line(points) == (pytest.approx(slope), pytest.approx(intercept))


def test_a_stall_halves_the_work_of_perfect_kernels():
    """The symptom: the step is much longer than its kernels, at the same kernels."""
    seconds, busy = stall.train(2000, 0.4, 1.6, workers=2, prefetch=2)
    assert seconds / 2000 > 2 * 0.4
    assert busy == pytest.approx(0.4 * 2000 / seconds)
    assert busy < 0.5


def test_depth_cures_variance_and_only_workers_cure_the_mean():
    few = [stall.train(2000, 0.4, 1.6, 2, prefetch)[1] for prefetch in (2, 64)]
    enough = [stall.train(2000, 0.4, 1.6, 4, prefetch)[1] for prefetch in (4, 64)]
    assert few[1] == pytest.approx(0.5, abs=0.03)  # two workers deliver half of what is needed
    assert enough[0] < 0.7
    assert enough[1] > 0.95
    steady = stall.train(2000, 0.4, 1.6, 4, 4, spread=0.0)[1]
    assert steady == pytest.approx(1, abs=0.01)


def test_an_mfu_depends_on_what_is_counted():
    """Sparse peak: half. Recomputed layers: a third more. 6N at 128K: far less than the model needs."""
    args = 1000.0, 1, 989e12
    each = mfu.train_flops_per_token(32, 4096, 8192, 128_256)
    plain = mfu.utilization(each, *args)
    assert mfu.utilization(each, 1000.0, 1, 2 * 989e12) == plain / 2
    again = mfu.utilization(mfu.train_flops_per_token(32, 4096, 8192, 128_256, "layers"), *args)
    assert again / plain == pytest.approx(4 / 3, abs=0.03)
    long = mfu.train_flops_per_token(32, 4096, 131_072, 128_256)
    assert mfu.six_n(12 * 32 * 4096**2) / long < 0.3


@pytest.mark.parametrize(("seq", "factor"), [(8192, 1.04), (131_072, 1.40), (1_000_000, 1.84), (10**9, 2.0)])
def test_masked_pairs_at_most_double_the_count(seq, factor):
    """For Llama 3 405B; half of the pairs of the square are visible."""
    assert mfu.masked_factor(405e9, 126, 128, 128, seq) == pytest.approx(factor, abs=0.005)


@torch.library.custom_op("fieldguide_test::product", mutates_args=())
def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A kernel of somebody's own."""
    return a @ b


def test_a_kernel_that_the_counter_does_not_know_counts_zero():
    with FlopCounterMode(display=False) as counter:
        product(torch.ones(8, 8), torch.ones(8, 8))
    assert counter.get_total_flops() == 0


def test_the_recorded_profile_is_of_one_step():
    """Four shares of a whole, each rounded to a percent."""
    record = Path(profiling.__file__).with_suffix(".out.txt").read_text()
    assert abs(sum(map(int, re.findall(r"(\d+)%", record))) - 100) <= 2


def test_shares_of_a_profile_are_a_whole():
    torch.set_num_threads(1)
    layer = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True)
    found = profiling.shares(layer, torch.randn(1, 64, 64))
    assert sum(found.values()) == pytest.approx(1)
    assert found["matrix products"] > 0


def test_the_calculator_knows_llama_3():
    """Its 400 TFLOP/s of 989, by the calculator's own count; and what cannot be is refused."""
    shown = calculator.training_run()
    assert shown["model FLOPs utilization (MFU)"] == f"{400 / 989:.1%}"
    flops = mfu.palm_flops_per_token(405e9, 126, 128, 128, 8192) * 15.6e12
    assert shown["days of training"] == f"{mfu.days(flops, 16_384, 400e12):.1f}"
    assert shown["Is that possible?"] == "yes"
    assert calculator.training_run(rate=1000.0)["Is that possible?"].startswith("no: the rate")
