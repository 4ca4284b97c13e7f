"""Batching: an inference engine simulated step by step, driven by a trace of arrivals."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

NO_LIMIT = 10**9


# --8<-- [start:request]
@dataclass
class Request:
    """A request in the engine; it has no phases, only tokens left to compute."""

    arrival: float
    prompt: int
    output: int
    computed: int = 0  # tokens whose keys and values are in the cache
    start: float = math.inf  # when its first step began
    tokens: list[float] = field(default_factory=list)  # when each output token came
    finish: float = math.inf  # when it left the engine

    @property
    def todo(self) -> int:
        """Known tokens not yet computed: first the prompt, then the newest output token."""
        done = len(self.tokens) == self.output
        return 0 if done else self.prompt + len(self.tokens) - self.computed


@dataclass(frozen=True)
class Policy:
    """Who may join a step, and with how many tokens."""

    slots: int = 64  # sequences at once
    budget: int = NO_LIMIT  # tokens of one step
    chunk: int = NO_LIMIT  # tokens of one prompt in one step
    hold: bool = False  # join only an empty engine, leave together
    wait: float = 0.0  # with `hold`: start when full, or when the first has waited so long


# --8<-- [end:request]


# --8<-- [start:select]
def select(
    policy: Policy, waiting: deque[Request], running: list[Request], may_start: bool
) -> list[tuple[Request, int]]:
    """The work of one step: who runs, in order of admission, then who waits."""
    batch: list[tuple[Request, int]] = []
    left, admit = policy.budget, may_start or not policy.hold
    for request in running:
        if tokens := min(request.todo, policy.chunk, left):
            batch.append((request, tokens))
            left -= tokens
    while admit and waiting and len(running) < policy.slots and left:
        request = waiting.popleft()
        running.append(request)
        tokens = min(request.todo, policy.chunk, left)
        batch.append((request, tokens))
        left -= tokens
    return batch


# --8<-- [end:select]


class Step(NamedTuple):
    """One step of the engine, for the log."""

    start: float
    end: float
    sequences: int
    tokens: int


Cost = Callable[[Sequence[tuple[int, int]]], float]  # [(cached, new tokens), …] -> seconds


# --8<-- [start:simulate]
def simulate(
    trace: Sequence[tuple[float, int, int]], policy: Policy, seconds: Cost
) -> tuple[list[Request], list[Step]]:
    """Run a trace to its end; time jumps from step to step, and over idle gaps."""
    requests = [Request(*row) for row in sorted(trace)]
    coming, waiting, running = deque(requests), deque[Request](), list[Request]()
    now: float = 0
    steps = list[Step]()
    while coming or waiting or running:
        while coming and coming[0].arrival <= now:
            waiting.append(coming.popleft())
        timer = waiting[0].arrival + policy.wait if waiting else math.inf
        full = len(waiting) >= policy.slots or not coming or now >= timer
        batch = select(policy, waiting, running, may_start=full and not running)
        if not batch:
            now = min(timer, coming[0].arrival)
            continue
        start, now = now, now + seconds([(r.computed, n) for r, n in batch])
        steps.append(Step(start, now, len(running), sum(n for _, n in batch)))
        for request, tokens in batch:
            request.start = min(request.start, start)
            request.computed += tokens
            if request.todo == 0:
                request.tokens.append(now)
        leaving = [r for r in running if len(r.tokens) == r.output]
        if not policy.hold or len(leaving) == len(running):
            for request in leaving:
                request.finish = now
            running = [r for r in running if r.finish > now]
    return requests, steps


# --8<-- [end:simulate]
