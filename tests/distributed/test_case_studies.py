"""Printed tables against each other and against PyTorch; formulas against SciPy; the straggler's symptom."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel

from snippets.distributed.case_studies import ablation, calculator, failures, gaps, palm, runs, stragglers
from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.step_time import idle, step
from snippets.shapes.accelerators import MACHINES
from snippets.shapes.models import gpt, parameters

# jiang2024megascale, table 2: GPUs, seconds of an iteration of Megatron-LM and of MegaScale
SECONDS = {
    256: (40.0, 32.0), 512: (21.2, 16.5), 768: (15.2, 11.5), 1024: (11.9, 8.9),
    3072: (29.02, 23.66), 6144: (14.78, 12.21), 8192: (12.24, 9.56), 12_288: (8.57, 6.34),
}  # fmt: skip


# ---- counting
def test_flops_of_a_token_are_those_that_pytorch_counts():
    """The same shape in transformers, without memory; eager attention multiplies all pairs."""
    config = GPT2Config(n_layer=3, n_embd=256, n_head=8, vocab_size=1000, n_positions=64, attn_implementation="eager")
    with torch.device("meta"):
        model = GPT2LMHeadModel(config)
        tokens = torch.zeros(2, 64, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(tokens, labels=tokens).loss.backward()
    shape = gpt(3, 256, 8).__class__(
        3, 256, 8, 8, 32, 1024, 1000, gated=False, tied=True, positions=64, biases=True, layer_norm=True
    )
    ours = runs.counts(shape, Layout(sequence=64))
    vectors = 6 * 3 * (13 * 256)  # biases and norms, which a count by parameters multiplies too
    assert ours["all pairs"] - vectors == pytest.approx(counter.get_total_flops() / 128, rel=1e-6)
    assert ours["all pairs"] - ours["weights"] == 2 * (ours["unmasked"] - ours["weights"])


def test_megascale_has_175_billion_parameters():
    assert parameters(runs.MEGASCALE) == pytest.approx(175e9, rel=0.003)


@pytest.mark.parametrize(
    ("name", "counted", "printed"),
    [
        ("PaLM 540B", "all pairs", 46.2),
        ("PaLM 540B", "weights", 45.7),
        ("Megatron-LM 175B", "all pairs", 41.2),
        ("DeepSeek-V3", "all pairs", 43.73),
        ("DeepSeek-V3", "unmasked", 38.94),
    ],
)
def test_recounted_utilization_is_the_printed_one(name, counted, printed):
    found = 100 * runs.recount(runs.MEASURED[name])[counted]
    assert found == pytest.approx(printed, abs=0.15)


def test_tokens_and_utilization_of_megascales_table_agree_and_its_petaflops_do_not():
    wrong = []
    for system, rows in enumerate(runs.TABLE.values()):
        for gpus, thousands, share, petaflops in rows:
            batch = 768 if gpus <= 1024 else 6144
            assert batch * 2048 / SECONDS[gpus][system] / 1e3 == pytest.approx(thousands, rel=0.012)
            flops = runs.implied(thousands, share, gpus)
            low = 1.075 if system == 0 else 1.062  # Megatron-LM: all pairs; MegaScale: fewer
            assert low < flops < (1.079 if system == 0 else 1.075)
            if abs(petaflops / (gpus * 0.312) - share) > 0.005:
                wrong.append((system, gpus))
    assert wrong == [(0, 256), (0, 512), (0, 1024), (1, 12_288)]


def test_megascales_rows_count_about_what_is_left_without_masked_pairs():
    """All but one within half a percent of that; so which pairs they leave out cannot be told."""
    flops = runs.counts(runs.MEGASCALE, runs.LAYOUT)["unmasked"] / 1e12
    rows = runs.TABLE["MegaScale"]
    far = [g for g, s, u, _ in rows if abs(runs.implied(s, u, g) / flops - 1) > 0.005]
    assert far == [768]


def test_what_380_tflops_means_at_128k_depends_on_the_count():
    every, half = (runs.llama_speed(c) for c in ("all pairs", "unmasked"))
    assert every < 0.75 * half


# ---- MegaScale
def test_hiding_nothing_changes_nothing_and_hiding_all_leaves_only_work():
    x = ablation.SMALL
    taken = step(runs.MEGASCALE, x, MACHINES["A100"])
    assert ablation.hidden(taken, x, "none").seconds == pytest.approx(taken.seconds)
    bare = ablation.hidden(taken, x, "TP", "CP", "PP", "DP", "EP")
    work = (taken.products + taken.memory) * (1 + idle(x)) + taken.optimizer
    assert bare.seconds == pytest.approx(work)


def test_planner_and_ablation_agree_on_communication_and_not_on_two_rows():
    own, printed = ablation.ablation(), ablation.PRINTED
    names = list(printed)
    adds = {n: printed[n] - printed[names[i - 1]] for i, n in enumerate(names) if i}
    ours, keys = {}, list(own)
    for i, name in enumerate(keys[1:], 1):
        ours[name] = 100 * (own[name] - own[keys[i - 1]])
    for name in ("TP hidden", "DP hidden"):
        assert abs(ours[name] - adds[name]) < 1.0  # percentage points
    assert adds["parallel block"] > 1.8 * ours["parallel block"]
    assert adds["batch × 3"] > 3 * ours["batch × 3"]  # the bubble is not the reason


def test_four_small_steps_have_four_times_the_bubble_of_a_large_one():
    """In units of a micro-batch's time: not 87.5% fewer, as printed, and not a sixteenth."""
    small, large = (Layout(pp=8, virtual=6, batch=b) for b in (64, 256))
    bubbles = 4 * idle(small) * small.micros, idle(large) * large.micros
    assert 1 - bubbles[1] / bubbles[0] == pytest.approx(0.75)


def test_scaling_loses_less_in_the_planner_than_in_print():
    for best, name in ((False, "Megatron-LM"), (True, "MegaScale")):
        rows = {row[0]: row[2] for row in runs.TABLE[name]}
        lost = ablation.scaled(3072, 6144, best) - ablation.scaled(12_288, 6144, best)
        assert 0.02 < (rows[3072] - rows[12_288]) - lost < 0.03


# ---- Llama 3, DeepSeek-V3, PaLM
def test_one_number_explains_both_short_runs_of_llama():
    found = [100 * gaps.share_of(run, gaps.SLOWER) for run in gaps.LLAMA.values()]
    printed = [100 * tflops / 989 for tflops in (430, 400, 380)]
    assert found[:2] == pytest.approx(printed[:2], abs=0.3)
    assert 1 < found[2] - printed[2] < 2


def test_printed_parts_of_deepseeks_step_are_the_step_and_the_fit_meets_them():
    parts = gaps.V3_PRINTED
    assert sum(parts.values()) == pytest.approx(19.926, abs=0.03)
    share = gaps.fitted(19.926 - parts["bubble"])
    assert 0.55 < share * 1979 / 989 < 0.65
    assert gaps.good_bf16() / (19.926 - parts["bubble"]) == pytest.approx(1.11, abs=0.01)
    assert gaps.share_of(gaps.V3, schedule="1F1B") < 0.6 * gaps.share_of(gaps.V3)


def test_palms_hardware_utilization_follows_from_what_runs_again():
    """Appendix B prints 3.28 and 4.10 TFLOPs a token, and 57.8%."""
    model, executed = palm.again(0.75)
    assert (model / 1e12, executed / 1e12) == pytest.approx((3.28, 4.10), abs=0.005)
    assert 46.2 * executed / model == pytest.approx(57.8, abs=0.05)
    whole = 100 * abs(palm.palm(1.0) - 0.462)
    assert 100 * abs(palm.palm(0.75) - 0.462) < 1
    assert whole > 2.5


# ---- failures
def test_deepseeks_hours_are_a_product_and_not_a_reading():
    *_, hours, _, _ = failures.RUN["DeepSeek-V3"]
    assert hours / 1e3 == pytest.approx(14.8 * 180, abs=1e-9)
    assert failures.whole("DeepSeek-V3")[1] == pytest.approx(1, rel=0.002)


@pytest.mark.parametrize("counted", ["all pairs", "unmasked"])
def test_llamas_step_and_run_are_counted_alike(counted):
    """In tokens: 15.6 trillion in 30.84 million hours, against those that 400 TFLOP/s are in a step."""
    step = runs.llama_speed(counted, "Llama 3 405B, 16K GPUs", 400)
    ratio = 15.6e12 / (30.84e6 * 3600) / step
    assert failures.whole(f"Llama 3, {counted}")[1] == pytest.approx(ratio, rel=0.005)


@pytest.mark.parametrize(("weeks", "low", "high"), [(3, 0.9, 0.93), (6, 0.95, 0.97)])
def test_megascales_effective_time_in_a_simulation(weeks, low, high):
    """A hundred stops of 25 minutes, placed at random."""
    dice = np.random.default_rng(0)
    stops = np.sort(dice.uniform(0, weeks * 168 * 60, 100))
    lost = np.minimum(np.diff(np.append(stops, weeks * 168 * 60)), 25).sum()
    assert low < 1 - lost / (weeks * 168 * 60) < high


def test_rates_and_minutes_of_llama():
    assert failures.gpu_hours_between(16_384, 54 * 24, 419) == pytest.approx(50_677, abs=1)
    assert failures.lost_each(0.9, 54 * 24, 466) == pytest.approx(54 * 1440 * 0.1 / 466)


# ---- stragglers
@settings(max_examples=8, deadline=None)
@given(st.integers(2, 100_000))
def test_expected_maximum_is_scipys_integral(n):
    def inside(x: float) -> float:
        return x * n * stats.norm.pdf(x) * stats.norm.cdf(x) ** (n - 1)

    exact = integrate.quad(inside, -9, 9, points=[0, 2, 3, 4, 5], limit=200)[0]
    assert calculator.expected_max(n) == pytest.approx(exact, abs=1e-5)


@pytest.mark.parametrize(("n", "exact"), [(1, 0), (2, np.pi**-0.5), (3, 1.5 * np.pi**-0.5)])
def test_expected_maximum_in_closed_form(n, exact):
    assert calculator.expected_max(n) == pytest.approx(exact, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.5, 2.0), min_size=3, max_size=40))
def test_suspects_are_those_of_scipys_median_deviation(work):
    spread = stats.median_abs_deviation(work, scale="normal")
    far = (np.array(work) - np.median(work)) - 5 * spread
    found = stragglers.suspects(work)
    assert all(far[r] > -1e-3 for r in found)
    assert all(r in found for r in np.flatnonzero(far > 1e-3))


def test_the_slow_rank_waits_least_and_all_report_the_same_step():
    times = stragglers.measured(64, 50, 41)
    pace, work, waits = stragglers.synchronous(times)
    table = np.array(times)
    assert pace == pytest.approx(table.max(axis=1).mean())
    assert np.array(work) + np.array(waits) == pytest.approx(np.full(64, pace))
    assert int(np.argmin(waits)) == int(np.argmax(work)) == 41
    assert np.median(waits) > 0.1 > 20 * waits[41] / 1.0 - 0.05
    assert stragglers.suspects(work) == [41]
    first = stragglers.synchronous(times[:1])[1]
    assert stragglers.suspects(first) == []
    calm = stragglers.synchronous(stragglers.measured(64, 50, None))
    assert stragglers.suspects(calm[1]) == []
    assert pace > calm[0]


# ---- the calculator
def test_calculator_at_its_bounds():
    nobody = calculator.stragglers(ranks=1, host=72, spread=0.0, slow_hosts=0.0)
    assert nobody["the step takes"] == "1.000 of the mean work"
    default = calculator.stragglers()
    assert default["chance that a slow host is in the job"] == "100.0%"
    assert default["the step takes"] == "1.100 of the mean work"
    alone = calculator.stragglers(slow_hosts=0.0)
    assert alone["waiting"] == "3.8%" + " of the time"
