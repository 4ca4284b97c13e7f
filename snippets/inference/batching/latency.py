"""Batching: what users feel, computed from the times at which their tokens came."""

from __future__ import annotations

from collections.abc import Sequence

from snippets.inference.batching.simulator import Request


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def first_token(requests: Sequence[Request]) -> list[float]:
    """TTFT: from arrival to the first token."""
    return [r.tokens[0] - r.arrival for r in requests]


def per_token(requests: Sequence[Request]) -> list[float]:
    """TPOT: one mean a request, over the tokens after its first."""
    return [(r.tokens[-1] - r.tokens[0]) / (r.output - 1) for r in requests if r.output > 1]


def gaps(requests: Sequence[Request]) -> list[float]:
    """Inter-token latency: every gap of every request."""
    return [b - a for r in requests for a, b in zip(r.tokens, r.tokens[1:], strict=False)]
