"""Queues against SciPy, adapters against merged weights, HTTP against Python's own client, and a worker killed under load."""

import ast
import asyncio
import contextlib
import http.client
import itertools
import json
import math
import os
import signal
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats
from transformers import LlamaConfig, LlamaForCausalLM

from snippets.inference.kv_cache import prefix
from snippets.inference.serving_systems import calculator as serving_systems_calculator
from snippets.inference.serving_systems import disaggregation as serving_systems_disaggregation
from snippets.inference.serving_systems import failover, lora, protocol
from snippets.inference.serving_systems import gateway as serving_systems_gateway
from snippets.inference.serving_systems import retries as serving_systems_retries
from snippets.inference.serving_systems import retry_budget as serving_systems_budget
from snippets.inference.serving_systems import router as serving_systems_router
from snippets.inference.serving_systems import router_trace as serving_systems_router_trace
from snippets.inference.serving_systems import sizing as serving_systems
from snippets.inference.serving_systems import waiting as serving_systems_queue
from snippets.inference.serving_systems import worker as serving_systems_worker


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Steps of a tiny model take longer to distribute than to compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# Tensor parallelism


def test_a_step_of_one_chip_is_the_one_on_the_page_about_the_cache():
    from snippets.inference.kv_cache import timing

    theirs = timing.decode_step_seconds(141e9, 7, 8192, 327_680, 2 * 3.35e12)
    assert serving_systems.decode_step(141e9, 7 * 8192 * 327_680, 2, 3.35e12) == theirs


@given(chips=st.sampled_from([2, 4, 8, 64]), message=st.floats(1, 1e9))
def test_an_all_reduce_is_a_reduce_scatter_and_an_all_gather(chips, message):
    """Each moves all but one of `chips` parts through a device's link, one after the other."""
    part = message / chips
    rounds = sum(part / 450e9 for _ in range(2 * (chips - 1)))
    assert serving_systems.all_reduce(message, chips, 3e-6, 450e9) == pytest.approx(3e-6 + rounds)


def test_the_node_table_trades_users_and_latency_against_prefill():
    alone = [sum(serving_systems.tensor_parallel(1, chips, 8192)) for chips in (2, 4, 8)]
    taxes = [serving_systems.prefill_tax(chips) for chips in (2, 4, 8)]
    assert alone == sorted(alone, reverse=True) and taxes == sorted(taxes)
    assert alone[0] / alone[2] == pytest.approx(3.5, abs=0.05)  # less than 4, because of all-reduces
    # bytes on the link: 2 · 7/8 · 160 reductions · 8192 · 2 B; FLOPs: 2 · N / 8
    assert taxes[2] == pytest.approx((1.75 * 160 * 16384 / 450e9) / (2 * 70_553_706_496 / 8 / 989e12))


def test_the_three_topologies_of_the_book_hold_equally_many_caches():
    """Halving precision and chips leaves the ratio of spare memory to one cache alone: 43, not 43, 52 and 67."""
    assert serving_systems.facts()["fit_all"] == "43"
    assert [int((16 * c - 140 * b / 2) / (0.162 * 8.192 * b)) for c, b in ((16, 2), (8, 1), (4, 0.5))] == [43] * 3


# Disaggregation and sizing


def test_the_counts_and_rates_of_deepseek_imply_the_nodes_that_it_published():
    day = 86_400
    nodes = sum(serving_systems_disaggregation.pools(608e9 / day, 168e9 / day, 73.7e3, 14.8e3))
    assert nodes == pytest.approx(226.75, rel=1e-3)


def test_prefill_takes_what_the_page_about_the_cache_says():
    from snippets.inference.kv_cache import timing

    ours = serving_systems_disaggregation.prefill_seconds(8192, 2)
    assert ours == pytest.approx(timing.recompute_seconds(8192, 70_553_706_496, 2 * 989e12, 0.5))


# Queues


@settings(deadline=None, max_examples=40)
@given(load=st.floats(0.1, 12), servers=st.integers(1, 6), room=st.integers(0, 12))
def test_occupancy_is_the_null_vector_of_the_generator(load, servers, room):
    size = servers + room + 1
    q = np.zeros((size, size))
    for n in range(size - 1):
        q[n, n + 1] = load
        q[n + 1, n] = min(n + 1, servers)
    q -= np.diag(q.sum(1))
    p = linalg.null_space(q.T, rcond=1e-12)[:, 0]
    np.testing.assert_allclose(serving_systems_queue.occupancy(load, servers, room), p / p.sum(), rtol=1e-6, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(load=st.floats(0.5, 12), servers=st.integers(1, 6), room=st.integers(1, 20))
def test_the_wait_of_the_accepted_is_a_mixture_of_gamma_distributions(load, servers, room):
    t = serving_systems_queue.wait_quantile(load, servers, room)
    p = np.array(serving_systems_queue.occupancy(load, servers, room))
    late = stats.gamma.sf(t, np.arange(1, room + 1), scale=1 / servers) @ p[servers:-1] / (1 - p[-1])
    assert late == pytest.approx(0.05, abs=1e-6) or (t < 1e-6 and late <= 0.05)


@settings(deadline=None, max_examples=40)
@given(load=st.floats(0.5, 12), servers=st.integers(1, 6), room=st.integers(1, 20))
def test_the_mean_wait_is_that_of_the_same_mixture(load, servers, room):
    p = np.array(serving_systems_queue.occupancy(load, servers, room))
    means = stats.gamma.mean(np.arange(1, room + 1), scale=1 / servers)
    expected = means @ p[servers:-1] / (1 - p[-1])
    assert serving_systems_queue.mean_wait(load, servers, room) == pytest.approx(expected)


@pytest.mark.parametrize(("slack", "room", "late"), [(0.5, 4, 0.163), (2.0, 16, 0.205)])
def test_a_room_as_large_as_the_mean_allows_is_too_large_for_a_p95(slack, room, late):
    def share(room):  # of the accepted that wait longer than `slack`, by SciPy
        p = np.array(serving_systems_queue.occupancy(9.6, 8, room))
        return stats.gamma.sf(slack, np.arange(1, room + 1), scale=1 / 8) @ p[8:-1] / (1 - p[-1])

    assert stats.gamma.mean(room, scale=1 / 8) == pytest.approx(slack), "the last in line, on average"
    assert share(room) == pytest.approx(late, abs=0.001)
    enough = serving_systems_queue.room_within(9.6, 8, slack)
    assert share(enough) <= 0.05 < share(enough + 1)


def test_a_long_queue_refuses_hardly_fewer_and_makes_everybody_wait():
    short, long = ((serving_systems_queue.wait_quantile(9.6, 8, n), serving_systems_queue.shed_share(9.6, 8, n)) for n in (4, 256))  # fmt: skip
    assert long[0] > 40 * short[0]
    assert short[1] - long[1] < 0.06 and long[1] > 1 - 1 / 1.2 - 0.001


def test_a_large_fleet_is_computed_too():
    """Weights beyond any float: Erlang's recursion without a room, SciPy's Poisson tails with one."""
    loss = 1.0
    for servers in range(1, 1501):
        loss = 3000 * loss / (servers + 3000 * loss)
    assert serving_systems_queue.shed_share(3000, 1500, 0) == pytest.approx(loss, rel=1e-9)
    wait = serving_systems_queue.wait_quantile(1500, 1500, 1500)
    p = np.array(serving_systems_queue.occupancy(1500, 1500, 1500))
    late = p[1500:-1] @ stats.poisson.cdf(np.arange(1500), 1500 * wait) / (1 - p[-1])
    assert late == pytest.approx(0.05, rel=1e-3)
    shown = serving_systems_calculator.replicas(rate=8000.0)
    assert all(math.isfinite(share) for _, share in shown["lines"]["series"]["shed"])


def test_the_autoscaler_agrees_with_the_example_of_kubernetes():
    assert serving_systems_queue.desired_replicas(50, 90, 75) == 60
    assert serving_systems_queue.desired_replicas(50, 80, 75) == 50, "within the tolerance of 10%"
    assert serving_systems_queue.reserve(2, 58) == 116


def test_the_calculator_sizes_for_the_slo_and_refuses_the_impossible():
    result = serving_systems_calculator.replicas()
    assert result["workers"] == "4 prefill + 4 decode"
    assert result["of that, prefill and transfer"] == "143 ms, 26 ms"
    more = serving_systems_calculator.replicas(rate=200.0)
    assert more["workers"] == "30 prefill + 40 decode", "tenfold load needs less than tenfold servers"
    with pytest.raises(ValueError, match=r"take 169 ms of 100 ms"):
        serving_systems_calculator.replicas(slo=100.0)


@pytest.mark.parametrize("module", [
    serving_systems, serving_systems_disaggregation, serving_systems_queue, serving_systems_router, serving_systems_router_trace,
    serving_systems_retries, serving_systems_budget, serving_systems_calculator,
])  # fmt: skip
def test_what_the_browser_may_run_needs_the_standard_library_alone(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert names - {"snippets"} <= sys.stdlib_module_names


# Routing

SHORT = [list(bits) for n in range(1, 7) for bits in itertools.product((0, 1), repeat=n)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(SHORT), min_size=1, max_size=12))
def test_a_worker_hits_the_longest_prefix_that_it_served(prompts):
    worker = serving_systems_router.Worker(blocks=1000, rate=1.0)
    for number, prompt in enumerate(prompts):
        hashes = prefix.block_hashes(prompt, 1)
        common = [sum(1 for _ in itertools.takewhile(lambda ab: ab[0] == ab[1], zip(prompt, other, strict=False))) for other in prompts[:number]]  # fmt: skip
        _, hit = worker.serve(serving_systems_router_trace.Arrival(0.0, hashes))
        assert hit == max(common, default=0)


def test_an_overfull_cache_drops_tails_before_heads():
    worker = serving_systems_router.Worker(blocks=3, rate=1.0)
    hashes = prefix.block_hashes(list(range(5)), 1)
    worker.serve(serving_systems_router_trace.Arrival(0.0, hashes))
    assert worker.hit(hashes) == 3


def served_by(arrivals, policy):
    pool = [serving_systems_router.Worker(10_000, 125.0) for _ in range(4)]
    turns = []
    for arrival in arrivals:
        one = policy(pool, arrival)
        one.serve(arrival)
        turns.append(next(n for n, other in enumerate(pool) if other is one))
    return [turns.count(n) for n in range(4)]


def test_knowing_the_caches_helps_and_following_them_blindly_hurts():
    router = serving_systems_router
    calm, hot = (serving_systems_router_trace.trace(60, 60.0), serving_systems_router_trace.trace(60, 60.0, hot=0.9))
    blind, aware = router.simulate(calm, router.round_robin()), router.simulate(calm, router.cache_aware)
    assert aware[0] > blind[0] + 0.15 and aware[2] < blind[2] / 4
    stuck, spread = router.simulate(hot, router.affinity), router.simulate(hot, router.cache_aware)
    lost = router.simulate(hot, router.round_robin())
    assert stuck[2] > 10 * spread[2] and stuck[2] > lost[2] > spread[2]
    assert abs(stuck[0] - spread[0]) < 0.01 and stuck[0] > lost[0] + 0.1, "the prefix is found; it is the queue"
    endless = [router.simulate(hot, policy, blocks=100_000) for policy in (router.affinity, router.cache_aware)]
    assert endless == [stuck, spread], "with caches that hold anything it is the same"
    assert served_by(hot, router.affinity)[2:] == [0, 0], "two never hear of the popular prefix"
    copies = served_by(hot, router.cache_aware)
    assert min(copies[:2]) > 300 and copies[2:] == [0, 0], "one copy more suffices"


# Adapters


def test_one_batch_of_many_adapters_equals_merged_weights():
    random = torch.Generator().manual_seed(1)
    x, weight, a, b = (
        torch.randn(*shape, generator=random, dtype=torch.float64) for shape in ((6, 8), (8, 5), (3, 8, 2), (3, 2, 5))
    )
    who = torch.tensor([0, 2, 1, 1, 0, 2])
    merged = torch.stack([
        torch.nn.functional.linear(row, (weight + a[n] @ b[n]).T) for row, n in zip(x, who, strict=True)
    ])  # fmt: skip
    torch.testing.assert_close(lora.multi_lora(x, weight, a, b, who), merged)


def test_an_adapter_is_as_large_as_the_matrices_of_transformers_say():
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=32, hidden_size=8192, intermediate_size=28_672, num_hidden_layers=80,
            num_attention_heads=64, num_key_value_heads=8, head_dim=128,
        ))  # fmt: skip
    linear = [m for name, m in model.named_modules() if isinstance(m, torch.nn.Linear) and "lm_head" not in name]
    assert lora.adapter_bytes(16) == 2 * sum(16 * sum(m.weight.shape) for m in linear)


# Retries


@settings(deadline=None, max_examples=40)
@given(st.integers(60, 100), st.integers(0, 2**100 - 1), st.floats(0.01, 0.5))
def test_a_budget_never_grants_more_than_its_share_and_its_reserve(count, bits, share):
    # one draw instead of a hundred; ten retries first, so that the reserve is gone and no share is capped
    events = [True] * 10 + [bool(bits >> i & 1) for i in range(count)]
    budget = serving_systems_budget.RetryBudget(share)
    granted = sum(budget.withdraw() if retry else budget.deposit() or 0 for retry in events)
    assert granted <= 10 + share * events.count(False)


def test_retries_without_a_budget_outlive_the_outage_that_caused_them():
    runs = {name: storm.run() for name, storm in serving_systems_retries.clients().items()}
    recovered = {name: serving_systems_retries.recovery(history) for name, history in runs.items()}
    storm = runs["3 attempts"]
    assert max(s.sent for s in storm) == 210 and storm[-1].sent == 210, "three times the demand, for ever"
    assert storm[-1].good == 0 and storm[-1].wasted == 100, "busy, and useless"
    assert recovered == {
        "no retries": 5, "3 attempts": None, "3 attempts, budget 10%": 7, "3 attempts, room for 50": 1
    }  # fmt: skip
    bounded = runs["3 attempts, room for 50"]
    assert max(s.sent for s in bounded) == 210 and bounded[13].shed > 100, "who is refused tries again"
    assert bounded[-1].good == 70 and bounded[-1].wasted == bounded[-1].shed == 0


# The gateway


@pytest.fixture(scope="module")
def outcome():
    return failover.demonstrate(phase_s=1.0)


def test_a_worker_was_killed_with_requests_in_flight(outcome):
    assert outcome.in_flight >= 2
    assert outcome.moved >= outcome.in_flight
    assert outcome.recovered_at > outcome.killed_at + failover.LOAD_S / 2


def test_every_accepted_request_is_answered_exactly_once(outcome):
    """The reference is the model alone, without gateway, worker or cache of a worker."""
    model = serving_systems_worker.Decoder()
    accepted = [one for one in outcome.requests if one.status == 200]
    assert len(accepted) > 20 and all(one.ended for one in accepted)
    for one in accepted:
        assert one.tokens == list(model.generate(one.prompt, failover.TOKENS))


def test_every_other_request_is_shed_with_a_hint(outcome):
    shed = [one for one in outcome.requests if one.status != 200]
    assert all(one.status == 429 and int(one.retry_after) >= 1 and not one.tokens for one in shed)
    assert len(shed) == outcome.shed


def test_all_three_phases_were_measured(outcome):
    """How long they are depends on the machine; that there is something to report does not."""
    bounds = [0, outcome.killed_at, outcome.recovered_at, math.inf]
    for low, high in itertools.pairwise(bounds):
        times = [r.first_ms for r in outcome.requests if r.status == 200 and low <= r.sent < high]
        cuts = [failover.percentile(times, share) for share in (0.5, 0.95, 0.99)]
        assert len(times) > 5 and cuts == sorted(cuts)
        assert cuts[0] == np.percentile(times, 50, method="inverted_cdf")


def ask(port, tokens):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/generate", json.dumps({"prompt": [1, 2, 3], "tokens": tokens}))
    reply = connection.getresponse()
    try:
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def fill_up(registry, gateway):
    """One request runs, one waits, one is too many."""
    server, checks = await serving_systems_gateway.start(gateway, registry)
    port = server.sockets[0].getsockname()[1]
    try:
        await until(lambda: any(worker.healthy for worker in gateway.workers.values()))
        running = asyncio.create_task(asyncio.to_thread(ask, port, 5))
        await until(lambda: gateway.workers[0].running)
        waiting = asyncio.create_task(asyncio.to_thread(ask, port, 3))
        await until(lambda: gateway.waiting)
        refused = await asyncio.to_thread(ask, port, 5)
        return refused, await running, await waiting
    finally:
        checks.cancel()
        server.close()


def test_pythons_own_client_reads_answers_and_refusals():
    with serving_systems_worker.fleet(1, 0.1, 0.0) as registry:
        gateway = serving_systems_gateway.Gateway(slots=1, room=1)
        refused, *answers = asyncio.run(fill_up(registry, gateway))
    assert (refused[0], refused[1]["Retry-After"], refused[2]) == (429, "1", b"")
    for (status, _, body), count in zip(answers, (5, 3), strict=True):
        tokens = [json.loads(line)["token"] for line in body.splitlines()]
        assert status == 200
        assert tokens == list(serving_systems_worker.Decoder().generate([1, 2, 3], count))


async def hang(registry, gateway):
    """One of two workers stops in the middle of an answer, without closing anything; then it wakes."""
    server, checks = await serving_systems_gateway.start(gateway, registry)
    port = server.sockets[0].getsockname()[1]
    try:
        await until(lambda: sum(worker.healthy for worker in gateway.workers.values()) == 2)
        victim = next(iter(gateway.workers.values()))
        answers = [asyncio.create_task(asyncio.to_thread(ask, port, 40)) for _ in range(2)]
        await until(lambda: all(worker.running for worker in gateway.workers.values()))
        await asyncio.sleep(0.1)  # a few tokens
        os.kill(victim.pid, signal.SIGSTOP)
        answers.append(asyncio.create_task(asyncio.to_thread(ask, port, 5)))  # for the first one, again
        await until(lambda: victim.running == 2)
        try:
            told = await asyncio.gather(*answers, return_exceptions=True)
            await until(lambda: victim.misses >= 3 and not victim.healthy)
        finally:
            os.kill(victim.pid, signal.SIGCONT)
        await until(lambda: victim.healthy)
        return told
    finally:
        checks.cancel()
        server.close()


def test_a_worker_that_hangs_loses_its_requests_to_another_which_answers_them_once():
    """One request was in the middle, one had not even a head: both are moved, no token is repeated."""
    with serving_systems_worker.fleet(2, 0.02, 0.0) as registry:
        gateway = serving_systems_gateway.Gateway(gap_s=0.4)
        told = asyncio.run(hang(registry, gateway))
    assert gateway.moved >= 2
    for (status, _, body), count in zip(told, (40, 40, 5), strict=True):
        tokens = [json.loads(line)["token"] for line in body.splitlines()]
        assert status == 200
        assert tokens == list(serving_systems_worker.Decoder().generate([1, 2, 3], count))


def test_workers_that_hang_do_not_delay_the_probes_of_others():
    """Twelve sockets that accept and say nothing: one after the other, their probes would take six seconds."""
    with contextlib.ExitStack() as stack:
        mute = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(12)]
        gateway = serving_systems_gateway.Gateway(
            workers={
                n: serving_systems_gateway.Worker(0, one.getsockname()[1], healthy=True) for n, one in enumerate(mute)
            }
        )

        async def first_round():
            checks = asyncio.create_task(gateway.check())
            began = time.monotonic()
            await until(lambda: all(worker.misses for worker in gateway.workers.values()))
            checks.cancel()
            return time.monotonic() - began

        assert asyncio.run(first_round()) < 4


@contextlib.contextmanager
def vanished_host():
    """A port whose backlog is full: the kernel drops what comes, as if nobody were there to refuse it."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.2)
        yield serving_systems_gateway.Worker(0, listener.getsockname()[1], healthy=True)


def test_a_host_that_vanished_is_taken_out_and_holds_up_no_other_probe():
    """Beside it a worker that is well: probed every tenth of a second, whatever the other one does."""

    async def well(reader, writer):
        await protocol.read_request(reader)
        asked.append(lost.misses)
        writer.write(protocol.head(200))
        writer.close()

    async def watch(lost):
        server = await asyncio.start_server(well, "127.0.0.1", 0)
        fresh = serving_systems_gateway.Worker(0, server.sockets[0].getsockname()[1])
        gateway = serving_systems_gateway.Gateway(workers={0: lost, 1: fresh})
        checks = asyncio.create_task(gateway.check(every_s=0.02))
        await until(lambda: not lost.healthy)
        checks.cancel()
        server.close()
        return fresh

    asked = []
    with vanished_host() as lost:
        fresh = asyncio.run(watch(lost))
    assert lost.misses == 3 and fresh.healthy
    assert asked.count(0) > 1, "more than one answer while the first probe of the other was under way"


def test_a_request_to_a_host_that_vanished_is_moved():
    async def answer(registry, lost):
        gateway = serving_systems_gateway.Gateway(gap_s=0.4, workers={7: lost})
        server, checks = await serving_systems_gateway.start(gateway, registry)
        tokens = asyncio.create_task(collect(gateway.answer([1, 2, 3], 5)))
        try:
            async with asyncio.timeout(20):
                return gateway, await tokens
        finally:
            checks.cancel()
            server.close()

    async def collect(tokens):
        return [token async for token in tokens]

    with serving_systems_worker.fleet(1, 0.02, 0.0) as registry, vanished_host() as lost:
        gateway, told = asyncio.run(answer(registry, lost))
    assert gateway.moved == 1 and not lost.healthy
    assert told == list(serving_systems_worker.Decoder().generate([1, 2, 3], 5))


async def cut_off(registry, gateway):
    """The only worker dies in the middle of an answer, and no retry is allowed."""
    server, checks = await serving_systems_gateway.start(gateway, registry)
    port = server.sockets[0].getsockname()[1]
    try:
        await until(lambda: any(worker.healthy for worker in gateway.workers.values()))
        answer = asyncio.create_task(asyncio.to_thread(ask, port, 40))
        await until(lambda: gateway.workers[0].running)
        await asyncio.sleep(0.1)
        os.kill(gateway.workers[0].pid, signal.SIGKILL)
        return await answer
    finally:
        checks.cancel()
        server.close()


def test_without_a_budget_a_client_sees_that_its_answer_was_cut():
    empty = serving_systems_budget.RetryBudget(share=0.0, saved=0.0)
    with serving_systems_worker.fleet(1, 0.02, 5.0) as registry, pytest.raises(http.client.IncompleteRead):
        asyncio.run(cut_off(registry, serving_systems_gateway.Gateway(budget=empty)))


def test_a_stream_that_ends_without_its_last_chunk_is_an_error():
    async def read(data):
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return [line async for line in protocol.chunks(reader, True)]

    whole = protocol.line({"token": 1}) + protocol.line({"token": 2})
    assert asyncio.run(read(whole + protocol.END)) == [{"token": 1}, {"token": 2}]
    for cut in range(len(whole)):
        with pytest.raises(asyncio.IncompleteReadError):
            asyncio.run(read(whole[:cut]))


@settings(deadline=None, max_examples=10)
@given(prompt=st.lists(st.integers(0, 255), min_size=1, max_size=12), cut=st.integers(1, 9))
def test_an_answer_continued_elsewhere_is_the_same_answer(prompt, cut):
    model = serving_systems_worker.Decoder()
    whole = list(model.generate(prompt, 10))
    assert whole[:cut] + list(model.generate(prompt + whole[:cut], 10 - cut)) == whole
    assert len(set(whole)) > 1
