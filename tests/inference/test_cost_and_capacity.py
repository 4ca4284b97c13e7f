"""A published day against its own numbers, the exchange against measured latencies, fleets against SciPy and brute force."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from snippets.inference.cost_and_capacity import accounting as cost
from snippets.inference.cost_and_capacity import autoscaler as scaler
from snippets.inference.cost_and_capacity import decode_step as decode
from snippets.inference.cost_and_capacity import fleet
from snippets.inference.cost_and_capacity import speedup as speed
from snippets.inference.cost_and_capacity.calculator import token_cost

DAY = cost.Day()


def test_the_printed_cost_of_the_day_is_exact():
    assert DAY.cost == 87_072


def test_revenue_and_profit_follow_from_the_printed_tokens_and_prices():
    assert cost.revenue(DAY) == pytest.approx(562_027, rel=2e-4)
    assert cost.revenue(DAY) / DAY.cost - 1 == pytest.approx(5.45, abs=0.01)


def test_the_printed_rates_account_for_all_nodes():
    assert sum(cost.nodes_busy(DAY)) == pytest.approx(226.75, rel=1e-3)


def test_cost_by_phase_adds_up_to_the_cost_of_the_day():
    share = cost.blended(DAY, DAY.prompts, DAY.answers) * (DAY.prompts + DAY.answers) / 1e6
    assert share == pytest.approx(DAY.cost, rel=1e-3)


def test_half_full_costs_twice():
    assert cost.dollars_per_million(16, 1000, 0.5) == 2 * cost.dollars_per_million(16, 1000)
    assert cost.dollars_per_million(3.6, 1000) == pytest.approx(1.0)


@settings(max_examples=40)
@given(fraction=st.floats(0, 1), speedup=st.floats(1, 1e6))
def test_amdahl_is_the_ratio_of_times_and_bounded_by_what_stays(fraction, speedup):
    before = 1.0
    after = before * (1 - fraction) + before * fraction / speedup
    got = speed.amdahl(fraction, speedup)
    assert got == pytest.approx(before / after)
    assert 1 - 1e-9 <= got <= speedup * (1 + 1e-9)
    assert fraction == 1 or got <= 1 / (1 - fraction) * (1 + 1e-9)


def test_the_exchange_takes_what_deepep_measured():
    """128 tokens, 8 experts, 7168 wide, over 128 GPUs: 192 µs to send, 369 µs to bring back."""
    step = decode.expert_parallel_step(decode.V3, 128, 4096, experts=2)
    assert step.exchange / 58 == pytest.approx((192 + 369) * 1e-6, rel=0.02)


def test_overlapped_as_the_service_runs_it_the_bound_is_half_of_the_observed_time_per_token():
    step = decode.published()
    assert step.hidden < 1 / 22, "a bound from measured kernels cannot exceed what was observed"
    assert 0.5 < step.hidden * 20 < step.hidden * 22 < 0.6
    assert step.attention > step.weights
    half = decode.expert_parallel_step(decode.V3, 14_800 / 21 / 8 / 2, 4989, experts=2)
    computed = 2 * (half.weights + half.attention)  # both halves, one after the other
    assert step.hidden == pytest.approx(max(2 * half.exchange, computed)) and computed > step.exchange


def test_a_guess_in_each_step_costs_about_what_it_yields_at_the_published_load():
    plain, check = decode.published(), decode.published(2)
    assert check.weights == plain.weights
    assert check.exchange == pytest.approx(2 * plain.exchange)
    assert check.attention == pytest.approx(2 * plain.attention), "limited by arithmetic at one token already"
    assert decode.guess_costs() == pytest.approx((77.2 / 41.8, 45.1 / 25.6), rel=2e-3)
    for kept in (0.85, 0.9):
        serial, hidden = decode.guess_gains(kept)
        assert 0.97 < serial < 1.01 and 1.02 < hidden < 1.06


def test_attention_of_the_latent_is_limited_by_arithmetic_here():
    many = decode.expert_parallel_step(decode.V3, 100, 5000, 2)
    read = 100 * 70_272 * 5000 / decode.READ
    assert many.attention > read
    assert many.attention == pytest.approx(100 * 2 * 128 * (512 + 64 + 512) * 5000 * 61 / decode.MULTIPLY)


@settings(max_examples=40)
@given(needed=st.integers(1, 60), extra=st.integers(0, 20), availability=st.floats(0.5, 0.9999))
def test_availability_of_a_fleet_is_scipys_binomial(needed, extra, availability):
    ours = fleet.at_least(needed, needed + extra, availability)
    assert ours == pytest.approx(binom.sf(needed - 1, needed + extra, availability), rel=1e-9)


@settings(max_examples=40)
@given(needed=st.integers(1, 40), availability=st.floats(0.8, 0.999), target=st.floats(0.5, 0.9999))
def test_spares_suffice_and_one_less_does_not(needed, availability, target):
    extra = fleet.spares(needed, availability, target)
    assert binom.sf(needed - 1, needed + extra, availability) >= target * (1 - 1e-9)
    assert extra == 0 or binom.sf(needed - 1, needed + extra - 1, availability) < target


@settings(max_examples=40)
@given(needed=st.lists(st.integers(0, 30), min_size=1, max_size=40), discount=st.sampled_from([0.25, 0.4, 0.5, 0.75]))
def test_the_reserved_number_is_the_cheapest(needed, discount):
    best = min(fleet.bill(needed, copies, discount) for copies in range(32))
    assert fleet.bill(needed, fleet.reserve(needed, discount), discount) == pytest.approx(best)


@settings(max_examples=40)
@given(demand=st.lists(st.floats(1, 500), min_size=5, max_size=60), start=st.integers(0, 8), target=st.floats(0.1, 1.0))
def test_nobody_waits_if_the_target_covers_the_growth_during_a_start(demand, start, target):
    growth = min(demand[max(0, i - start)] / d for i, d in enumerate(demand))
    outcome = scaler.follow(demand, 5.0, min(target, growth), start)
    assert outcome.waiting == 0 and outcome.worst_wait == 0.0


def test_a_fixed_shortage_grows_the_queue_by_hand():
    """Two copies of 5 requests/s serve 20 requests/s for three minutes while two more start."""
    demand = [10.0] + [20.0] * 5
    outcome = scaler.follow(demand, 5.0, 1.0, 3)
    assert outcome.worst_wait == 60 * 10 * 3 / 10
    assert outcome.copy_hours == pytest.approx((2 + 5 * 4) / 60)


def test_a_high_target_saves_copies_and_makes_the_morning_wait():
    tight, right = (scaler.follow(scaler.day(), 5.0, target, 10) for target in (0.9, 0.75))
    assert tight.worst_wait > 100 and tight.waiting > 40
    assert right.worst_wait == 0
    assert right.copy_hours < 1.25 * tight.copy_hours


def test_the_calculator_gives_the_published_day():
    requests = DAY.answers / 1000 / 86_400
    shown = token_cost(
        prompt=round(DAY.prompts / DAY.answers * 1000), answer=1000, peak=requests * 1.23, peak_to_mean=1.23,
        load=100.0, spare=0, follows="yes",
    )  # fmt: skip
    assert shown["cost at full utilization"] == "$0.112"
    assert float(str(shown["a million tokens, prompts and replies"])[1:]) == pytest.approx(0.112, abs=0.0015)
    assert float(str(shown["a million reply tokens, if they carry it all"])[1:]) == pytest.approx(0.518, rel=0.005)


@settings(max_examples=40)
@given(load=st.floats(5, 100), ratio=st.floats(1, 20), spare=st.integers(0, 50))
def test_what_the_calculator_shows_adds_up(load, ratio, spare):
    shown = token_cost(load=load, peak_to_mean=ratio, spare=spare)
    parts = shown["bars"]["values"]
    dollars = float(str(shown["a million tokens, prompts and replies"])[1:].replace(",", ""))
    assert sum(parts.values()) / 100 == pytest.approx(dollars, abs=0.0006)
    assert all(value >= -1e-9 for value in parts.values())
    assert parts["work"] == pytest.approx(100 * float(str(shown["cost at full utilization"])[1:]), abs=0.06)


def test_more_cache_hits_cost_less():
    assert float(str(token_cost(hits=56.0)["a thousand requests"])[1:]) < float(
        str(token_cost()["a thousand requests"])[1:]
    )
    assert math.isfinite(sum(token_cost(prompt=0)["bars"]["values"].values()))


def test_copies_are_those_of_the_peak_with_headroom_and_spares():
    """2,500 requests/s of 3,619 tokens at 73,700/s and 1,000 at 14,800/s: 291.7 copies, at 75%, and two."""
    assert math.ceil(2500 * (3619 / 73_700 + 1000 / 14_800) / 0.75) == 389
    assert token_cost()["copies at the peak"] == "391, 3,128 accelerators"
