"""Case studies: MegaScale in the planner - its ablation, and its scaling to 12,288 GPUs."""

from __future__ import annotations

from dataclasses import replace

from snippets.distributed.case_studies.runs import LAYOUT, MEGASCALE, TABLE
from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.step_time import Step, idle, mfu, step
from snippets.shapes.accelerators import MACHINES

A100 = MACHINES["A100"]
SMALL = replace(LAYOUT, dp=4, batch=256)  # jiang2024megascale, table 3: 256 GPUs


# --8<-- [start:hidden]
def hidden(taken: Step, x: Layout, *kinds: str) -> Step:
    """The same step, if communication of these kinds ran behind the arithmetic."""
    exposed = {
        kind: 0.0 if kind.startswith(kinds) else seconds
        for kind, seconds in taken.exposed.items()
    }
    inside = sum(exposed.get(kind, 0.0) for kind in ("TP", "CP", "EP"))
    busy = taken.products + taken.memory + inside
    return replace(taken, exposed=exposed, bubble=busy * idle(x))


# --8<-- [end:hidden]


def ablation() -> dict[str, float]:
    """MegaScale's table 3 by the planner: each row adds to the row above."""
    m, x = MEGASCALE, SMALL
    plain = step(m, x, A100)
    parallel = replace(m, parallel=True)
    merged = step(parallel, x, A100)
    larger = replace(x, batch=768)
    steps = {
        "baseline": (x, plain),
        "parallel block": (x, merged),
        "TP hidden": (x, hidden(merged, x, "TP")),
        "DP hidden": (x, hidden(merged, x, "TP", "DP")),
        "batch × 3": (
            larger,
            hidden(step(parallel, larger, A100), larger, "TP", "DP"),
        ),
    }
    return {name: mfu(m, used, A100, s.seconds) for name, (used, s) in steps.items()}


# jiang2024megascale, table 3; sliding window, PP, operators and the rest have no row above
PRINTED = {
    "baseline": 47.7, "parallel block": 52.3, "sliding window": 53.3, "TP hidden": 55.5,
    "PP hidden": 58.0, "DP hidden": 59.5, "operators": 61.2, "other": 62.3, "batch × 3": 65.3,
}  # fmt: skip


def example_ablation() -> None:
    """Table 3 of MegaScale, 175B on 256 GPUs: MFU in percent, and what each row adds."""
    own, before, last = ablation(), 0.0, 0.0
    print("each row added        printed   adds   planner   adds")
    for name, share in PRINTED.items():
        row = f"{name:20s}{share:9.1f}{share - before if before else 0:7.1f}"
        before = share
        if name in own:
            value = 100 * own[name]
            row += f"{value:10.1f}{value - last if last else 0:7.1f}"
            last = value
        print(row)


def scaled(gpus: int, batch: int, best: bool) -> float:
    """The planner's MFU of 175B on so many A100s; `best` with MegaScale's overlap."""
    x = replace(LAYOUT, dp=gpus // 64, batch=batch)
    m = replace(MEGASCALE, parallel=best)
    taken = step(m, x, A100)
    taken = hidden(taken, x, "TP", "DP") if best else taken
    return mfu(MEGASCALE, x, A100, taken.seconds)


def example_scaling() -> None:
    """Table 2: the same batch on more GPUs, MFU in percent, bubble in percent of the step."""
    print("  GPUs  micro-batches  bubble   Megatron-LM  planner   MegaScale  planner")
    for old, new in zip(TABLE["Megatron-LM"], TABLE["MegaScale"], strict=True):
        gpus, batch = old[0], 768 if old[0] <= 1024 else 6144
        x = replace(LAYOUT, dp=gpus // 64, batch=batch)
        bubble = idle(x) / (1 + idle(x))
        print(f"{gpus:6,d}{x.micros:12d}{100 * bubble:11.1f}{100 * old[2]:12.1f}"
              f"{100 * scaled(gpus, batch, False):10.1f}{100 * new[2]:11.1f}"
              f"{100 * scaled(gpus, batch, True):9.1f}")  # fmt: skip


def facts() -> dict[str, str]:
    """Numbers that the page states about MegaScale."""
    own = ablation()
    small, large = (idle(replace(SMALL, batch=batch)) for batch in (256, 768))
    return {
        "ours_base": f"{100 * own['baseline']:.1f}",
        "lamb_bubble_1": f"{small / (1 + small):.1%}",
        "lamb_bubble_3": f"{large / (1 + large):.1%}",
        "lamb_points": f"{62.3 * ((1 + small) / (1 + large) - 1):.1f}",
        "lamb_time": f"{1 - 1 / 4:.0%}",
        "lamb_formulas": f"{1 - 1 / 16:.2%}",
        "scale_points": f"{100 * (scaled(3072, 6144, True) - scaled(12_288, 6144, True)):.1f}",
        "scale_old": f"{100 * (scaled(3072, 6144, False) - scaled(12_288, 6144, False)):.1f}",
    }


if __name__ == "__main__":
    example_ablation()
    example_scaling()
