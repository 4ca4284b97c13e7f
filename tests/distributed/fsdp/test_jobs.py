"""The two traces of the exercise: gathers and bytes by what becomes a unit."""

import pytest

from snippets.distributed.fsdp import jobs
from snippets.distributed.fsdp.wire import network


def test_one_unit_gathers_once_and_sends_two_thirds():
    traces = jobs.results()
    whole = sum(p.nbytes for p in network().parameters())
    assert traces["B"][:2] == ("g 0 1 2 3", "3 2 1 0 r")
    forward, backward, sent = traces["A"]
    assert (forward.count("g"), backward.count("g"), backward.count("r")) == (5, 4, 5)
    assert sent == pytest.approx(3 * 3 / 4 * whole, rel=0.05)
    assert traces["B"][2] == pytest.approx(2 * 3 / 4 * whole, rel=0.05)
