"""One KL from three starts: a student without memory of what it wrote, against a teacher with two habits."""

# /// fieldguide
# timeout_s = 240
# tolerance.ends = {rel = 0.02, abs = 0.01, reason = "two hundred steps of Adam round differently on another machine"}
# ///

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from statistics import mean, stdev

import torch
from matplotlib.figure import Figure
from torch import Tensor

from snippets.post_training.distillation.losses import forward, reverse

WORDS, LENGTH, STEPS, SEEDS = 4, 5, 200, range(5)
REPLIES = torch.cartesian_prod(*[torch.arange(WORDS)] * LENGTH)  # [1024, 5]


# --8<-- [start:teacher]
def habit(word: int, slip: float = 0.02) -> Tensor:
    """Replies that say one word all the time, but for a slip now and then: [1024]."""
    said = REPLIES.eq(word).double()
    return (said * (1 - slip) + (1 - said) * slip / (WORDS - 1)).prod(1)


def teacher() -> Tensor:
    """Log-probability of each reply: two habits, and one reply in ten that is anything."""
    anything = torch.full((len(REPLIES),), 1 / len(REPLIES), dtype=torch.float64)
    return (0.55 * habit(0) + 0.35 * habit(1) + 0.10 * anything).log()


def spoken(logits: Tensor) -> Tensor:
    """Log-probability of each reply for students that forget what they wrote: [..., 1024]."""
    return logits.log_softmax(-1)[..., torch.arange(LENGTH), REPLIES].sum(-1)


# --8<-- [end:teacher]


# --8<-- [start:descend]
Divergence = Callable[[Tensor, Tensor], Tensor]


def descend(
    divergence: Divergence, logits: Tensor, p: Tensor, steps: int = STEPS
) -> tuple[Tensor, Tensor]:
    """Adam on the exact divergence of each student: where it ends, and its path, [steps, B]."""
    x, path = logits.clone().requires_grad_(), []
    optimizer = torch.optim.Adam([x], lr=0.1)
    for _ in range(steps):
        loss = divergence(spoken(x), p)  # [B]
        path.append(loss.detach())
        optimizer.zero_grad()
        loss.sum().backward()
        optimizer.step()
    return x.detach(), torch.stack(path)


# --8<-- [end:descend]


@cache
def start(name: str) -> Tensor:
    """Logits before distillation, a student for each seed: [B, 5, 4]."""
    draws = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    weights = [torch.randn(LENGTH, WORDS, generator=d, dtype=torch.float64) for d in draws]
    fresh = 0.05 * torch.stack(weights)
    if name == "untrained":
        return fresh
    text = teacher() if name == "SFT on the teacher" else habit(1, 0.05).log()
    return descend(forward, fresh, text, 80)[0]


STARTS = ("untrained", "SFT on the teacher", "SFT on others")
KINDS: dict[str, Divergence] = {"forward": forward, "reverse": reverse}


@cache
def run(kind: str, name: str) -> tuple[Tensor, Tensor]:
    """The descents of all seeds, side by side: their ends and their paths."""
    return descend(KINDS[kind], start(name), teacher())


@cache
def ended(kind: str, name: str, seed: int) -> tuple[float, float, float, float]:
    """Divergence at the end, then the mean probability of the first habit's word, the second's and all others."""
    logits = run(kind, name)[0][seed]
    value = KINDS[kind](spoken(logits), teacher()).item()
    a, b, *rest = logits.softmax(-1).mean(0).tolist()
    return value, a, b, sum(rest)


def over_seeds(kind: str, name: str, which: int = 0) -> tuple[float, float]:
    """Mean and spread of one of these numbers."""
    values = [ended(kind, name, seed)[which] for seed in SEEDS]
    return mean(values), stdev(values)


def example_ends() -> None:
    """Where both divergences end from each start."""
    print(f"{'KL':9s}{'start':20s}{'at the end':>14s}{'word 0':>9s}{'word 1':>8s}{'others':>8s}")  # fmt: skip
    for kind in KINDS:
        for name in STARTS:
            value, spread = over_seeds(kind, name)
            shares = [over_seeds(kind, name, i)[0] for i in (1, 2, 3)]
            print(f"{kind:9s}{name:20s}{value:7.2f} ± {spread:.2f}" + "".join(f"{s:8.0%}" for s in shares))  # fmt: skip


def figure_starts() -> Figure:
    """Both divergences by step, a line for each start."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), KINDS, strict=True):
        for i, name in enumerate(STARTS):
            paths = run(kind, name)[1].T.tolist()
            for path in paths:
                axes.plot(path, color=f"C{i}", linewidth=1, alpha=0.6)
            end = paths[0][-1]
            if kind == "reverse":
                axes.annotate(f"{name}: {end:.2f}", (STEPS, end), (-2, 5), textcoords="offset points", ha="right", color=f"C{i}")  # fmt: skip
        if kind == "forward":
            axes.annotate(f"all: {end:.2f}", (STEPS, end), (-2, -14), textcoords="offset points", ha="right")  # fmt: skip
        axes.text(0.5, 0.97, f"{kind} KL", transform=axes.transAxes, ha="center", va="top", weight="bold")  # fmt: skip
        axes.set(xlabel="steps", ylim=(0, 5))
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("nats a reply")
    return figure


def facts() -> dict[str, str]:
    """Numbers of the page about starts."""
    return {
        "end_untrained": f"{over_seeds('reverse', 'untrained')[0]:.2f}",
        "end_taught": f"{over_seeds('reverse', 'SFT on the teacher')[0]:.2f}",
        "end_others": f"{over_seeds('reverse', 'SFT on others')[0]:.2f}",
        "end_forward": f"{over_seeds('forward', 'untrained')[0]:.2f}",
    }


if __name__ == "__main__":
    example_ends()
