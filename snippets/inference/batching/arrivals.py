"""Batching: a trace of arrivals, the one input that a simulator and a real server share."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

CHUNK = 512  # tokens behind one number of `hash_ids`


class Arrival(NamedTuple):
    """One row of a trace: all that the simulator, or a real server, is told."""

    arrival: float  # seconds since the first moment of the trace
    prompt: int  # tokens
    output: int  # tokens, exactly: a real server must be told to ignore the end token


def poisson_trace(
    rate: float,
    requests: int,
    seed: int = 0,
    prompt: int = 512,
    output: int = 128,
    spread: float = 0.8,
    burstiness: float = 1.0,
) -> list[Arrival]:
    """Arrivals at `rate` a second, with log-normal lengths around two medians.

    `burstiness` is the shape of the gamma law of the gaps: 1 is a Poisson process, less is
    burstier. `spread` is the standard deviation of the logarithm of both lengths.
    """
    rng, now, trace = random.Random(seed), 0.0, list[Arrival]()
    for _ in range(requests):
        now += rng.gammavariate(burstiness, 1 / (burstiness * rate))
        p, o = (max(1, round(m * rng.lognormvariate(0, spread))) for m in (prompt, output))
        trace.append(Arrival(now, p, o))
    return trace


def trace_lines(trace: Iterable[tuple[float, int, int]]) -> str:
    """A trace as JSON lines, in order of arrival, as `vllm bench serve` reads it.

    One object a request: `timestamp` (seconds, float), `input_length`, `output_length`
    (tokens) and `hash_ids`, one number for each 512 tokens of prompt. Equal numbers mean
    equal text; here none repeats, so that no request hits another's cached prefix.
    """
    rows, used = [], 0
    for arrival, prompt, output in sorted(trace):
        pieces = -(-prompt // CHUNK)
        row = {"timestamp": arrival, "input_length": prompt, "output_length": output}
        ids = {"hash_ids": list(range(used, used + pieces))}
        rows.append(json.dumps(row | ids) + "\n")
        used += pieces
    return "".join(rows)


def save_trace(path: Path, trace: Iterable[tuple[float, int, int]]) -> None:
    """Write a trace as a JSON lines file."""
    path.write_text(trace_lines(trace), encoding="utf-8")


def load_trace(path: Path) -> list[Arrival]:
    """Read the times and lengths of a file of that form; the same bits come back."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Arrival(r["timestamp"], r["input_length"], r["output_length"]) for r in rows]


def example_lines() -> None:
    """The head of a trace file."""
    print(trace_lines(poisson_trace(rate=8, requests=3)), end="")


if __name__ == "__main__":
    example_lines()
