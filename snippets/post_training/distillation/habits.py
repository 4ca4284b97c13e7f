"""The same KL from three starts on a small Llama: the teacher sorts up or down, and its students began elsewhere."""

# /// fieldguide
# timeout_s = 600
# tolerance.habits = {rel = 0.2, abs = 0.06, reason = "training runs sum in another order on another machine"}
# tolerance.facts = {rel = 0.2, abs = 0.06, reason = "training runs sum in another order on another machine"}
# ///

from __future__ import annotations

import random
from functools import cache
from statistics import mean, stdev

import torch
from transformers import LlamaForCausalLM

from snippets.post_training.distillation.steps import ARMS, distilled
from snippets.tiny.sampling import sample
from snippets.tiny.tasks import Task, tasks
from snippets.tiny.training import conversations, model, train

SEEDS, STEPS, ROWS, DIGITS = range(5), 20, 16, (2, 3)
TEST = [
    t for t in tasks(1000, 150, test=True, digits=DIGITS) if t.answer[0] != t.answer[-1]
]


def both(seed: int, n: int, upward: float) -> list[Task]:
    """Digits put in order, a share of them upward and the others downward (planted)."""
    draw = random.Random(f"habits {seed}")
    return [
        Task(t.prompt, t.answer if draw.random() < upward else t.answer[::-1])
        for t in tasks(seed, n, digits=DIGITS)
    ]


def trained(seed: int, upward: float, steps: int) -> LlamaForCausalLM:
    """A model after supervised training on such answers."""
    policy = model(seed)
    train(policy, conversations(both(seed, 512, upward)), steps, rate=1.5e-2, seed=seed)
    return policy


@cache
def teacher() -> LlamaForCausalLM:
    """Learned from as many answers upward as downward."""
    return trained(1000, 0.5, 200)


STARTS = {"SFT upward": 1.0, "SFT downward": 0.0}


@cache
def student(start: str, seed: int) -> LlamaForCausalLM:
    """A student of one habit."""
    return trained(seed, STARTS[start], 60)


@cache
def downward(policy: LlamaForCausalLM, seed: int) -> float:
    """Of the replies that begin with the largest or the smallest digit: share with the largest."""
    draw = torch.Generator().manual_seed(seed)
    replies = sample(policy, TEST, generator=draw).replies
    pairs = list(zip(TEST, replies, strict=True))
    down = sum(r[:1] == t.answer[-1] for t, r in pairs)
    return down / (down + sum(r[:1] == t.answer[0] for t, r in pairs))


@cache
def run(start: str, arm: str, seed: int) -> tuple[float, float]:
    """Share of downward replies before and after."""
    policy = student(start, seed)
    pool = tasks(seed + 50, STEPS * ROWS, digits=DIGITS)
    after = distilled(policy, teacher(), ARMS[arm], pool, STEPS, seed)
    return downward(policy, seed), downward(after, seed)


def over_seeds(start: str, arm: str, which: int) -> tuple[float, float]:
    """Mean and spread of the share before (0) or after (1)."""
    values = [run(start, arm, seed)[which] for seed in SEEDS]
    return mean(values), stdev(values)


SHOWN = ("student's text, reverse", "teacher's text, forward")


def example_habits() -> None:
    """Share of downward replies from each start."""
    print(f"teacher: {downward(teacher(), 0):.0%} downward")
    print(f"{'start':14s}{'before':>12s}" + "".join(f"{name:>26s}" for name in SHOWN))
    for start in STARTS:
        columns = [over_seeds(start, SHOWN[0], 0)] + [over_seeds(start, arm, 1) for arm in SHOWN]  # fmt: skip
        cells = [f"{m:.0%} ± {s:.0%}" for m, s in columns]
        print(f"{start:14s}{cells[0]:>12s}" + "".join(f"{c:>26s}" for c in cells[1:]))


def facts() -> dict[str, str]:
    """Numbers of the page about habits."""
    return {
        "down_teacher": f"{downward(teacher(), 0):.0%}",
        "down_before": f"{over_seeds('SFT upward', SHOWN[0], 0)[0]:.0%}",
        "down_own": f"{over_seeds('SFT upward', SHOWN[0], 1)[0]:.0%}",
        "down_taught": f"{over_seeds('SFT upward', SHOWN[1], 1)[0]:.0%}",
    }


if __name__ == "__main__":
    example_habits()
