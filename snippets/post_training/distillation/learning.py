"""A careless student learns from the model that reinforcement made: five ways, five seeds."""

# /// fieldguide
# timeout_s = 600
# tolerance.arms = {rel = 0.2, abs = 0.05, reason = "training runs sum in another order on another machine"}
# tolerance.facts = {rel = 0.2, abs = 0.05, reason = "training runs sum in another order on another machine"}
# ///

from __future__ import annotations

from functools import cache
from statistics import mean, stdev

import torch
from matplotlib.figure import Figure
from transformers import LlamaForCausalLM

from snippets.post_training.distillation.steps import ARMS, distilled
from snippets.post_training.grpo.learning import learned
from snippets.tiny.sampling import accuracy
from snippets.tiny.tasks import tasks
from snippets.tiny.training import started

SEEDS, STEPS, ROWS = range(5), 20, 16
TEXT, OWN, GAP = (
    "teacher's text, no logits",
    "student's text, reverse",
    "student's text, own gap",
)
TEST = tasks(1000, 120, test=True)


@cache
def teacher() -> LlamaForCausalLM:
    """The small model after SFT and GRPO, as that page trains it."""
    return learned(0)[0]


@cache
def student(seed: int) -> LlamaForCausalLM:
    """Another seed after half of that SFT."""
    return started(seed + 1, 60)


@cache
def solved(policy: LlamaForCausalLM, seed: int) -> float:
    """Share of held-out tasks that a sampled reply solves."""
    draw = torch.Generator().manual_seed(seed)
    return accuracy(policy, TEST, temperature=1.0, generator=draw)


@cache
def after(arm: str, seed: int) -> float:
    """The same after distillation; each arm has the same prompts and as many updates."""
    pool = tasks(seed + 70, STEPS * ROWS)
    return solved(distilled(student(seed), teacher(), ARMS[arm], pool, STEPS, seed), seed)


def spread(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation."""
    return mean(values), stdev(values)


def before() -> tuple[float, float]:
    """Students as they came."""
    return spread([solved(student(seed), seed) for seed in SEEDS])


def reached(arm: str) -> tuple[float, float]:
    """Students after one arm."""
    return spread([after(arm, seed) for seed in SEEDS])


def example_arms() -> None:
    """Held-out tasks solved, mean and spread over the seeds."""
    rows = {"before": before()} | {arm: reached(arm) for arm in ARMS}
    for name, (middle, width) in rows.items():
        print(f"{name:28s}{middle:6.0%} ± {width:.0%}")
    print(f"{'the teacher itself':28s}{solved(teacher(), 0):6.0%}")


def figure_arms() -> Figure:
    """A dot for each seed, by arm."""
    figure = Figure(figsize=(5.2, 2.8), layout="constrained")
    axes = figure.subplots()
    names = ["before", *ARMS]
    for y, name in enumerate(names):
        values = [
            solved(student(s), s) if name == "before" else after(name, s) for s in SEEDS
        ]
        axes.plot(values, [y] * len(values), "o", color=f"C{y % 6}", alpha=0.6)
        axes.plot([mean(values)], [y], "|", color="black", markersize=16)
    axes.axvline(solved(teacher(), 0), color="gray", linewidth=1, linestyle="--")
    axes.annotate("teacher", (solved(teacher(), 0), -0.4), (-3, 0), textcoords="offset points", ha="right", color="gray")  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="held-out tasks solved by a sampled reply", xlim=(0, 0.75))
    axes.set_xticks([0, 0.2, 0.4, 0.6], ["0", "20%", "40%", "60%"])
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def facts() -> dict[str, str]:
    """Numbers of the page about learning."""
    return {
        "solved_before": f"{before()[0]:.0%}",
        "solved_text": f"{reached(TEXT)[0]:.0%}",
        "solved_student": f"{reached(OWN)[0]:.0%}",
        "solved_gap": f"{reached(GAP)[0]:.0%}",
        "solved_teacher": f"{solved(teacher(), 0):.0%}",
    }


if __name__ == "__main__":
    example_arms()
