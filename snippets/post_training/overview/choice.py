"""From data, budget and deadline to a method, and to the cheapest experiment that could refute it."""

from __future__ import annotations

from dataclasses import dataclass

from snippets.post_training.overview.pilot import (
    AGREEMENT,
    labels_needed,
    mixed,
    needed,
    prompts_needed,
)

H100 = 989e12  # bf16 FLOP/s at the peak, bekman2024accelerators
TRAINING, SAMPLING = 0.4, 0.05  # shares of it that are reached: assumed
RL_STEPS, DISTILLATION_STEPS = 170, 100  # qwen2025qwen3, tinker2026distillation
ANSWERS_PER_STEP = 2048  # assumed
FEW = 1000  # zhou2023lima
USABLE = 0.1  # of the prompts, below which most sampling is for nothing: assumed


@dataclass(frozen=True)
class Situation:
    """What you have, and what you want."""

    params: float = 8e9  # N, of the model to train
    score: float = 0.6  # of the model as it is, on your own questions
    goal: float = 0.05  # the gain that would be worth it
    answers: int = 0  # prompts with an answer that is worth copying
    pairs: int = 0  # two answers to one prompt, one preferred
    verified: int = 0  # prompts whose answers a program can check
    solved: float = 0.3  # share of sampled answers that pass the check today
    teacher: float = 0.0  # parameters of a better model that you may sample
    tokens: int = 1000  # of an answer
    group: int = 16  # answers to one prompt in RL
    gpus: int = 8
    days: float = 7.0

    def budget(self) -> float:
        """GPU-hours until the deadline."""
        return self.gpus * 24 * self.days


@dataclass(frozen=True)
class Verdict:
    """One method, and what speaks against it."""

    method: str
    hours: float  # GPU-hours at least, for one run
    against: str  # empty if nothing does
    experiment: str  # the cheapest one that could refute the method
    trials: int  # how many questions, labels or prompts it needs
    pilot: float  # GPU-hours of the experiment


# --8<-- [start:cost]
def hours(training: float, sampling: float = 0.0) -> float:
    """GPU-hours on H100s for so many FLOPs of each kind."""
    return (training / TRAINING + sampling / SAMPLING) / H100 / 3600


def run_hours(s: Situation) -> dict[str, float]:
    """GPU-hours of one run of each method, at least: each pass costs 2N FLOPs a token."""
    one = 2 * s.params  # a forward pass; the backward pass is two
    written = ANSWERS_PER_STEP * s.tokens
    sft = hours(3 * s.answers * s.tokens * 3 * one)  # three epochs
    return {
        "prompt": 0.0,
        "SFT": sft,
        "DPO": sft + hours(2 * s.pairs * s.tokens * 4 * one),  # with the reference's pass
        "RL": RL_STEPS * hours(written * 4 * one, written * one),
        "on-policy distillation": sft
        + DISTILLATION_STEPS * hours(written * (3 * one + 2 * s.teacher), written * one),
    }


# --8<-- [end:cost]


# --8<-- [start:objections]
def objections(s: Situation) -> dict[str, str]:
    """What forbids each method, or makes it pointless, on the data alone."""
    usable = mixed(s.solved, s.group)
    checked = f"{usable:.0%} of groups are mixed" if usable < USABLE else ""
    return {
        "on-policy distillation": "" if s.teacher else "no teacher",
        "RL": checked if s.verified else "no checker",
        "DPO": "" if s.pairs >= FEW else f"{s.pairs:,} pairs",
        "SFT": "" if s.answers >= FEW else f"{s.answers:,} answers",
        "prompt": "",
    }


# --8<-- [end:objections]


def experiments(s: Situation) -> dict[str, tuple[str, int, float]]:
    """The cheapest experiment against each method: what, how many, GPU-hours."""
    questions, prompts = needed(s.score, s.goal), prompts_needed(USABLE)
    answer = 2 * s.params * s.tokens  # FLOPs to write one
    taught = questions * (answer + 2 * s.teacher * s.tokens)
    return {
        "on-policy distillation": (
            "questions to teacher and model", questions, hours(0, taught)),
        "RL": (f"prompts, {s.group} answers each", prompts,
               hours(0, prompts * s.group * answer)),
        "DPO": ("pairs labeled again", labels_needed(AGREEMENT), 0.0),
        "SFT": ("questions, three answers shown", questions, hours(0, 2 * questions * answer)),
        "prompt": ("questions", questions, hours(0, questions * answer)),
    }  # fmt: skip


def choose(s: Situation) -> list[Verdict]:
    """All methods in order of preference; the first without objection is the choice."""
    against, cost, tests = objections(s), run_hours(s), experiments(s)
    for method in against:
        if not against[method] and cost[method] > s.budget():
            against[method] = f"{cost[method]:,.0f} GPU-hours of {s.budget():,.0f}"
    return [Verdict(m, cost[m], against[m], *tests[m]) for m in against]


def chosen(s: Situation) -> Verdict:
    """The method to try."""
    return next(v for v in choose(s) if not v.against)
