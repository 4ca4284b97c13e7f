"""Case studies: what closes the gap between the planner and PaLM."""

from __future__ import annotations

from dataclasses import replace

from snippets.distributed.case_studies.ablation import hidden
from snippets.distributed.case_studies.gaps import share_of
from snippets.distributed.overview.flops import executed_flops, head_flops, model_flops
from snippets.distributed.overview.published_runs import RUNS
from snippets.distributed.overview.step_time import mfu, step
from snippets.shapes.accelerators import MACHINES
from snippets.shapes.models import MODELS

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
    """Numbers that the page states about PaLM."""
    model, executed = again(0.75)
    taken = step(MODELS[PALM.model], PALM.layout, MACHINES["TPU v4"])
    return {
        "palm_hfu": f"{0.462 * executed / model:.1%}",
        "palm_executed": f"{executed / 1e12:.2f}",
        "palm_planner": f"{100 * share_of(PALM):.1f}",
        "palm_less": f"{100 * palm(0.75):.1f}",
        "palm_step": f"{PALM_SECONDS:.1f} s",
        "palm_lost": f"{PALM_SECONDS * (1 - 1.95 / 2):.2f} s",
        "palm_between": f"{taken.exposed['DP, between']:.2f} s",
        "palm_burst": f"{2 * 768 * 1.3e9 * 8 / 81e12:.2f} s",
    }


if __name__ == "__main__":
    example_palm()
