"""Lists against PyTorch's schedules, times against published formulas, gradients against one process."""

import re
from datetime import timedelta
from itertools import pairwise

import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributed.pipelining import schedules

from snippets.distributed.pipeline_parallel import breaks, calculator, cost, engine
from snippets.distributed.pipeline_parallel import run as real
from snippets.distributed.pipeline_parallel import schedules as pipeline

RANKS, ROUNDS = st.integers(2, 6), st.integers(1, 4)


def pytorchs(schedule, rank, ranks, micros, chunks):
    """The list that PyTorch makes for a rank, without the processes that its constructor wants."""
    self = object.__new__(schedule)
    self.pp_group_size, self.n_local_stages, self._n_microbatches = ranks, chunks, micros
    self.number_of_rounds = max(1, micros // ranks)
    self.microbatches_per_round = micros // self.number_of_rounds
    actions = self._calculate_single_rank_operations(rank)
    return [(a.computation_type.value, a.microbatch_index, a.stage_index) for a in actions if a]


@given(ranks=RANKS, rounds=ROUNDS, chunks=st.integers(2, 4))
def test_interleaved_lists_are_pytorchs(ranks, rounds, chunks):
    for rank in range(ranks):
        ours = pipeline.one_f_one_b(rank, ranks, rounds * ranks, chunks)
        theirs = pytorchs(schedules.ScheduleInterleaved1F1B, rank, ranks, rounds * ranks, chunks)
        assert [tuple(action) for action in ours] == theirs


@given(ranks=RANKS, rounds=ROUNDS)
def test_split_lists_are_pytorchs(ranks, rounds):
    for rank in range(ranks):
        ours = pipeline.one_f_one_b(rank, ranks, rounds * ranks, split=True)
        theirs = pytorchs(schedules.ScheduleInterleavedZeroBubble, rank, ranks, rounds * ranks, 1)
        assert [tuple(action) for action in ours] == theirs


@settings(deadline=None)
@given(ranks=RANKS, rounds=ROUNDS, chunks=st.integers(2, 3), backward=st.sampled_from([1.0, 2.0, 3.0]))
def test_played_bubbles_are_the_published_formulas(ranks, rounds, chunks, backward):
    micros = ranks * rounds
    for name, v, formula in (
        ("GPipe", 1, cost.bubble(ranks, micros)),
        ("1F1B", 1, cost.bubble(ranks, micros)),
        ("interleaved", chunks, cost.bubble(ranks, micros, chunks)),
    ):
        spans = pipeline.play(cost.orders(name, ranks, micros, chunks), {"F": 1.0 / v, "B": backward / v})
        assert cost.idle_share(spans) == pytest.approx(formula)


@given(ranks=RANKS, rounds=st.integers(2, 4))
def test_the_split_bubble_is_the_published_formula(ranks, rounds):
    spans = pipeline.play(cost.orders("zero bubble", ranks, ranks * rounds), cost.SECONDS)
    assert cost.idle_share(spans) == pytest.approx(cost.split_bubble(ranks, ranks * rounds, 1, 2, 1))


@given(ranks=RANKS, rounds=st.integers(1, 4), name=st.sampled_from(["GPipe", "1F1B", "interleaved", "zero bubble"]))
def test_a_played_schedule_respects_what_everything_needs(ranks, rounds, name):
    """Nothing starts before its input is there, and no rank does two things at once."""
    spans = pipeline.play(cost.orders(name, ranks, ranks * rounds), cost.SECONDS)
    end = {span.action: span.end for lane in spans for span in lane}
    for lane in spans:
        assert all(a.end <= b.start for a, b in pairwise(lane))
        for start, _, (kind, micro, stage) in lane:
            if kind == "F" and stage:
                assert start >= end["F", micro, stage - 1]
            if kind in "BI":
                assert start >= end["F", micro, stage]
            if kind == "W":
                assert start >= end["I", micro, stage]


@pytest.mark.parametrize(
    ("name", "first", "last"), [("GPipe", 12, 12), ("1F1B", 4, 1), ("interleaved", 5.5, 2.5), ("zero bubble", 4, 4)]
)
def test_activations_held(name, first, last):
    """1F1B: p on the first rank and one on the last; the split one gives that up (Qi et al. 2024)."""
    chunks = 2 if name == "interleaved" else 1
    lists = cost.orders(name, 4, 12)
    assert (cost.most_held(lists[0], chunks), cost.most_held(lists[-1], chunks)) == (first, last)


def test_processes_compute_what_one_process_computes():
    """Our list and PyTorch's runtime, four ranks each; the reference last, since autograd must not be forked."""
    parts = {}
    for work in (real.ours, engine.engine):
        folder = real.launch(work)
        parts[work] = [torch.load(folder / f"{rank}.pt") for rank in range(real.RANKS)]
    loss, whole = real.single()
    for saved in parts.values():
        assert saved[-1][0] == pytest.approx(loss, rel=1e-5)
        torch.testing.assert_close(torch.cat([grads for _, grads in saved]), whole)


def test_a_slow_stage_is_a_bubble_that_micro_batches_do_not_cure():
    """The symptom: the loss against an even split stays, where the ordinary bubble would vanish."""
    even = dict.fromkeys(range(4), 8.5 / 8)
    loss = [breaks.step_with({3: 10 / 8}, micros=m) / breaks.step_with(even, micros=m) - 1 for m in (32, 512)]
    assert loss[0] == pytest.approx(0.16, abs=0.01)
    assert loss[1] == pytest.approx(10 / 8.5 - 1, abs=0.01)


def test_ranks_that_wait_for_each_other_are_named():
    orders = [breaks.from_the_end(rank, 2, 4) for rank in range(2)]
    with pytest.raises(RuntimeError, match=r"every rank waits: rank 0 for B0 of stage 1; rank 1 for F1 of stage 0$"):
        pipeline.play(orders, cost.SECONDS)


@pytest.mark.parametrize("kind", ["B", "I"])
def test_a_backward_pass_needs_its_own_forward_pass(kind):
    order = [pipeline.Action(kind, 0, 0), pipeline.Action("F", 0, 0)]
    later = [pipeline.Action("F", 0, 1), pipeline.Action(kind, 0, 1)]
    with pytest.raises(RuntimeError, match=r"rank 0 for F0 of stage 0; rank 1 for F0 of stage 0$"):
        pipeline.play([order, later], cost.SECONDS)


def waiting(rank, folder):
    """The lists on ranks: the right ones, then those that count from the wrong end."""
    found = []

    def receive(like, source):
        buffer = torch.empty_like(like)
        found.append(source)
        dist.irecv(buffer, source).wait(timedelta(seconds=2))
        found.pop()
        return buffer

    real.receive = receive
    for order in (pipeline.one_f_one_b, breaks.from_the_end):
        dist.barrier()
        try:
            real.run(order(rank, real.RANKS, real.MICROS), real.stages()[rank], rank)
            found.append("done")
        except RuntimeError:
            pass  # nothing came
    torch.save(found, folder / f"{rank}.pt")


def test_what_the_clock_calls_a_deadlock_hangs_on_ranks():
    """Each waits for another one; which ones, the clock has said."""
    folder = real.launch(waiting)
    found = [torch.load(folder / f"{rank}.pt") for rank in range(real.RANKS)]
    orders = [breaks.from_the_end(rank, real.RANKS, real.MICROS) for rank in range(real.RANKS)]
    with pytest.raises(RuntimeError) as error:
        pipeline.play(orders, cost.SECONDS)
    stages = re.findall(r"of stage (\d)", str(error.value))
    assert found == [["done", int(stage)] for stage in stages]


def test_the_calculator_draws_what_was_played():
    shown = calculator.pipeline()
    assert shown["idle time (bubble)"] == "37.5% of the working time"
    assert shown["timeline"]["lanes"]["rank 3"][0] == (30.0, 40.0, "F0")
    with pytest.raises(ValueError, match="multiple of 4 micro-batches, not 9"):
        calculator.pipeline(schedule="interleaved", micro_batches=9)
