"""A stage of preferences on the tiny model: DPO, cross-entropy on the chosen replies, and both."""

# /// fieldguide
# timeout_s = 180
# tolerance.arms = {rel = 0.05, abs = 0.03, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.05, abs = 0.03, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from statistics import mean, stdev

import torch
from matplotlib.figure import Figure
from torch import Tensor
from transformers import LlamaForCausalLM

from snippets.post_training.dpo.stage import pairs, scores, stage_loss
from snippets.tiny.sampling import accuracy
from snippets.tiny.tasks import tasks
from snippets.tiny.training import Batch, started

SEEDS, STEPS, EVERY, SIZE, RATE = range(5), 32, 8, 16, 1e-3
ARMS = {  # β, and the weight of cross-entropy
    "DPO": (0.1, 0.0),
    "DPO, β = 1": (1.0, 0.0),
    "both": (0.1, 1.0),
    "cross-entropy": (0.0, 1.0),
}
TEST = tasks(1000, 200, test=True)


@dataclass(frozen=True)
class Run:
    """What came of one arm on one seed."""

    solved: tuple[float, ...]  # share of held-out tasks, every eight steps
    chosen: float  # mean change of log-probability, nats
    rejected: float


@cache
def begun(seed: int) -> tuple[LlamaForCausalLM, Batch, Batch]:
    """The model after supervised training, and pairs of its replies."""
    model = started(seed)
    draw = torch.Generator().manual_seed(seed)
    return model, *pairs(model, tasks(seed + 50, 192), draw)


@cache
def reference(seed: int) -> Tensor:
    """What that model gives to the pairs: [B, 2]."""
    with torch.no_grad():
        return scores(*begun(seed))


def change(policy: LlamaForCausalLM, seed: int) -> list[float]:
    """Mean change of chosen and rejected from the reference."""
    with torch.no_grad():
        now = scores(policy, *begun(seed)[1:])
    return [side.item() for side in (now - reference(seed)).mean(0)]


@cache
def trained(seed: int, arm: str) -> Run:
    """One run, looked at every eight steps."""
    start, chosen, rejected = begun(seed)
    policy, then = deepcopy(start), reference(seed)
    draw, shares = torch.Generator().manual_seed(seed), []
    optimizer = torch.optim.AdamW(policy.parameters(), lr=RATE, weight_decay=0.0)
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            shares.append(accuracy(policy, TEST, temperature=1.0, generator=draw))
        if step < STEPS:
            for part in optimizer.param_groups:
                part["lr"] = RATE * (1 - step / STEPS)
            rows = torch.randint(len(then), (SIZE,), generator=draw)
            sides = chosen.rows(rows), rejected.rows(rows)
            loss = stage_loss(
                scores(policy, *sides), then[rows], sides[0].trains.sum(), *ARMS[arm]
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.step()
    return Run(tuple(shares), *change(policy, seed))


def spread(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation."""
    return mean(values), stdev(values)


def solved(arm: str, which: int = -1) -> tuple[float, float]:
    """Tasks solved at one of the looks, over the seeds."""
    return spread([trained(seed, arm).solved[which] for seed in SEEDS])


def moved(arm: str) -> list[tuple[float, float]]:
    """Change of chosen and of rejected, over the seeds."""
    runs = [trained(seed, arm) for seed in SEEDS]
    return [spread([run.chosen for run in runs]), spread([run.rejected for run in runs])]


def figure_arms() -> Figure:
    """Share of held-out tasks solved by step: the mean of each arm, and its seeds."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = figure.subplots()
    steps = range(0, STEPS + 1, EVERY)
    for color, arm in enumerate(ARMS):
        for seed in SEEDS:
            line = trained(seed, arm).solved
            axes.plot(steps, line, color=f"C{color}", linewidth=0.8, alpha=0.4)
        line = tuple(solved(arm, i)[0] for i in range(len(steps)))
        axes.plot(steps, line, color=f"C{color}", linewidth=2.5)
        axes.annotate(
            arm, (STEPS, line[-1]), (6, {"cross-entropy": 4, "both": -6}.get(arm, 0)), textcoords="offset points",
            color=f"C{color}", va="center",
        )  # fmt: skip
    axes.set(xlabel="steps", ylabel="held-out tasks solved", xlim=(0, 44))
    axes.set_yticks([0.3, 0.4, 0.5, 0.6, 0.7], ["30%", "40%", "50%", "60%", "70%"])
    axes.set_xticks(list(steps))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def example_arms() -> None:
    """At the end: solved, and change of chosen and rejected in nats; mean and deviation."""
    print("loss             solved       chosen         rejected")
    middle, width = solved("DPO", 0)
    print(f"before       {middle:6.0%} ± {width:.0%}")
    for arm in ARMS:
        middle, width = solved(arm)
        cells = "".join(f"{m:9.2f} ± {sd:.2f}" for m, sd in moved(arm))
        print(f"{arm:13}{middle:6.0%} ± {width:.0%}{cells}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "solved_start": f"{solved('DPO', 0)[0]:.0%}",
        "solved_dpo": f"{solved('DPO')[0]:.0%}",
        "solved_gentle": f"{solved('DPO, β = 1')[0]:.0%}",
        "solved_both": f"{solved('both')[0]:.0%}",
        "solved_entropy": f"{solved('cross-entropy')[0]:.0%}",
    }
