"""Milliseconds and dollars of a funnel. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from snippets.shapes.accelerators import ACCELERATORS


# --8<-- [start:stage]
@dataclass(frozen=True)
class Stage:
    """One stage of a request: what it scores, what a score costs, and what it waits for."""

    scored: float  # titles
    flops: float  # for each of them
    fetched: float  # bytes of features for each of them
    fixed_s: float = 0.0  # a call to another machine, whatever it carries

    def chip_seconds(self, rate: float) -> float:
        """Time that an accelerator is busy, at `rate` FLOP/s reached."""
        return self.scored * self.flops / rate

    def seconds(self, rate: float, network: float) -> float:
        """Time until the stage answers: the call, the features, the arithmetic."""
        return self.fixed_s + self.scored * self.fetched / network + self.chip_seconds(rate)


# --8<-- [end:stage]


# --8<-- [start:costs]
def per_thousand(chip_seconds: float, dollars_per_hour: float, busy: float) -> float:
    """Dollars of a thousand requests, on accelerators that are busy a share of the time."""
    return 1000 * chip_seconds / busy * dollars_per_hour / 3600


def chips_needed(chip_seconds: float, per_second: float, busy: float) -> float:
    """Accelerators for a load of requests per second."""
    return chip_seconds * per_second / busy


def stage_pays(light: Stage, heavy_flops: float, kept: float) -> float:
    """FLOPs that a light stage saves a request; below 0 it costs more than it saves."""
    return (light.scored - kept) * heavy_flops - light.scored * light.flops


# --8<-- [end:costs]


def funnel_planner(
    candidates: Annotated[int, "titles", (1, 1_000_000)] = 2000,
    kept: Annotated[int, "titles", (1, 1_000_000)] = 200,
    light: Annotated[float, "MFLOP a title", (0.001, 100_000.0)] = 1.0,
    heavy: Annotated[float, "MFLOP a title", (0.001, 1_000_000.0)] = 500.0,
    load: Annotated[int, "requests/s", (1, 10_000_000)] = 10_000,
    accelerator: Literal["A100", "H100", "H200", "B200", "MI300X"] = "H100",
    *,
    reached: Annotated[float, "% of the peak", (0.1, 100.0)] = 10.0,
    busy: Annotated[float, "% of the time", (1.0, 100.0)] = 60.0,
    price: Annotated[float, "$ per accelerator hour", (0.0, 1000.0)] = 2.0,
    catalog: Annotated[int, "titles", (1, 10_000_000_000)] = 10_000_000,
    probed: Annotated[float, "% of the catalog", (0.001, 100.0)] = 1.0,
    width: Annotated[int, "numbers", (1, 8192)] = 128,
    light_bytes: Annotated[float, "kB a title", (0.0, 1000.0)] = 0.2,
    heavy_bytes: Annotated[float, "kB a title", (0.0, 1000.0)] = 10.0,
    network: Annotated[float, "GB/s", (0.01, 1000.0)] = 1.0,
    call: Annotated[float, "ms a stage", (0.0, 1000.0)] = 2.0,
) -> dict[str, object]:
    """What does a request cost in milliseconds and dollars, and does the light stage pay?

    Args:
        candidates: Candidates from retrieval. The light ranker scores them.
        kept: Titles for the heavy ranker.
        light: Light ranker. FLOPs of one score.
        heavy: Heavy ranker. FLOPs of one score.
        load: Requests per second.
        accelerator: Kind of accelerator. Dense bf16 rate by its datasheet.
        reached: Arithmetic rate reached. The MFU of serving.
        busy: Accelerators busy. The rest is room for peaks.
        price: Rent of an accelerator.
        catalog: Titles in the catalog.
        probed: Catalog scored by retrieval. An index visits a part.
        width: Numbers of a retrieval vector.
        light_bytes: Features for the light ranker.
        heavy_bytes: Features for the heavy ranker.
        network: Rate of fetching features. For one request.
        call: A call to each stage.
    """
    if kept > candidates:
        wrong = ValueError("it cannot keep more titles than retrieval finds.")
        wrong.field = "kept"  # type: ignore[attr-defined]
        raise wrong
    rate = ACCELERATORS[accelerator].bf16_tflops * 1e12 * reached / 100
    fixed = call / 1e3
    find = Stage(catalog * probed / 100, 2 * width, 0.0, fixed)
    first = Stage(candidates, light * 1e6, light_bytes * 1e3, fixed)
    second = Stage(kept, heavy * 1e6, heavy_bytes * 1e3, fixed)
    merged = Stage(candidates, heavy * 1e6, heavy_bytes * 1e3, fixed)
    share, wire = busy / 100, network * 1e9

    def layout(*stages: Stage) -> tuple[float, float]:
        """Milliseconds and dollars of a thousand requests."""
        work = sum(stage.chip_seconds(rate) for stage in stages)
        time = sum(stage.seconds(rate, wire) for stage in stages)
        return 1e3 * time, per_thousand(work, price, share)

    ms, dollars = layout(find, first, second)
    merged_ms, merged_dollars = layout(find, merged)
    total = sum(stage.chip_seconds(rate) for stage in (find, first, second))
    named = {"retrieve": find, "light": first, "heavy": second}
    saves = stage_pays(first, heavy * 1e6, kept)
    return {
        "a thousand requests": f"${dollars:,.4f}",
        "milliseconds": f"{ms:,.1f}",
        "accelerators": f"{chips_needed(total, load, share):,.1f}",
        "without the light stage": f"{merged_ms:,.1f} ms, ${merged_dollars:,.4f}",
        "the light stage saves": f"{saves / 1e9:,.1f} GFLOP a request",
        "table": [
            ["stage", "scored", "GFLOP", "ms", "of it fetching"],
            *[
                [
                    name,
                    f"{s.scored:,.0f}",
                    f"{s.scored * s.flops / 1e9:,.2f}",
                    f"{1e3 * s.seconds(rate, wire):,.1f}",
                    f"{1e3 * s.scored * s.fetched / wire:,.1f}",
                ]
                for name, s in named.items()
            ],
        ],
        "bars": {
            "unit": "ms",
            "values": {name: 1e3 * s.seconds(rate, wire) for name, s in named.items()},
        },
    }


def facts() -> dict[str, str]:
    """What the page says of the service that the planner starts with."""
    result, equal = funnel_planner(), funnel_planner(light=250.0, kept=1000)
    return {
        "plan_ms": f"{result['milliseconds']} ms",
        "plan_chips": f"{result['accelerators']}",
        "plan_merged": f"{result['without the light stage']}",
        "plan_equal": f"{equal['the light stage saves']}",
    }
