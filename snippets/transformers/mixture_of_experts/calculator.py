"""Mixture of experts: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

import random
from math import exp
from typing import Annotated

from snippets.transformers.mixture_of_experts.loads import dropped, rank_loads, slowest
from snippets.transformers.mixture_of_experts.sizes import layer_params, touched


def draw(experts: int, choices: float, spread: float, seed: int) -> list[float]:
    """Loads of experts: popularity that differs by `spread`, and the noise of a count."""
    rng = random.Random(seed)
    popularity = [exp(spread * rng.gauss(0, 1)) for _ in range(experts)]
    means = [choices * p / sum(popularity) for p in popularity]
    return [max(0.0, mean + mean**0.5 * rng.gauss(0, 1)) for mean in means]


def mixture(
    hidden: Annotated[int, "", (16, 65_536)] = 4096,
    width: Annotated[int, "", (16, 65_536)] = 1536,
    experts: Annotated[int, "", (2, 4096)] = 128,
    k: Annotated[int, "", (1, 256)] = 8,
    tokens: Annotated[int, "tokens", (1, 10_000_000)] = 4096,
    ranks: Annotated[int, "", (1, 512)] = 8,
    *,
    shared: Annotated[int, "", (0, 64)] = 0,
    spread: Annotated[float, "", (0.0, 3.0)] = 0.3,
    factor: Annotated[float, "", (0.1, 100.0)] = 1.25,
    seed: Annotated[int, "", (0, 1_000_000)] = 0,
) -> dict[str, object]:
    """What does a layer of experts hold, what does a token pay, and how long do ranks wait?

    Args:
        hidden: Width of the model, $h$.
        width: Width of an expert.
        experts: Routed experts, $E$. A multiple of the ranks.
        k: Experts per token, $k$.
        tokens: Tokens of a step on all ranks.
        ranks: Ranks that share the experts, $n$.
        shared: Shared experts. They compute every token.
        spread: Spread of popularity. Standard deviation of its logarithm; 0 for a perfect router.
        factor: Capacity factor, $c$.
        seed: Which draw. Another number draws other favorites.
    """
    if k > experts:
        raise ValueError(f"a token cannot choose {k} of {experts} experts.")
    if experts % ranks:
        raise ValueError(f"{experts} experts do not divide over {ranks} ranks.")
    total, active = layer_params(hidden, width, experts, k, shared)
    loads = draw(experts, tokens * k, spread, seed)
    wait = slowest(loads, ranks)
    by_rank = {
        f"rank {r}": round(load) for r, load in enumerate(rank_loads(loads, min(ranks, 16)))
    }
    result: dict[str, object] = {
        "slowest rank, over the mean": f"{wait:.2f}×",
        "time that the ranks wait": f"{1 - 1 / wait:.0%}",
        "choices beyond the capacity": f"{dropped(loads, factor):.1%}",
        "parameters of the layer": f"{total / 1e6:,.1f} million",
        "parameters of one token": f"{active / 1e6:,.1f} million, {active / total:.1%}",
        "experts that the step reads": f"{touched(experts, k, tokens):,.1f} of {experts}",
    }
    if experts % len(by_rank) == 0:
        result["bars"] = {"unit": "choices", "values": by_rank}
    return result
