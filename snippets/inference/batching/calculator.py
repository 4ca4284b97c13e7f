"""Batching: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated


def load_latency(
    rate: Annotated[float, "req/s", (0.01, 10_000.0)] = 12.0,
    prompt: Annotated[int, "tokens", (1, 1_000_000)] = 705,
    output: Annotated[int, "tokens", (2, 1_000_000)] = 176,
    slots: Annotated[int, "", (1, 4096)] = 256,
    *,
    weights: Annotated[float, "GB", (0.1, 10_000.0)] = 16.06,
    layers: Annotated[int, "", (1, 256)] = 32,
    width: Annotated[int, "", (64, 65_536)] = 4096,
    per_token: Annotated[float, "KiB", (0.1, 10_000.0)] = 128.0,
    bandwidth: Annotated[float, "TB/s", (0.01, 10_000.0)] = 3.35,
    flops: Annotated[float, "TFLOPS", (0.1, 1_000_000.0)] = 494.5,
    spread: Annotated[float, "", (0.0, 10.0)] = 0.9,
) -> dict[str, object]:
    """How fast do tokens come at this load, and when does the server give up?

    Args:
        rate: Arrivals, $\\lambda$. At random.
        prompt: Mean prompt, $S_\\text{in}$. Lengths are taken as equal, which flatters long
            prompts that are not.
        output: Mean reply, $S_\\text{out}$.
        slots: Sequences that run at once.
        weights: Memory of the weights. 2 bytes for each parameter.
        layers: Decoder layers, $L$.
        width: Width of all query heads together, $H d$.
        per_token: Cache of one token, $m_\\text{kv}$.
        bandwidth: Memory bandwidth, $W$. Of all accelerators together.
        flops: Arithmetic, $F$. As achieved, not as advertised.
        spread: Spread of the service times. Variance over the squared mean: 0 fixed, 1
            exponential. Only for one at a time.
    """
    a, b = weights * 1e9 / (bandwidth * 1e12), weights * 1e9 / (flops * 1e12)
    c, d = per_token * 1024 / (bandwidth * 1e12), 4 * layers * width / (flops * 1e12)
    steps = output - 1
    cached = steps * prompt + steps * (steps - 1) / 2
    work = b * (prompt + steps) + c * cached + d * (prompt**2 / 2 + cached + steps / 2)
    most, alone = slots / (a * output + slots * work), a * output + work

    def token(at: float) -> float:
        return a / (1 - at * work) * 1e3

    def wait(at: float) -> float:
        load = at * alone
        return load / (1 - load) * (1 + spread) / 2 * alone * 1e3

    grid = [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.86, 0.9, 0.93, 0.96, 0.98]
    return {
        "time per token": f"{token(rate):,.1f} ms" if rate < most else "overloaded",
        "load": f"{rate * work:.0%}",
        "sequences at once": f"{rate * output * token(rate) / 1e3 if rate < most else slots:,.1f}",
        "most with these slots": f"{most:,.1f} req/s",
        "most with any number of slots": f"{1 / work:,.1f} req/s",
        "most one at a time": f"{1 / alone:,.2f} req/s",
        "mean wait one at a time": f"{wait(rate):,.0f} ms" if rate * alone < 1 else "grows forever",
        "lines": {
            "x": "requests a second", "y": "ms", "log": "xy",
            "series": {
                "time per token, continuous": [(x * most, token(x * most)) for x in grid],
                "mean wait, one at a time": [(x / alone, wait(x / alone)) for x in grid],
            },
            "points": {"yours": (rate, token(rate))} if rate < most else {},
        },
    }  # fmt: skip
