"""What a user feels: time to the first token, time per token, gaps; and what counts as served."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


# --8<-- [start:clocks]
class Clocks(NamedTuple):
    """One request, seen from the client, in seconds."""

    ttft: float  # time to first token: queue and prefill
    tpot: float  # time per output token after the first: a mean
    worst_gap: float  # longest inter-token latency (ITL): the stall a reader notices


def clocks(arrival: float, tokens: Sequence[float]) -> Clocks:
    """Clocks of a request that arrived at `arrival` and got its tokens at `tokens`.

    Source: the metrics of vLLM's serving benchmark.
    """
    gaps = [after - before for before, after in pairwise(tokens)]
    mean = (tokens[-1] - tokens[0]) / len(gaps) if gaps else 0.0
    return Clocks(tokens[0] - arrival, mean, max(gaps, default=0.0))


def goodput(served: Sequence[Clocks], ttft: float, tpot: float, seconds: float) -> float:
    """Requests per second that met both objectives."""
    return sum(c.ttft <= ttft and c.tpot <= tpot for c in served) / seconds


# --8<-- [end:clocks]


def example_stall() -> None:
    """Three answers of 101 tokens: steady, slow to start, stalled once by someone's prompt."""
    steady = [0.2 + 0.02 * i for i in range(101)]
    queued = [t + 1.8 for t in steady]
    stalled = [t + (0.8 if i >= 50 else 0.0) for i, t in enumerate(steady)]
    print(f"{'':9s}{'TTFT':>8s}{'TPOT':>8s}{'worst ITL':>11s}")
    for name, tokens in (("steady", steady), ("queued", queued), ("stalled", stalled)):
        c = clocks(0.0, tokens)
        print(f"{name:9s}{c.ttft:6.1f} s{c.tpot * 1e3:5.0f} ms{c.worst_gap * 1e3:8.0f} ms")


def facts() -> dict[str, str]:
    """Numbers that the page states about clocks."""
    stalled = clocks(0.0, [0.02 * i + (0.8 if i >= 50 else 0.0) for i in range(101)])
    return {"stall_tpot": f"{stalled.tpot * 1e3:.0f} ms"}


if __name__ == "__main__":
    example_stall()
