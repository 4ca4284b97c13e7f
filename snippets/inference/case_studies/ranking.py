"""Case study Meta: a sequence model that ranks 2,048 candidates, with the history computed once or 2,048 times."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


# --8<-- [start:flops]
@dataclass(frozen=True)
class Ranker:
    """Shapes of the DLRMv3 reference: HSTU layers over a history and its candidates."""

    layers: int = 5
    width: int = 512
    heads: int = 4
    head_dim: int = 128  # of queries and keys, and of values and gates


def per_token(m: Ranker) -> float:
    """FLOPs of the matrices for one position: gate, value, query, key; then three to the output."""
    inner = m.heads * m.head_dim
    return m.layers * (2 * m.width * 4 * inner + 2 * 3 * inner * m.width)


def per_pair(m: Ranker) -> float:
    """FLOPs of one query meeting one key: the score, and its share of the value."""
    return m.layers * 2 * m.heads * 2 * m.head_dim


def history_flops(m: Ranker, history: float) -> float:
    """One causal pass over the user's events."""
    return per_token(m) * history + per_pair(m) * history**2 / 2


def candidate_flops(m: Ranker, history: float) -> float:
    """One more candidate, if the keys and values of the history are at hand."""
    return per_token(m) + per_pair(m) * history


# --8<-- [end:flops]


def request_flops(m: Ranker, history: float, candidates: int, shared: bool) -> float:
    """Scoring all candidates: one pass over the history for all of them, or one for each."""
    passes = 1 if shared else candidates
    return passes * history_flops(m, history) + candidates * candidate_flops(m, history)


def history_for(m: Ranker, flops: float) -> float:
    """Events whose pass costs so many FLOPs: the inverse of `history_flops`."""
    half, linear = per_pair(m) / 2, per_token(m)
    return (sqrt(linear**2 + 4 * half * flops) - linear) / (2 * half)


def table_bytes(rows: float, width: int, bytes_per_value: int) -> float:
    """Memory of an embedding table."""
    return rows * width * bytes_per_value


MODEL, CANDIDATES, PEAK = Ranker(), 2048, 989e12  # one H100, dense bf16
EVENTS = history_for(MODEL, 260e9)


def example_request() -> None:
    """One request of 2,048 candidates, on one GPU at 35% of its peak."""
    print(f"{'history':28s}{'TFLOP':>9s}{'of a candidate':>17s}{'seconds':>9s}")
    for label, shared in (("computed per candidate", False), ("computed once", True)):
        flops = request_flops(MODEL, EVENTS, CANDIDATES, shared)
        each = flops / CANDIDATES / 1e9
        print(
            f"{label:28s}{flops / 1e12:9.2f}{each:11.3f} GFLOP{flops / (0.35 * PEAK):9.4f}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about ranking."""
    once, apart = (request_flops(MODEL, EVENTS, CANDIDATES, s) for s in (True, False))
    return {
        "events": f"{EVENTS:,.0f}",
        "table": f"{table_bytes(1e9, 512, 2) / 1e12:.2f} TB",
        "gather": f"{table_bytes(EVENTS + CANDIDATES, 512, 2) / 1e6:.1f} MB",
        "gpus": f"{-(-table_bytes(1e9, 512, 2) // 80e9):.0f}",
        "marginal": f"{candidate_flops(MODEL, EVENTS) / 1e6:.0f} MFLOP",
        "shared": f"{once / CANDIDATES / 1e6:.0f} MFLOP",
        "saved": f"{apart / once:,.0f}",
        "once_ms": f"{once / (0.35 * PEAK) * 1000:.1f} ms",
        "over_v2": f"{once / CANDIDATES / 40e6:.1f}",
        "fastest": f"{apart / PEAK * 1000:.0f} ms",
    }


if __name__ == "__main__":
    example_request()
