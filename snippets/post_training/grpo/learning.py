"""A small model: which of its groups will teach, and what it learns from them."""

# /// fieldguide
# timeout_s = 240
# tolerance.curve = {rel = 0.05, abs = 0.03, reason = "a training run sums in another order on another machine"}
# tolerance.forecast = {rel = 0.1, abs = 0.02, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.05, abs = 0.03, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

from copy import deepcopy
from functools import cache
from statistics import mean, stdev

import torch
from matplotlib.figure import Figure
from transformers import LlamaForCausalLM

from snippets.post_training.grpo.calculator import FATES
from snippets.post_training.grpo.forecast import counted
from snippets.post_training.grpo.losses import RECIPES, advantages, policy_loss
from snippets.tiny.sampling import LIMIT, accuracy, rewards, sample
from snippets.tiny.tasks import Task, tasks
from snippets.tiny.training import logprobs, started

SEEDS, STEPS, EVERY, PROMPTS, GROUP, RATE = range(5), 40, 10, 8, 8, 3e-3
TEST = tasks(1000, 200, test=True)


# --8<-- [start:step]
def step(
    policy: LlamaForCausalLM, optimizer: torch.optim.Optimizer, given: list[Task],
    draw: torch.Generator, name: str = "DAPO",
) -> float:  # fmt: skip
    """Sample, grade, compare within groups, update; returns the share of useful groups."""
    recipe = RECIPES[name]
    drawn = sample(policy, given, GROUP, generator=draw)
    gain = advantages(rewards(given, drawn.replies), GROUP, recipe.scale)
    mask = drawn.trains.float()
    new = logprobs(policy, drawn.ids, mask)
    loss = policy_loss(recipe, new, drawn.logprobs, gain, mask, LIMIT)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    optimizer.step()
    return gain.view(-1, GROUP).any(1).float().mean().item()


# --8<-- [end:step]


@cache
def begun(seed: int) -> LlamaForCausalLM:
    """The model before reinforcement."""
    return started(seed)


@cache
def learned(seed: int) -> tuple[list[float], list[float]]:
    """Held-out accuracy of sampled replies every ten steps; share of useful groups by step."""
    policy, draw = deepcopy(begun(seed)), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=RATE, weight_decay=0.0)
    pool, points, useful = tasks(seed + 50, STEPS * PROMPTS), [], []
    for i in range(STEPS + 1):
        if i % EVERY == 0:
            points.append(accuracy(policy, TEST, temperature=1.0, generator=draw))
        if i < STEPS:
            for part in optimizer.param_groups:
                part["lr"] = RATE * (1 - i / STEPS)
            given = pool[i * PROMPTS : (i + 1) * PROMPTS]
            useful.append(step(policy, optimizer, given, draw))
    return points, useful


def spread(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation."""
    return mean(values), stdev(values)


def at(which: int) -> tuple[float, float]:
    """Accuracy over the seeds at one point of the curve."""
    return spread([learned(seed)[0][which] for seed in SEEDS])


def useful(last: bool) -> float:
    """Share of groups with a gradient in the first ten steps, or in the last ten."""
    part = slice(-10, None) if last else slice(10)
    return mean([mean(learned(seed)[1][part]) for seed in SEEDS])


def figure_curve() -> Figure:
    """Accuracy by step, a line for each seed."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = figure.subplots()
    steps = range(0, STEPS + 1, EVERY)
    for seed in SEEDS:
        axes.plot(steps, learned(seed)[0], color="C0", linewidth=1, alpha=0.5)
    axes.plot(steps, [at(i)[0] for i in range(len(steps))], color="C0", linewidth=2.5)
    for which, i in (("left", 0), ("right", -1)):
        axes.annotate(
            f"{at(i)[0]:.0%}", (steps[i], at(i)[0]), (0, 9), textcoords="offset points",
            ha=which, weight="bold",
        )  # fmt: skip
    axes.set(xlabel="steps", ylabel="held-out tasks solved", ylim=(0.25, 0.75))
    axes.set_yticks([0.3, 0.4, 0.5, 0.6, 0.7], ["30%", "40%", "50%", "60%", "70%"])
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def example_curve() -> None:
    """Accuracy by step, mean and deviation over the seeds."""
    print("step   solved")
    for i, number in enumerate(range(0, STEPS + 1, EVERY)):
        print(f"{number:4d}{at(i)[0]:8.0%} ± {at(i)[1]:.0%}")
    print(
        f"groups with a gradient: {useful(False):.0%} at first, {useful(True):.0%} at last"
    )


def example_forecast() -> None:
    """Forecast and count of each fate, before reinforcement, mean and deviation over the seeds."""
    print("gradient      forecast      counted")
    runs = [counted(begun(seed), seed) for seed in SEEDS]
    for name in FATES:
        pairs = (spread([run[which][name] for run in runs]) for which in (0, 1))
        print(f"{name:8s}" + "".join(f"{m:9.0%} ± {sd:.0%}" for m, sd in pairs))


def facts() -> dict[str, str]:
    """Numbers of the page about learning."""
    return {
        "solved_before": f"{at(0)[0]:.0%}",
        "solved_after": f"{at(-1)[0]:.0%}",
        "useful_first": f"{useful(False):.0%}",
        "useful_last": f"{useful(True):.0%}",
    }


if __name__ == "__main__":
    example_curve()
    example_forecast()
