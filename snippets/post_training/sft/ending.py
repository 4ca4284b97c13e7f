# /// fieldguide
# timeout_s = 240
# tolerance.stops = {rel = 0.05, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.05, reason = "a training run sums in another order on another machine"}
# ///
"""A model that never stops: trained on five seeds, with the end of turn and without."""

from __future__ import annotations

from functools import cache
from statistics import mean

import torch
from matplotlib.figure import Figure
from transformers import LlamaForCausalLM

from snippets.post_training.sft.padding import EASY, END, rows
from snippets.tiny.sampling import LIMIT, sample
from snippets.tiny.tasks import tasks
from snippets.tiny.training import Batch, conversations, logprobs, model, train

SEEDS = range(5)
STEPS = 60


@cache
def held() -> Batch:
    """Conversations that nobody trains on."""
    return conversations(tasks(9, 64, test=True, digits=EASY))


@torch.no_grad()
def stopping(policy: LlamaForCausalLM) -> float:
    """Mean probability of the end of turn where a right answer ends."""
    batch = held()
    scores = logprobs(policy, batch.ids, batch.trains)
    return scores[batch.trains & (batch.ids == END)].exp().mean().item()


@cache
def run(shared: bool, seed: int) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Losses, probability of stopping every ten steps, share of replies cut at the limit."""
    policy, batch = model(seed), rows(shared)
    losses: list[float] = []
    stops: list[float] = []
    for part in range(STEPS // 10):
        stops.append(stopping(policy))
        losses += train(policy, batch, 10, seed=100 * seed + part)
    stops.append(stopping(policy))
    draw = torch.Generator().manual_seed(seed)
    replies = sample(
        policy, tasks(9, 64, test=True, digits=EASY), generator=draw, limit=2 * LIMIT
    )
    cut = replies.trains.sum(1) == 2 * LIMIT
    return tuple(losses), tuple(stops), cut.float().mean().item()


def last_loss(shared: bool, seed: int) -> float:
    """Mean loss of the last ten steps."""
    return mean(run(shared, seed)[0][-10:])


def lowest(shared: bool) -> float:
    """Least probability of stopping over the seeds, after training."""
    return min(run(shared, seed)[1][-1] for seed in SEEDS)


def highest(shared: bool) -> float:
    """Greatest probability of stopping over the seeds, after training."""
    return max(run(shared, seed)[1][-1] for seed in SEEDS)


def example_stops() -> None:
    """Five seeds, with the end of turn trained and not."""
    print("seed   loss: trained  not   stops: trained  not    cut off: trained  not")
    for seed in SEEDS:
        (own, shared) = ((last_loss(s, seed), *run(s, seed)[1:]) for s in (False, True))
        print(
            f"{seed:4}  {own[0]:14.2f} {shared[0]:4.2f}  {own[1][-1]:15.2f} {shared[1][-1]:4.2f}"
            f"  {own[2]:17.0%} {shared[2]:4.0%}"
        )


def figure_stops() -> Figure:
    """Probability of the end of turn against steps, one line a seed."""
    figure = Figure(figsize=(5.2, 2.8), layout="constrained")
    axes = figure.add_subplot()
    for shared, color in ((False, "C0"), (True, "C1")):
        for seed in SEEDS:
            axes.plot(range(0, STEPS + 1, 10), run(shared, seed)[1], color=color, alpha=0.8)
    axes.annotate(
        "end of turn trained", (STEPS, 0.9), (STEPS - 2, 0.3), color="C0", ha="right"
    )
    axes.annotate(
        "same id as padding: left out",
        (STEPS, 0.02),
        (STEPS - 2, 0.1),
        color="C1",
        ha="right",
    )
    axes.set_xlabel("training steps")
    axes.set_ylabel("probability of stopping")
    axes.set_ylim(-0.02, 1.02)
    return figure


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {"stops_least": f"{lowest(False):.2f}", "runs_most": f"{highest(True):.3f}"}


if __name__ == "__main__":
    example_stops()
