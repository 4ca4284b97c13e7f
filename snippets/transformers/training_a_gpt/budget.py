"""Hours and dollars of a run, and the utilization that a published run implies."""

from __future__ import annotations

from snippets.distributed.mfu.flops import days, six_n, utilization
from snippets.shapes.accelerators import ACCELERATORS

H100 = ACCELERATORS["H100"].bf16_tflops * 1e12
# karpathy2026nanochat: run 1 of the leaderboard, eight H100, about $3 for an hour of one.
FLOPS, SECONDS, GPUS, PRICE = 4.330784131228946e19, 10_949.46713, 8, 3.0
FASTEST = 1.65  # hours of run 6
GPT2 = (32, 168.0, 8.0)  # TPU v3, hours, dollars for an hour of one
CORES = (0.25373, 0.2584, 0.25489, 0.2568, 0.25732, 0.26765, 0.25119)  # run 4, seven times
GOAL = 0.256525  # GPT-2's
QUESTION = (8e9, 160e9)  # parameters and tokens of the page's interview question
ASSUMED = (256, H100, 0.4)


# --8<-- [start:budget]
def hours(flops: float, chips: int, peak: float, share: float) -> float:
    """Hours of a run whose chips reach a share of their peak: the share is your assumption."""
    return 24 * days(flops, chips, share * peak)


def dollars(chips: int, hours: float, price: float) -> float:
    """Price of so many chip-hours."""
    return chips * hours * price


# --8<-- [end:budget]


def implied(flops: float, seconds: float, chips: int, peak: float) -> float:
    """Share of the peak that a run of known FLOPs and time has reached."""
    return utilization(flops, 1 / seconds, chips, peak)


def elapsed(seconds: float) -> float:
    """Hours of so many seconds."""
    return seconds / 3600


def seed_spread(scores: tuple[float, ...]) -> tuple[float, float]:
    """Mean of equal runs, and highest less lowest."""
    return sum(scores) / len(scores), max(scores) - min(scores)


def passed(scores: tuple[float, ...], goal: float) -> int:
    """Runs above a goal."""
    return sum(score > goal for score in scores)


def question_hours() -> float:
    """Hours of the run in the page's interview question."""
    return hours(six_n(*QUESTION), *ASSUMED)


def question_dollars() -> float:
    """Its price."""
    return dollars(ASSUMED[0], question_hours(), PRICE)


def facts() -> dict[str, str]:
    """Numbers that the page states about published runs."""
    mean, width = seed_spread(CORES)
    return {
        "nanochat_share": f"{implied(FLOPS, SECONDS, GPUS, H100):.0%}",
        "nanochat_dollars": f"${dollars(GPUS, elapsed(SECONDS), PRICE):.0f}",
        "fastest_dollars": f"${dollars(GPUS, FASTEST, PRICE):.0f}",
        "gpt2_dollars": f"${dollars(*GPT2):,.0f}",
        "interview_hours": f"{question_hours():.0f}",
        "interview_dollars": f"${question_dollars():,.0f}",
        "core_mean": f"{mean:.4f}",
        "core_width": f"{width:.4f}",
        "core_passed": f"{passed(CORES, GOAL)}",
    }
