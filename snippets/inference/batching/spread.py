"""Batching: what the spread of the lengths adds to the mean work of a request."""

from __future__ import annotations

import math

from snippets.inference.batching.engine import H100_LLAMA3_8B, Engine


def spread_work(engine: Engine, prompt: int, output: int, spread: float) -> float:
    """Mean work when both lengths are log-normal around these means: squares add a variance.

    Args:
        engine: The constants of its steps.
        prompt: Mean tokens of a prompt.
        output: Mean tokens of an answer.
        spread: Standard deviation of the logarithm of each.
    """
    grown = math.exp(spread**2) - 1  # variance over squared mean
    more = engine.pair * prompt**2 + (engine.cached + engine.pair) * output**2
    return engine.work(prompt, output) + more * grown / 2


def facts() -> dict[str, str]:
    """Load and time per token of documents at 0.8 a second, of one length and spread."""
    e = H100_LLAMA3_8B
    even, spread = (0.8 * spread_work(e, 16_000, 400, s) for s in (0.0, 0.8))
    return {
        "load_even": f"{even:.0%}",
        "load_spread": f"{spread:.0%}",
        "token_even": f"{e.weights / (1 - even) * 1e3:.1f} ms",
        "token_spread": f"{e.weights / (1 - spread) * 1e3:.1f} ms",
    }
