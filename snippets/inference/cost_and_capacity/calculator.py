"""Cost per million tokens: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

import math
from typing import Annotated, Literal


def token_cost(
    price: Annotated[float, "$ per accelerator hour", (0.0, 1000.0)] = 2.0,
    prefill: Annotated[float, "tokens/s", (1.0, 1e9)] = 73_700.0,
    decode: Annotated[float, "tokens/s", (1.0, 1e9)] = 14_800.0,
    prompt: Annotated[int, "tokens", (0, 10_000_000)] = 3619,
    answer: Annotated[int, "tokens", (1, 10_000_000)] = 1000,
    peak: Annotated[float, "requests/s", (0.001, 1e7)] = 2500.0,
    *,
    accelerators: Annotated[int, "", (1, 10_000)] = 8,
    hits: Annotated[float, "%", (0.0, 100.0)] = 0.0,
    peak_to_mean: Annotated[float, "×", (1.0, 100.0)] = 1.23,
    load: Annotated[float, "%", (1.0, 100.0)] = 75.0,
    spare: Annotated[int, "copies", (0, 10_000)] = 2,
    follows: Literal["no", "yes"] = "no",
) -> dict[str, object]:
    """What does a million tokens cost, with the copies that the peak needs?

    Args:
        price: Rent of an accelerator.
        prefill: Prompt speed of a copy. If it does nothing else.
        decode: Reply speed of a copy. If it does nothing else.
        prompt: Mean prompt, $S_\\text{in}$.
        answer: Mean reply, $S_\\text{out}$.
        peak: Arrivals at the peak, $\\lambda$. In the busiest minutes.
        accelerators: Accelerators of one copy.
        hits: Prompt tokens found in a cache. 0 if the prompt speed counts hits.
        peak_to_mean: Peak over the mean of the day.
        load: Utilization at the peak. The highest that still meets the objective.
        spare: Spares. Kept for failures.
        follows: Number of copies follows the load. They are given back when it falls.
    """
    reading = prompt * (1 - hits / 100) / prefill
    writing = answer / decode
    busy = peak * (reading + writing)  # copies, without any slack
    at_peak = math.ceil(busy / (load / 100)) + spare
    mean = at_peak / peak_to_mean if follows == "yes" else float(at_peak)
    hour = mean * accelerators * price
    requests = peak / peak_to_mean * 3600
    per_request = hour / requests
    floor = (reading + writing) * accelerators * price / 3600
    tokens = prompt + answer
    used = busy / peak_to_mean / mean
    full = floor / tokens * 1e8  # cents per million tokens, if nothing ever idled
    levels = [full, full / (load / 100), 0.0, per_request / tokens * 1e8]
    levels[2] = levels[1] * at_peak / max(at_peak - spare, 1)
    return {
        "a million tokens, prompts and replies": f"${per_request / tokens * 1e6:,.3f}",
        "a million reply tokens, if they carry it all": f"${per_request / answer * 1e6:,.3f}",
        "a thousand requests": f"${per_request * 1e3:,.2f}",
        "copies at the peak": f"{at_peak:,}, {at_peak * accelerators:,} accelerators",
        "a month of 730 hours": f"${hour * 730:,.0f}",
        "mean utilization": f"{used:.0%}",
        "cost at full utilization": f"${floor / tokens * 1e6:,.3f}",
        "time spent on prompts": f"{reading / (reading + writing):.0%}",
        "bars": {"unit": "cents", "values": {
            "work": full, "headroom": levels[1] - full, "spares": levels[2] - levels[1],
            "idle at night": max(0.0, levels[3] - levels[2]),
        }},
        "unused": [*([] if prompt else ["prefill", "hits"]), *(["follows"] if peak_to_mean == 1 else [])],
    }  # fmt: skip
