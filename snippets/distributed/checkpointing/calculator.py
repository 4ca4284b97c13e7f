"""Checkpointing: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from math import exp, expm1
from typing import Annotated

from snippets.distributed.checkpointing.interval import goodput, mtbf_scaled, optimum, young


def reshard(
    rows: Annotated[int, "", (1, 1000)] = 10,
    saved_on: Annotated[int, "ranks", (1, 16)] = 4,
    loaded_on: Annotated[int, "ranks", (1, 16)] = 2,
) -> dict[str, object]:
    """Which rows does each rank read, and out of whose file?

    Args:
        rows: Rows of the tensor. FSDP gives each rank the same number, rounded up, as far as
            they go.
        saved_on: Size of the run that saved.
        loaded_on: Size of the run that loads.
    """

    def cuts(ranks: int) -> list[tuple[int, int]]:
        each = -(-rows // ranks)
        return [(min(r * each, rows), min((r + 1) * each, rows)) for r in range(ranks)]

    saved = cuts(saved_on)
    lanes = {
        "saved": [(low, high, f"S{r}") for r, (low, high) in enumerate(saved) if low < high]
    }
    opened = []
    for rank, (low, high) in enumerate(cuts(loaded_on)):
        both = [(max(low, a), min(high, b), f"S{r}") for r, (a, b) in enumerate(saved)]
        lanes[f"rank {rank}"] = [span for span in both if span[0] < span[1]]
        opened.append(len(lanes[f"rank {rank}"]))
    return {
        "files opened by a rank": f"{min(opened)} to {max(opened)}",
        "files opened by all": f"{sum(opened)}",
        "rows of a rank, at most": f"{-(-rows // loaded_on)}",
        "timeline": {"unit": "row", "lanes": lanes, "names": {"S": "saved by rank"}},
    }


def interval(
    gpus: Annotated[int, "", (1, 1_000_000)] = 16_384,
    every: Annotated[float, "minutes", (0.1, 1440.0)] = 60.0,
    save: Annotated[float, "s", (0.01, 3600.0)] = 30.0,
    *,
    restart: Annotated[float, "minutes", (0.0, 120.0)] = 10.0,
    gpu_mtbf: Annotated[float, "hours", (100.0, 10_000_000.0)] = 50_678.0,
) -> dict[str, object]:
    """How much of the time ends up in the model, and how often should it be saved?

    Args:
        gpus: GPUs of the job, $n$. It stops when any of them does.
        every: Training time between two saves.
        save: Pause for a save. All of the save, or only the copy if the rest runs in the
            background.
        restart: Time from a failure to the next step. Noticing, replacing, starting, loading.
        gpu_mtbf: Time between failures of one GPU. With its share of host, network and
            software; Llama 3's count gives 50,678.
    """
    mtbf = mtbf_scaled(gpu_mtbf * 3600, 1, gpus)
    again, tau = restart * 60, every * 60
    if (tau + save + again) / mtbf > 30:
        raise ValueError(
            f"with a failure every {mtbf:,.0f} s, hardly any interval would ever end."
        )
    best = optimum(save, mtbf)
    segment = mtbf * exp(again / mtbf) * expm1((tau + save) / mtbf)
    restarts = expm1((tau + save) / mtbf) * mtbf * expm1(again / mtbf)
    lost = {
        "saving": save,
        "work done again": segment - tau - save - restarts,
        "restarting": restarts,
    }
    grid = [best * 1.6**i for i in range(-6, 7)]
    grid = [t for t in grid if (t + save + again) / mtbf < 30]
    return {
        "time that ends up in the model (goodput)": f"{tau / segment:.1%}",
        "goodput at the best interval": f"{goodput(best, save, mtbf, again):.1%}",
        **{name: f"{seconds / segment:.1%}" for name, seconds in lost.items()},
        "best interval": f"{best / 60:,.1f} minutes",
        "best interval by Young's formula": f"{young(save, mtbf) / 60:,.1f} minutes",
        "time between failures": f"{mtbf / 3600:,.2f} hours",
        "lines": {
            "x": "minutes between saves", "y": "goodput, %", "log": "x",
            "series": {"goodput": [(t / 60, 100 * goodput(t, save, mtbf, again)) for t in grid]},
            "points": {"yours": (every, 100 * tau / segment), "best": (best / 60, 100 * goodput(best, save, mtbf, again))},
        },
    }  # fmt: skip
