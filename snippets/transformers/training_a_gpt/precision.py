"""Weights kept in bf16: an update below half of the spacing is lost."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from snippets.transformers.training_a_gpt.model import GPT, Config, initialize
from snippets.transformers.training_a_gpt.text import batch, halves
from snippets.transformers.training_a_gpt.training import Settings, accumulate, adamw

RATES = (1e-2, 3e-3, 1e-3, 1e-4, 1e-5)
RATE, LATE_RATE, STEPS = 1e-3, 1e-4, 100


# --8<-- [start:rounding]
def nearest(x: Tensor) -> Tensor:
    """What bf16 keeps of a number."""
    return x.bfloat16().float()


def stochastic(x: Tensor, generator: torch.Generator) -> Tensor:
    """One of the two neighbors in bf16, the nearer one more often: right on average."""
    noise = torch.randint(1 << 16, x.shape, generator=generator, dtype=torch.int32)
    return ((x.view(torch.int32) + noise) & -(1 << 16)).view(torch.float32)


# --8<-- [end:rounding]


def spacing_below(x: float) -> float:
    """Distance from a number that bf16 holds to the next smaller one."""
    bits = torch.tensor(x).view(torch.int32) - (1 << 16)
    return x - bits.view(torch.float32).item()


def stuck_rate(x: float = 1.0) -> float:
    """Largest update downwards that leaves a positive weight where it is: half of the spacing."""
    return spacing_below(x) / 2


def moved(rate: float) -> tuple[float, float, float]:
    """Share of matrix weights, of gains, and of fp32 weights that AdamW's first step moves."""
    torch.manual_seed(0)
    model, s = initialize(GPT(Config())), Settings(decay=0)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(nearest(p))
    accumulate(model, [batch(halves()[0], 0, s.rows, model.c.context)])
    changed: dict[str, list[Tensor]] = {"matrix": [], "gain": [], "fp32": []}
    for name, p in model.named_parameters():
        before = p.detach().clone()
        adamw(p, torch.zeros_like(p), torch.zeros_like(p), 1, rate, s)
        after = p.detach()
        changed["fp32"].append((after != before).flatten())
        if not name.endswith("bias"):
            kind = "gain" if "norm" in name else "matrix"
            changed[kind].append((nearest(after) != before).flatten())
    matrix, gain, exact = (torch.cat(c).double().mean().item() for c in changed.values())
    return matrix, gain, exact


def example_moved() -> None:
    """Share of the weights that one step of AdamW changes, by learning rate."""
    print("rate       bf16 matrices   bf16 gains   fp32 weights")
    for rate in RATES:
        matrix, gain, exact = moved(rate)
        print(f"{rate:<10g} {matrix:13.1%} {gain:12.1%} {exact:14.1%}")


def drift(keep: str, steps: int = STEPS) -> list[float]:
    """A gain of 1 whose gradient always points the same way, after each step of AdamW."""
    s, draws = Settings(), torch.Generator().manual_seed(0)
    p, m, v = torch.ones(1), torch.zeros(1), torch.zeros(1)
    path = [1.0]
    for t in range(1, steps + 1):
        p.grad = torch.ones(1)
        adamw(p, m, v, t, RATE, s)
        if keep != "fp32":
            p = nearest(p) if keep == "nearest" else stochastic(p, draws)
        path.append(p.item())
    return path


def figure_drift() -> Figure:
    """The gain over a hundred steps, kept in three ways."""
    figure = Figure(figsize=(5.2, 2.9), layout="constrained")
    axes = figure.subplots()
    labels = {"nearest": ("bf16, rounded to nearest: stuck", 1.004), "fp32": ("fp32 master", 0.93),
              "stochastic": ("bf16, rounded at random", 0.985)}  # fmt: skip
    for i, (keep, (label, y)) in enumerate(labels.items()):
        axes.plot(drift(keep), color=f"C{i}", linewidth=2)
        axes.text(62 if keep != "fp32" else 8, y, label, color=f"C{i}")
    axes.set(
        xlabel="steps of AdamW at rate 0.001", ylabel="value of a gain", ylim=(0.88, 1.015)
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about bf16."""
    matrix, gain, _ = moved(LATE_RATE)
    return {
        "stuck_rate": f"{stuck_rate():.5f}",
        "moved_matrix": f"{matrix:.0%}",
        "moved_gain": f"{gain:.0%}",
        "drift_master": f"{drift('fp32')[-1]:.1f}",
        "drift_stuck": f"{drift('nearest')[-1]:.1f}",
    }


if __name__ == "__main__":
    example_moved()
