"""The serving planner of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from snippets.inference.overview.load import Load, sequences_that_fit, token_seconds
from snippets.inference.overview.planner import Choice, dollars_per_million, plan
from snippets.inference.overview.setup import Setup
from snippets.inference.overview.sizes import SERVED
from snippets.shapes.accelerators import ACCELERATORS

MOST = 64


def frontier(s: Setup, load: Load, batch: int = 0) -> list[tuple[float, float]]:
    """Milliseconds per token and tokens/s of one accelerator, for batches of 1, 2, 4 …, `batch`, the largest."""
    fits = sequences_that_fit(s, load.prompt + load.output)
    batches = {2**i for i in range(fits.bit_length())} | {batch, fits}
    points = []
    for n in sorted(b for b in batches if 0 < b <= fits):
        seconds = token_seconds(s, load, n)
        points.append((seconds * 1e3, n / seconds / s.chips))
    return points


def serving_planner(
    model: Literal[
        "Llama 3 8B",
        "Llama 3 70B",
        "Llama 3.1 405B",
        "Qwen3 32B",
        "Qwen3 235B-A22B",
        "Mixtral 8x7B",
        "DeepSeek-V3",
        "gpt-oss-120b",
    ] = "Llama 3 70B",
    accelerator: Literal[
        "A100", "H100", "H200", "B200", "MI300X", "TPU v5e", "TPU v5p"
    ] = "H100",
    prompt: Annotated[int, "tokens", (1, 1_000_000)] = 2048,
    output: Annotated[int, "tokens", (1, 1_000_000)] = 256,
    ttft: Annotated[float, "ms", (1.0, 600_000.0)] = 450.0,
    tpot: Annotated[float, "ms", (0.1, 10_000.0)] = 40.0,
    *,
    weights: Literal["bf16", "8-bit", "4-bit", "4-bit experts"] = "8-bit",
    cache: Literal["bf16", "8-bit"] = "8-bit",
    arithmetic: Literal["bf16", "8-bit"] = "8-bit",
    context: Annotated[int, "tokens", (2, 4_000_000)] = 8192,
    price: Annotated[float, "$ per accelerator hour", (0.0, 1000.0)] = 2.0,
    compute_share: Annotated[float, "% of the peak", (1.0, 100.0)] = 50.0,
    bandwidth_share: Annotated[float, "% of the peak", (1.0, 100.0)] = 70.0,
    memory_share: Annotated[float, "%", (1.0, 100.0)] = 90.0,
) -> dict[str, object]:
    """How many accelerators does one copy of the model need, and what does a token cost?

    Args:
        model: Model to serve. Its published shape.
        accelerator: Kind of accelerator. By its datasheet.
        prompt: Mean prompt, $S_\\text{in}$.
        output: Mean reply, $S_\\text{out}$.
        ttft: Time to first token, at most. Without a queue.
        tpot: Time per reply token, at most. In the mean.
        weights: Precision of the weights. "4-bit experts", of a mixture of experts, leaves the
            rest in bf16.
        cache: Precision of keys and values.
        arithmetic: Precision of matrix products. 8-bit needs both factors, so weights too, in 8
            bits.
        context: Longest sequence admitted.
        price: Rent of an accelerator.
        compute_share: Speed of matrix products.
        bandwidth_share: Speed of memory in decode.
        memory_share: Memory for weights and cache. The rest is left for activations.
    """
    chip = ACCELERATORS[accelerator]
    if arithmetic == "8-bit" and not chip.eight_bit_tflops:
        raise ValueError(f"no 8-bit rate is published for {accelerator}.")
    if arithmetic == "8-bit" and weights != "8-bit":
        raise ValueError(
            f"{weights} weights are multiplied in bf16: set arithmetic to bf16."
        )
    if weights == "4-bit experts" and not SERVED[model].experts:
        raise ValueError(f"{model} has no experts.")
    tpu = accelerator.startswith("TPU")
    s = Setup(
        SERVED[model], chip, 1, weights, cache, arithmetic == "8-bit",
        compute_share / 100, bandwidth_share / 100, memory_share / 100,
        node=MOST if tpu else 8, split_users=tpu,
    )  # fmt: skip
    load = Load(prompt, output, ttft / 1e3, tpot / 1e3, max(context, prompt + output))
    choices = plan(s, load, MOST)
    works = [c for c in choices if c.batch]
    if not works:
        last = choices[-1].limit
        raise ValueError(f"no group up to {MOST} meets this; the largest fails by {last}.")
    first, cheapest = works[0], min(works, key=lambda c: dollars_per_million(c, price))
    smaller = [c.limit for c in choices if c.chips * 2 == first.chips]

    def row(c: Choice) -> list[object]:
        if not c.batch:
            return [c.chips, "–", "–", "–", c.limit]
        cost = f"{dollars_per_million(c, price):,.2f}"
        return [c.chips, c.batch, f"{c.tokens_s:,.0f}", cost, c.limit]

    series = {
        f"n = {n}": frontier(
            replace(s, chips=n), load, first.batch if n == first.chips else 0
        )
        for n in sorted({first.chips, cheapest.chips, first.chips * 2})
        if n <= MOST
    }
    return {
        f"smallest number of {accelerator}": f"{first.chips}",
        "largest batch": f"{first.batch:,}",
        "what limits it": first.limit,
        "half as many fail by": smaller[0] if smaller else "–",
        "time to first token": f"{first.ttft * 1e3:,.0f} ms",
        "time per reply token": f"{first.tpot * 1e3:,.1f} ms",
        "reply tokens per second": f"{first.tokens_s:,.0f}",
        "a million reply tokens": f"${dollars_per_million(first, price):,.2f}",
        "cheapest number": f"{cheapest.chips}, at ${dollars_per_million(cheapest, price):,.2f}",
        "table": [["number", "batch", "tokens/s", "$/M output", "limit"], *map(row, choices)],
        "lines": {
            "x": "ms per token", "y": "tokens/s of one accelerator", "log": "xy",
            "series": series,
            "points": {"smallest": (first.tpot * 1e3, first.tokens_s / first.chips)},
        },
    }  # fmt: skip
