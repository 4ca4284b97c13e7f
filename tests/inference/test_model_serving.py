"""Answers against PyTorch and ONNX's reference; waiting against queueing theory; the gate against SciPy; every answer to its caller."""

import ast
import asyncio
import hashlib
import math
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

import httpx2
import numpy as np
import onnx
import pytest
import torch
import uvicorn
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from scipy import stats

from snippets.inference.model_serving import api, breaks, export, tail
from snippets.inference.model_serving import batcher as model_serving
from snippets.inference.model_serving import bucket as model_serving_bucket
from snippets.inference.model_serving import calculator as model_serving_calculator
from snippets.inference.model_serving import canary as model_serving_canary
from snippets.inference.model_serving.batcher import Batcher, Overloaded
from snippets.inference.model_serving.clock import FIXED, PER_ROW, costed, percentile, served, simulate

KEY = {"X-API-Key": "secret"}
OWNERS = {hashlib.sha256(b"secret").hexdigest(): "team-a"}


@pytest.fixture(scope="module")
def graph():
    return export.export(export.ranker())


async def stopped(worker):
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker


# ---- ONNX Runtime against PyTorch and against ONNX's own reference implementation


@pytest.mark.parametrize("rows", [1, 2, 33, 128])
def test_the_graph_answers_as_pytorch_and_as_the_reference_do(graph, rows):
    onnx.checker.check_model(onnx.load_model_from_string(graph), full_check=True)
    x = torch.randn(rows, 64, generator=torch.Generator().manual_seed(rows))
    (got,) = export.session(graph).run(None, {"features": x.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(got, export.ranker()(x).numpy(), atol=1e-6)
    (reference,) = ReferenceEvaluator(onnx.load_model_from_string(graph)).run(None, {"features": x.numpy()})
    np.testing.assert_allclose(got, reference, atol=1e-6)


def test_over_http_a_hundred_concurrent_callers_get_the_scores_of_their_own_rows(graph):
    """FastAPI, batcher and ONNX Runtime together; PyTorch says what each row's score is."""
    x = torch.randn(100, 64, generator=torch.Generator().manual_seed(9))
    with torch.inference_mode():
        expected = export.ranker()(x)[:, 0].tolist()
    calls = []
    model = export.served_by(export.session(graph))

    async def counted(rows):
        calls.append(len(rows))
        return await model(rows)

    app = api.create_app(counted, OWNERS, patience=30)

    async def ask_all():
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://test", headers=KEY) as client,
        ):
            return await asyncio.gather(*(client.post("/score", json={"features": row.tolist()}) for row in x))

    scores = [reply.json()["score"] for reply in asyncio.run(ask_all())]
    assert scores == pytest.approx(expected, abs=1e-6)
    assert len(set(expected)) == 100, "equal scores would hide a mix-up"
    assert max(calls) > 1 and sum(calls) == 101, "they did share batches; one call was the warm-up"


# ---- the batcher


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(-1, 30), st.floats(0, 0.02), st.sampled_from([9.0, 9.0, 0.001])), max_size=40),
    size=st.integers(1, 8),
    window=st.sampled_from([0.0, 0.003]),
)
def test_everybody_gets_the_answer_to_their_own_row_or_their_own_error(rows, size, window):
    """Rows of -1 make the model raise; some callers hang up after a millisecond."""

    async def model(batch):
        await asyncio.sleep(0.002)
        if min(batch) < 0:
            raise ValueError
        return [row * row for row in batch]

    async def one(batcher, row, delay, patience):
        await asyncio.sleep(delay)
        try:
            async with asyncio.timeout(patience):
                return await batcher.ask(row)
        except ValueError:
            return "bad"
        except TimeoutError:
            return "gone"

    async def main():
        batcher = Batcher(model, size, window)
        worker = asyncio.create_task(batcher.run())
        told = await asyncio.gather(*(one(batcher, *row) for row in rows))
        await stopped(worker)
        return told, batcher.batches

    told, batches = simulate(main())
    for (row, _, patience), answer in zip(rows, told, strict=True):
        right = "bad" if row < 0 else row * row
        assert answer == right or (answer == "gone" and patience < 1)
    assert max(batches, default=0) <= size


def test_a_row_that_waited_for_a_batch_does_not_wait_for_the_window_again():
    async def main():
        batcher = Batcher(costed, 64, 0.005)
        worker = asyncio.create_task(batcher.run())
        loop, done = asyncio.get_running_loop(), []

        async def one(delay):
            await asyncio.sleep(delay)
            await batcher.ask(1)
            done.append(loop.time())

        await asyncio.gather(one(0), one(0.0051))  # the second comes while the first is computed
        await stopped(worker)
        return done

    first, second = simulate(main())
    assert first == pytest.approx(0.005 + FIXED + PER_ROW)
    assert second == pytest.approx(0.0051 + 0.005 + FIXED + PER_ROW), "its window began on arrival, not at 7.1 ms"


def test_a_full_queue_refuses_and_forgets_nobody():
    async def main():
        batcher = Batcher(costed, 4, 0.0, waiting=5)
        asked = [asyncio.create_task(batcher.ask(row)) for row in range(8)]
        await asyncio.sleep(0)
        worker = asyncio.create_task(batcher.run())
        told = await asyncio.gather(*asked, return_exceptions=True)
        await stopped(worker)
        return told

    told = simulate(main())
    assert told[:5] == [0, 1, 4, 9, 16]
    assert all(isinstance(answer, Overloaded) for answer in told[5:])


@given(good=st.integers(0, 31))
@settings(max_examples=10, deadline=None)
def test_isolating_one_bad_row_takes_the_calls_that_the_page_says(good):
    rows = [row if row != good else -1 for row in range(32)]

    async def main():
        batcher = Batcher(breaks.strict, 32, 0.0)
        await batcher.call([1])  # as a server does before it is ready
        asked = [asyncio.create_task(batcher.ask(row)) for row in rows]
        await asyncio.sleep(0)
        worker = asyncio.create_task(batcher.run())
        await asyncio.gather(*asked, return_exceptions=True)
        await stopped(worker)
        return len(batcher.batches) - 1

    assert simulate(main()) == breaks.extra_calls(32) == 12


def test_a_model_that_is_down_costs_two_calls_a_batch_and_is_used_again_when_it_is_back():
    down = False

    async def model(rows):
        await asyncio.sleep(0.002)
        if down:
            raise RuntimeError("device lost")
        return [row * row for row in rows]

    async def main():
        nonlocal down
        batcher = Batcher(model, 64, 0.0)
        worker = asyncio.create_task(batcher.run())
        assert await batcher.ask(3) == 9
        before, down = len(batcher.batches), True
        told = await asyncio.gather(*map(batcher.ask, range(3 * 64)), return_exceptions=True)
        calls, down = batcher.batches[before:], False
        back = await asyncio.gather(*map(batcher.ask, range(100)))
        await stopped(worker)
        return told, calls, back

    told, calls, back = simulate(main())
    assert len(told) == 192 and all(isinstance(one, RuntimeError) for one in told)
    assert calls == [64, 1] * 3, "halving each batch to the end would be 127 calls"
    assert back == [row * row for row in range(100)]


def test_callers_who_gave_up_hold_no_place_in_the_queue_and_none_in_a_batch():
    sizes = []

    async def model(rows):
        sizes.append(len(rows))
        await asyncio.sleep(10)
        return [row * row for row in rows]

    async def main():
        batcher = Batcher(model, 4, 0.0, waiting=5)
        worker = asyncio.create_task(batcher.run())
        first = asyncio.create_task(batcher.ask(1))
        await asyncio.sleep(0.1)
        for _ in range(3):  # fifteen in all come, wait for a tenth of a second, and leave
            impatient = (asyncio.wait_for(batcher.ask(2), 0.1) for _ in range(5))
            left = await asyncio.gather(*impatient, return_exceptions=True)
            assert all(isinstance(one, TimeoutError) for one in left)
        patient = [asyncio.create_task(batcher.ask(row)) for row in range(3, 9)]
        told = await asyncio.gather(first, *patient, return_exceptions=True)
        await stopped(worker)
        return told

    *told, refused = simulate(main())
    assert told == [1, 9, 16, 25, 36, 49] and isinstance(refused, Overloaded), "five live ones may wait"
    assert sizes == [1, 4, 1], "batches are full of rows that somebody waits for"


# ---- waiting, against theory


def test_one_at_a_time_waits_as_the_md1_queue_does():
    """Pollaczek and Khinchine: mean wait = rho * t / (2 (1 - rho)) for a fixed service time."""
    times, _, busy = simulate(served(300, 1, 0.0, requests=20_000))
    service = FIXED + PER_ROW
    rho = 300 * service
    assert busy == pytest.approx(rho, rel=0.02)
    assert sum(times) / len(times) == pytest.approx(service + rho * service / (2 * (1 - rho)), rel=0.05)


@pytest.mark.parametrize(("rate", "size"), [(1000, 64), (2500, 8), (4000, 64)])
def test_rows_per_call_without_a_window_solve_the_markov_chain(rate, size):
    """Rows left behind by a batch form a Markov chain; SciPy's Poisson and NumPy solve it."""
    states = 150
    steps = np.zeros((states, states))
    for left in range(states):
        batch = min(max(left, 1), size)  # nobody there: wait for one
        arrivals = stats.poisson.pmf(np.arange(states), rate * (FIXED + PER_ROW * batch))
        rest = max(left, 1) - batch
        steps[left, rest:] = arrivals[: states - rest]
        steps[left, -1] += 1 - steps[left].sum()
    values, vectors = np.linalg.eig(steps.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    stationary /= stationary.sum()
    expected = float(stationary @ np.clip(np.arange(states), 1, size))
    times, batches, _ = simulate(served(rate, size, 0.0, requests=12_000))
    assert len(times) / len(batches) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(("rate", "window"), [(200, 0.0), (1000, 0.005), (4000, 0.02)])
def test_the_calculator_replays_the_batcher_request_by_request(rate, window):
    times, batches, _ = simulate(served(rate, 64, window, requests=1500))
    replayed, calls, _ = model_serving_calculator.play(rate, 64, window * 1e3, FIXED * 1e3, PER_ROW * 1e3, 1500)
    assert calls == len(batches)
    np.testing.assert_allclose(replayed, 1e3 * np.sort(times), rtol=1e-6)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=60), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_percentiles_are_numpys(values, share):
    assert percentile(values, share) == np.percentile(values, share * 100, method="inverted_cdf")


def test_a_closed_loop_sees_one_slow_request_where_users_see_a_hundred():
    closed, opened = (simulate(run(1000)) for run in (tail.closed, tail.opened))
    assert sum(t > 0.1 for t in closed) == 1 and percentile(closed, 0.99) < 0.003
    assert sum(t > 0.1 for t in opened) > 80 and percentile(opened, 0.99) > 0.8
    assert tail.fan_out(0.01, 100) == pytest.approx(stats.binom.sf(0, 100, 0.01))


# ---- the API


@settings(max_examples=40)
@given(gaps=st.lists(st.floats(0, 3), min_size=1, max_size=80), rate=st.floats(0.2, 5), burst=st.integers(1, 6))
def test_no_interval_lets_more_pass_than_burst_and_rate_allow(gaps, rate, burst):
    bucket, now, passed = model_serving_bucket.Bucket(rate, burst), 0.0, []
    for gap in gaps:
        now += gap
        if wait := bucket.take(now):
            assert 0 < wait <= 1 / rate + 1e-9
        else:
            passed.append(now)
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + rate * (passed[last] - begin) + 1e-6


def test_statuses_say_what_is_wrong_and_nothing_about_the_inside():
    app = api.create_app(api.mean, OWNERS)
    good = [2.0] * 64
    with TestClient(app) as client:
        ask = lambda features, headers: client.post(  # noqa: E731
            "/score", json={"features": features}, headers=headers
        )
        assert ask(good, {"X-API-Key": "Secret"}).status_code == 401
        assert ask([], {}).status_code == 401, "a stranger learns nothing about the schema"
        torn = client.post("/score", content="{", headers={"Content-Type": "application/json"})
        assert torn.status_code == 422, "the body is parsed before anybody asks for the key"
        assert ask(good, KEY).json() == {"score": 2.0, "version": "v1"}
        failed = ask([13.0, *good[1:]], KEY)
        assert failed.status_code == 500 and "unlucky" not in failed.text
        nan = client.post("/score", content='{"features": [NaN' + ", 1" * 63 + "]}", headers=KEY)
        assert nan.status_code == 422
        assert client.get("/ready").status_code == 200


def test_a_server_that_is_told_to_stop_answers_what_it_accepted():
    """A real uvicorn on a real socket, twenty requests inside the model when the order comes."""
    inside = threading.Semaphore(0)

    async def slow(rows):
        for row in rows:
            if row[0]:
                inside.release()
        await asyncio.sleep(0.3)
        return [row[0] for row in rows]

    app = api.create_app(slow, OWNERS, patience=30)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=30))
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/score"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    async def main():
        async with httpx2.AsyncClient(headers=KEY, timeout=30, trust_env=False) as client:
            asked = [
                asyncio.create_task(client.post(url, json={"features": [float(row)] * 64})) for row in range(1, 21)
            ]
            await asyncio.to_thread(inside.acquire)  # a batch is inside; the others are queued
            while len(server.server_state.tasks) < 20:
                await asyncio.sleep(0.01)
            server.should_exit = True
            return await asyncio.gather(*asked)

    replies = asyncio.run(main())
    thread.join(30)
    assert [reply.json()["score"] for reply in replies] == list(range(1, 21))
    assert not thread.is_alive()


# ---- canary


@given(
    st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)
@settings(deadline=None, max_examples=40)
def test_the_gate_is_fishers_exact_test(canary, stable):
    table = [[canary[0], canary[1] - canary[0]], [stable[0], stable[1] - stable[0]]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert model_serving_canary.by_chance(*canary, *stable) == pytest.approx(expected, abs=1e-8)


def test_users_are_spread_evenly_stay_where_they_are_and_are_drawn_anew():
    users = [f"user-{n}" for n in range(4000)]
    places = [model_serving_canary.place(user, "v2") for user in users]
    again = [model_serving_canary.place(user, "v3") for user in users]
    assert stats.kstest(places, "uniform").pvalue > 0.01
    assert abs(stats.pearsonr(places, again).statistic) < 0.05
    for small, large in ((0.01, 0.05), (0.05, 0.5)):
        first = {u for u in users if model_serving_canary.route(u, "v2", small) == "canary"}
        assert first <= {u for u in users if model_serving_canary.route(u, "v2", large) == "canary"}


def test_the_average_hides_what_the_percentile_by_version_shows():
    requests = list(model_serving_canary.traffic(model_serving_canary.Release("v2", 0.05), 20_000))
    by = {v: [s for _, version, s in requests if version == v] for v in ("canary", "stable")}
    mean = {version: sum(times) / len(times) for version, times in by.items()}
    assert mean["canary"] < mean["stable"], "the dashboard says that the release is an improvement"
    everything = percentile([s for *_, s in requests], 0.99)
    assert everything == pytest.approx(percentile(by["stable"], 0.99), rel=0.02)
    assert percentile(by["canary"], 0.99) > 5 * everything


def test_the_rollback_is_automatic_and_a_good_release_survives():
    bad = model_serving_canary.Release("v2", limit=0.05)
    for n, (_, version, seconds) in enumerate(model_serving_canary.traffic(bad, 8000), 1):
        bad.observe(version, seconds)
        if n % 1000 == 0 and bad.share:
            bad.look()
    assert bad.share == 0.0 and bad.count["canary"][1] < 400
    good = model_serving_canary.Release("v2", limit=0.05)
    for n, (_, version, seconds) in enumerate(model_serving_canary.traffic(good, 8000), 1):
        good.observe(version, min(seconds, 0.04))
        if n % 1000 == 0:
            good.look()
    assert good.share == 0.05


def test_looking_often_at_a_loose_threshold_condemns_good_releases():
    assert model_serving_canary.false_alarms(0.05) > 0.1
    assert model_serving_canary.false_alarms(0.05 / 20) < 0.05


def test_false_alarms_are_those_of_scipys_hypergeometric_law():
    draw = np.random.default_rng(1)
    slow, rest = (draw.binomial(n, 0.02, (2000, 20)).cumsum(axis=1) for n in (50, 950))
    seen = 50 * np.arange(1, 21)
    p = stats.hypergeom.sf(slow - 1, 20 * seen, slow + rest, seen)
    for alpha in (0.05, 0.05 / 20):
        assert model_serving_canary.false_alarms(alpha, runs=2000) == (p < alpha).any(axis=1).mean() > 0


def test_a_gate_has_no_more_looks_than_its_threshold_was_divided_by():
    release = model_serving_canary.Release("v2", limit=0.05, looks=3)
    release.observe("canary", 0.01), release.observe("stable", 0.01)
    assert [release.look() for _ in range(3)] == pytest.approx([1.0] * 3)
    with pytest.raises(RuntimeError, match="no look left"):
        release.look()


# ---- failures


def test_one_bad_row_in_a_hundred_fails_a_quarter_of_the_good_ones_or_shifts_their_answers():
    told = {
        name: simulate(breaks.outcomes(kind(model, 32, 0.0), 0.01, 3200))
        for name, (kind, model) in breaks.CASES.items()
    }
    raised, dropped = told["naive, model raises"], told["naive, rows dropped"]
    assert raised["error"] > 0.25 * raised["good rows"] and raised["wrong"] == 0
    assert dropped["wrong"] > 0.1 * dropped["good rows"], "answers of neighbors, and no error at all"
    assert dropped["error"] == 0 and dropped["never"] > 0
    for name in ("this page, raises", "this page, dropped"):
        assert told[name]["right"] == told[name]["good rows"]
    assert breaks.poisoned(0.01, 32) == pytest.approx(stats.binom.sf(0, 31, 0.01))


# ---- calculator


def test_the_calculator_refuses_more_than_full_batches_carry():
    assert model_serving_calculator.dynamic_batching()["most with full batches"] == "7,619 req/s"
    with pytest.raises(ValueError, match="more than the 7,619 of full batches"):
        model_serving_calculator.dynamic_batching(rate=8000.0)
    lone = model_serving_calculator.dynamic_batching(rate=0.1, window=0.0)
    assert lone["99th percentile of the latency (p99)"] == "2.1 ms" and lone["rows per call"] == "1.0"
    assert math.isclose(1000 * FIXED / (1 - 1000 * PER_ROW), 2.2222, rel_tol=1e-4)


@pytest.mark.parametrize("module", [model_serving, model_serving_calculator])
def test_what_the_browser_runs_needs_the_standard_library_alone(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert names <= sys.stdlib_module_names
