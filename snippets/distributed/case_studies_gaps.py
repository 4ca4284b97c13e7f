"""Case studies: what closes the gap between the planner and Llama 3, DeepSeek-V3 and PaLM."""

from __future__ import annotations

from dataclasses import replace

from snippets.distributed.case_studies_ablation import hidden
from snippets.distributed.overview_flops import executed_flops, head_flops, model_flops
from snippets.distributed.overview_layout import MACHINES
from snippets.distributed.overview_models import MODELS
from snippets.distributed.overview_published import RUNS, Run
from snippets.distributed.overview_time import Assumptions, idle, mfu, step


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


PALM = RUNS["PaLM 540B"]
PALM_SECONDS = PALM.layout.batch * PALM.layout.sequence / 238.3e3


# --8<-- [start:remat]
def again(part: float) -> tuple[float, float]:
    """PaLM's FLOPs per token: of the model, and executed if `part` of the weights' forward runs again.

    The paper recomputes 75% of the forward products with weights and all of the attention's.
    """
    m, x = MODELS[PALM.model], PALM.layout
    work = model_flops(m, x, list(range(m.layers)))
    model = work.weights + work.attention + head_flops(m)
    return model, model + part * (work.weights + head_flops(m)) / 3 + work.attention / 3


# --8<-- [end:remat]


def palm(part: float, between: float | None = None, tp: bool = True) -> float:
    """The planner's MFU of PaLM with less recomputation, its own exchange of pods, TP hidden."""
    m, x, tpu = MODELS[PALM.model], PALM.layout, MACHINES["TPU v4"]
    taken = step(m, x, tpu)
    whole = executed_flops(m, x, list(range(m.layers)))
    share = again(part)[1] / (sum(whole) + head_flops(m))
    taken = replace(taken, products=taken.products * share)
    if between is not None:
        taken = replace(taken, exposed=taken.exposed | {"DP, between": between})
    return mfu(m, x, tpu, (taken if tp else hidden(taken, x, "TP")).seconds)


def example_palm() -> None:
    """PaLM 540B: each row changes one thing more; MFU in percent."""
    lost = PALM_SECONDS * (1 - 1.95 / 2)
    rows = {
        "planner, all layers again": 0.0 + share_of(PALM),
        "75% of the products again": palm(0.75),
        "exchange of pods as printed": palm(0.75, lost),
        "TP hidden": palm(0.75, lost, tp=False),
        "printed": PALM.printed,
    }
    for name, share in rows.items():
        print(f"{name:30s}{100 * share:6.1f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about gaps."""
    model, executed = again(0.75)
    taken = step(MODELS[PALM.model], PALM.layout, MACHINES["TPU v4"])
    busy = 19.926 - V3_PRINTED["bubble"]
    v3 = step(MODELS[V3.model], V3.layout, H800)
    near, far = (LLAMA[name] for name in ("8K GPUs", "16K GPUs"))
    return {
        "palm_hfu": f"{0.462 * executed / model:.1%}",
        "palm_executed": f"{executed / 1e12:.2f}",
        "palm_planner": f"{100 * share_of(PALM):.1f}",
        "palm_less": f"{100 * palm(0.75):.1f}",
        "palm_step": f"{PALM_SECONDS:.1f} s",
        "palm_lost": f"{PALM_SECONDS * (1 - 1.95 / 2):.2f} s",
        "palm_between": f"{taken.exposed['DP, between']:.2f} s",
        "palm_burst": f"{2 * 768 * 1.3e9 * 8 / 81e12:.2f} s",
        "v3_bubble_printed": f"{V3_PRINTED['bubble'] / 19.926:.1%}",
        "v3_bubble_planner": f"{idle(V3.layout) / (1 + idle(V3.layout)):.1%}",
        "v3_sum": f"{sum(V3_PRINTED.values()):.1f} s",
        "v3_fitted": f"{fitted(busy):.0%}",
        "v3_of_bf16": f"{fitted(busy) * 1979 / 989:.0%}",
        "v3_open": f"{share_of(V3, schedule='1F1B'):.0%}",
        "v3_dual": f"{share_of(V3):.0%}",
        "v3_sent": f"{v3.traffic['EP'].seconds:.1f} s",
        "llama_drop": f"{100 * (share_of(near) - share_of(far)):.1f}",
        "llama_drop_fit": f"{100 * (share_of(near, SLOWER) - share_of(far, SLOWER)):.1f}",
        "llama_drop_1": f"{100 * (share_of(near, virtual=1) - share_of(far, virtual=1)):.1f}",
    }


if __name__ == "__main__":
    example_llama()
    example_v3()
    example_palm()
