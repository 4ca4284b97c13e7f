"""Training a GPT: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated

from snippets.distributed.mfu.flops import six_n
from snippets.transformers.training_a_gpt.budget import dollars, hours


def run(
    params: Annotated[float, "billion", (0.0001, 10_000.0)] = 1.5,
    tokens: Annotated[float, "billion", (0.0001, 100_000.0)] = 30.0,
    gpus: Annotated[int, "", (1, 1_000_000)] = 8,
    share: Annotated[float, "%", (1.0, 100.0)] = 40.0,
    price: Annotated[float, "$", (0.01, 100.0)] = 3.0,
    *,
    peak: Annotated[float, "TFLOP/s", (0.1, 100_000.0)] = 989.0,
) -> dict[str, object]:
    """How long does a run take, and what does it cost?

    Args:
        params: Parameters, $N$. Those that a token meets.
        tokens: Training tokens, $D$.
        gpus: GPUs of the run, $n$.
        share: Utilization, $u$. Your assumption: measure it in a short run.
        price: Price of a GPU for an hour.
        peak: Peak of one GPU, $F$. Dense, in the precision of the run.
    """
    flops = six_n(params * 1e9, tokens * 1e9)

    def took(u: float) -> float:
        return hours(flops, gpus, peak * 1e12, u / 100)

    shares = [10.0 + 5 * i for i in range(13)]
    return {
        "cost of the run": f"${dollars(gpus, took(share), price):,.0f}",
        "time": f"{took(share):,.1f} hours" if took(share) < 72 else f"{took(share) / 24:,.1f} days",
        "training FLOPs": f"{flops:.3g}",
        "tokens per second": f"{tokens * 1e9 / took(share) / 3600:,.0f}",
        "at half of this utilization": f"${dollars(gpus, took(share / 2), price):,.0f}",
        "lines": {
            "x": "utilization, %", "y": "hours", "log": "y",
            "series": {"time of the run": [(u, took(u)) for u in shares]},
            "points": {"yours": (share, took(share))},
        },
    }  # fmt: skip
