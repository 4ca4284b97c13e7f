"""Requests for a simulated server: equal ones, or drawn ones with exactly the same means."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from snippets.inference.overview.load import Load


@dataclass
class Request:
    """One request; `times` fills with the moments of its tokens."""

    arrival: float
    prompt: int
    output: int
    times: list[float] = field(default_factory=list)


def requests(
    rate: float, load: Load, count: int, spread: float, seed: int = 0
) -> list[Request]:
    """Arrivals at `rate` a second whose means are exactly those of `load`.

    Args:
        rate: Requests per second.
        load: Its prompt and output are the means.
        count: How many.
        spread: Sigma of log-normal lengths, and Poisson arrivals; 0 for equal lengths at
            equal intervals.
        seed: Of what is drawn.
    """
    rng = random.Random(seed)

    def draw(mean: float, one: Callable[[], float]) -> list[float]:
        drawn = [one() if spread else 1.0 for _ in range(count)]
        return [mean * x * count / sum(drawn) for x in drawn]

    gaps = draw(1 / rate, lambda: rng.expovariate(1.0))
    prompts, outputs = (
        draw(mean, lambda: rng.lognormvariate(0, spread))
        for mean in (load.prompt, load.output)
    )
    return [
        Request(now, max(1, round(prompt)), max(1, round(output)))
        for now, prompt, output in zip(accumulate(gaps), prompts, outputs, strict=True)
    ]
