"""Case studies: what closes the gap between the planner and Llama 3 and DeepSeek-V3."""

from __future__ import annotations

from dataclasses import replace

from snippets.distributed.overview.published_runs import RUNS, Run
from snippets.distributed.overview.step_time import Assumptions, idle, mfu, step
from snippets.shapes.accelerators import MACHINES
from snippets.shapes.models import MODELS


def share_of(run: Run, a: Assumptions | None = None, **changes: object) -> float:
    """The planner's MFU of a published run, with something changed."""
    m = MODELS[run.model]
    x = replace(run.layout, **changes)  # type: ignore[arg-type]
    machine = MACHINES[run.machine]
    return mfu(m, x, machine, step(m, x, machine, a).seconds, run.causal)


LLAMA = {name[14:]: run for name, run in RUNS.items() if name.startswith("Llama")}
SLOWER = Assumptions(product=0.565)  # fitted to the 400 TFLOP/s on 16K GPUs


def example_llama() -> None:
    """Llama 3 405B: MFU in percent, under one change at a time."""
    print("                          8K GPUs  16K GPUs  128K tokens")
    changes: dict[str, tuple[Assumptions | None, dict[str, object]]] = {
        "planner": (None, {}),
        "4 stages a rank": (None, {"virtual": 4}),
        "1 stage a rank": (None, {"virtual": 1}),
        "products at 56.5%": (SLOWER, {}),
    }
    for name, (a, change) in changes.items():
        row = [100 * share_of(run, a, **change) for run in LLAMA.values()]
        print(f"{name:26s}{row[0]:7.1f}{row[1]:10.1f}{row[2]:13.1f}")
    print(f"{'printed, 430, 400, 380 / 989':26s}{43.5:5.1f}{40.4:10.1f}{38.4:13.1f}")


# zhao2025insights, table 4, seconds of a step of 19.926
V3_PRINTED = {
    "1F": 1.13,
    "bubble": 2.06,
    "1B": 1.99,
    "1W": 0.48,
    "1F1B": 13.95,
    "opt": 0.29,
}
V3, H800 = RUNS["DeepSeek-V3, fp8 rate"], MACHINES["H800"]


def fitted(seconds: float) -> float:
    """Share of the fp8 peak in products with which the planner's step takes so long."""
    low, high = 0.1, 0.9
    for _ in range(50):
        mid = (low + high) / 2
        taken = step(MODELS[V3.model], V3.layout, H800, Assumptions(product=mid))
        low, high = (mid, high) if taken.seconds - taken.bubble > seconds else (low, mid)
    return low


def good_bf16() -> float:
    """Seconds of its step without bubble in bf16, with the share that Llama 3's products had."""
    x = replace(V3.layout, precision="bf16")
    taken = step(MODELS[V3.model], x, H800, SLOWER)
    return taken.seconds - taken.bubble


def example_v3() -> None:
    """DeepSeek-V3: MFU of the bf16 peak, in percent."""
    busy = 19.926 - V3_PRINTED["bubble"]
    rows = {
        "fp8, DualPipe": share_of(V3),
        "fp8, 1F1B: all-to-all in the open": share_of(V3, schedule="1F1B"),
        "bf16, DualPipe": share_of(V3, precision="bf16"),
        f"fp8, products at {100 * fitted(busy):.0f}% of its peak": share_of(
            V3, Assumptions(product=fitted(busy))),
        "the same, with the printed bubble": mfu(
            MODELS[V3.model], V3.layout, H800, busy + V3_PRINTED["bubble"]),
    }  # fmt: skip
    for name, share in rows.items():
        print(f"{name:36s}{100 * share:6.1f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about gaps."""
    busy = 19.926 - V3_PRINTED["bubble"]
    v3 = step(MODELS[V3.model], V3.layout, H800)
    near, far = (LLAMA[name] for name in ("8K GPUs", "16K GPUs"))
    return {
        "v3_bubble_printed": f"{V3_PRINTED['bubble'] / 19.926:.1%}",
        "v3_bubble_planner": f"{idle(V3.layout) / (1 + idle(V3.layout)):.1%}",
        "v3_fitted": f"{fitted(busy):.0%}",
        "v3_of_bf16": f"{fitted(busy) * 1979 / 989:.0%}",
        "v3_busy": f"{busy:.1f} s",
        "v3_good_bf16": f"{good_bf16():.1f} s",
        "v3_faster": f"{good_bf16() / busy - 1:.0%}",
        "v3_open": f"{share_of(V3, schedule='1F1B'):.0%}",
        "v3_dual": f"{share_of(V3):.0%}",
        "v3_sent": f"{v3.traffic['EP'].seconds:.1f} s",
        "llama_next": f"{replace(far.layout, dp=256).micros}",
        "llama_pp": f"{far.layout.pp}",
        "llama_drop_fit": f"{100 * (share_of(near, SLOWER) - share_of(far, SLOWER)):.1f}",
        "llama_drop_1": f"{100 * (share_of(near, virtual=1) - share_of(far, virtual=1)):.1f}",
    }


if __name__ == "__main__":
    example_llama()
    example_v3()
