"""Case studies: how often the runs stopped, and what share of the machine-time ended in the model."""

from __future__ import annotations

from snippets.distributed.checkpointing.interval import goodput, mtbf_observed, optimum
from snippets.distributed.mfu.flops import palm_flops_per_token, six_n

HOURS_WEEK = 168


# --8<-- [start:rate]
def gpu_hours_between(gpus: int, hours: float, stops: int) -> float:
    """GPU-hours between two interruptions, which can be compared across sizes."""
    return gpus * mtbf_observed(hours, stops)


def lost_each(share: float, hours: float, stops: int) -> float:
    """Minutes that each interruption costs, if `share` of the time was effective."""
    return (1 - share) * mtbf_observed(hours, stops) * 60


def run_utilization(flops: float, accelerator_hours: float, peak: float) -> float:
    """MFU of a whole run: pauses, repeated steps and slower phases included."""
    return flops / (accelerator_hours * 3600 * peak)


# --8<-- [end:rate]

# chowdhery2022palm; dubey2024llama3 and meta2024card; deepseek2024v3
PALM_HOURS = 6144 * 1200 + 3072 * 336
LLAMA_ALL, LLAMA_WEIGHTS = palm_flops_per_token(405e9, 126, 128, 128, 8192), six_n(405e9)
LLAMA = 15.6e12, 30.84e6, 989e12, 400 / 989  # prints TFLOP/s, and not what it counts
RUN = {  # FLOPs of a token, tokens, accelerator-hours, peak, MFU of a step
    "PaLM 540B": (six_n(540.35e9), 780e9, PALM_HOURS, 275e12, 0.457),
    "Llama 3, all pairs": (LLAMA_ALL, *LLAMA),
    "Llama 3, unmasked": ((LLAMA_ALL + LLAMA_WEIGHTS) / 2, *LLAMA),
    "DeepSeek-V3": (
        432e12 * 2048 * 19.926 / (15_360 * 4096), 14.8e12, 2.664e6, 989e12, 432 / 989,
    ),
}  # fmt: skip


def whole(name: str) -> tuple[float, float]:
    """Utilization of a run, and its share of that of a step under the same count."""
    flops, tokens, hours, peak, step = RUN[name]
    share = run_utilization(flops * tokens, hours, peak)
    return share, share / step


SPIKES, REWOUND, SKIPPED, STEPS = 20, 100, (200, 500), 255_000  # PaLM, sections 5 and 5.1


def example_rates() -> None:
    """Interruptions: Llama 3 as counted; MegaScale 100 on 12,288 GPUs in three to six weeks."""
    print("                      hours between  GPU-hours between  minutes each, at 90%")
    rows = {
        "Llama 3, unexpected": (16_384, 54 * 24, 419),
        "Llama 3, all": (16_384, 54 * 24, 466),
    }
    rows |= {
        f"MegaScale, {weeks} weeks": (12_288, weeks * HOURS_WEEK, 100) for weeks in (3, 6)
    }
    for name, (gpus, hours, stops) in rows.items():
        print(f"{name:22s}{mtbf_observed(hours, stops):13.1f}"
              f"{gpu_hours_between(gpus, hours, stops):19,.0f}"
              f"{lost_each(0.9, hours, stops):22.0f}")  # fmt: skip


def example_runs() -> None:
    """Utilization of a step and of the whole run, in percent."""
    print("                    of a step   of the run   ratio")
    for name, (*_, step) in RUN.items():
        share, ratio = whole(name)
        print(f"{name:20s}{100 * step:9.1f}{100 * share:13.1f}{100 * ratio:8.0f}")


def design(gpus: int, save: float, restart: float) -> float:
    """Goodput at Llama 3's rate of failures, with the best interval for this save."""
    mtbf = mtbf_observed(54 * 86_400, 419) * 16_384 / gpus
    return goodput(optimum(save, mtbf), save, mtbf, restart)


def example_design() -> None:
    """What buys goodput at Llama 3's rate of failures: faster saves or faster restarts?"""
    print("save, restart:  5 min, 25 min   5 s, 25 min   5 s, 10 min   5 s, 1 min")
    for gpus in (2048, 16_384, 100_000):
        row = [design(gpus, *pair) for pair in ((300, 1500), (5, 1500), (5, 600), (5, 60))]
        print(f"{gpus:7,d} GPUs" + "".join(f"{100 * r:14.1f}" for r in row))


def facts() -> dict[str, str]:
    """Numbers that the page states about failures."""
    weeks = {w: 100 * 25 / (w * HOURS_WEEK * 60) for w in (3, 6)}
    v3_days = 14.8e12 / (15_360 * 4096) * 19.926 / 86_400
    return {
        "llama_gpu_hours": f"{gpu_hours_between(16_384, 54 * 24, 419):,.0f}",
        "megascale_low": f"{gpu_hours_between(12_288, 3 * HOURS_WEEK, 100):,.0f}",
        "megascale_high": f"{gpu_hours_between(12_288, 6 * HOURS_WEEK, 100):,.0f}",
        "llama_lost": f"{lost_each(0.9, 54 * 24, 466):.0f} minutes",
        "megascale_lost_3": f"{weeks[3]:.1%}",
        "megascale_lost_6": f"{weeks[6]:.1%}",
        "palm_rewound": f"{SPIKES * REWOUND / STEPS:.1%}",
        "palm_skipped": " to ".join(f"{SPIKES * s / STEPS:.1%}" for s in SKIPPED),
        "llama_ratio_low": f"{100 * whole('Llama 3, unmasked')[1]:.0f}",
        "llama_ratio_high": f"{100 * whole('Llama 3, all pairs')[1]:.0f}%",
        "design_slow": f"{design(16_384, 300, 1500):.0%}",
        "design_25": f"{design(16_384, 5, 1500):.0%}",
        "design_10": f"{design(16_384, 5, 600):.0%}",
        "design_1": f"{design(16_384, 5, 60):.0%}",
        "v3_days": f"{v3_days:.1f} days",
        "v3_product": f"{14.8 * 180:,.0f} thousand",
        "v3_stops": f"{2.664e6 / gpu_hours_between(16_384, 54 * 24, 419):.0f}",
    }


if __name__ == "__main__":
    example_rates()
    example_runs()
    example_design()
