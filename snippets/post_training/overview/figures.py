"""What the stages of post-training hold, and what each method needs."""

from __future__ import annotations

from typing import Literal

from matplotlib.figure import Figure

from snippets.post_training.overview.memory import GB, peak, phases
from snippets.post_training.overview.pilot import mixed
from snippets.post_training.overview.plans import plan

CARD = 80
PARTS = {
    "weights": "C0", "optimizer": "C1", "gradients": "C2", "reference": "C3", "sampler": "C4",
    "rollouts": "C5", "activations": "gray", "logits": "black",
}  # fmt: skip
BARS = [(stage, method) for stage in ("RL", "SFT") for method in ("QLoRA", "LoRA", "full")]


def figure_parts() -> Figure:
    """Bytes at the peak, by part, for Llama 3 8B."""
    figure = Figure(figsize=(5.4, 3.3), layout="constrained")
    axes = figure.subplots()
    for row, (stage, method) in enumerate(BARS):
        run = plan(stage, method)
        phase, size = peak(run)
        left = 0.0
        for name, color in PARTS.items():
            part = phases(run)[phase][name] / GB
            label = name if row == 0 else None
            axes.barh(row, part, left=left, color=color, height=0.62, label=label)
            left += part
        axes.text(size / GB + 2, row, f"{size / GB:.0f} GB", va="center", fontsize=9)
    axes.axvline(CARD, color="black", linestyle="--")
    axes.text(CARD + 1.5, 3.5, "one 80 GB GPU", fontsize=9, va="center")
    axes.legend(
        fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 0.02), frameon=False
    )
    axes.set_yticks(range(len(BARS)), [f"{stage}, {method}" for stage, method in BARS])
    axes.set(xlabel="GB on one GPU at the peak", xlim=(0, 178))
    return figure


def figure_groups() -> Figure:
    """Share of groups with a gradient over the pass rate."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = figure.subplots()
    rates = [10 ** (-4 + i / 40) for i in range(157)]
    for color, group in (("C0", 64), ("C1", 16), ("C2", 4)):
        axes.plot(rates, [100 * mixed(p, group) for p in rates], color=color)
        rate, words = {
            64: (0.027, "64"),
            16: (0.05, "16"),
            4: (0.06, "4 answers"),
        }[group]
        at = rate * (1.35 if group == 4 else 0.87)
        side: Literal["left", "right"] = "left" if group == 4 else "right"
        axes.text(at, 100 * mixed(rate, group), words, color=color, ha=side, fontsize=9)
    axes.plot([0.01], [100 * mixed(0.01, 16)], "o", color="C1")
    axes.annotate(
        f"1% pass: {mixed(0.01, 16):.0%} of groups of 16", (0.01, 100 * mixed(0.01, 16)), (0.00012, 30),
        fontsize=9, va="center", arrowprops={"arrowstyle": "-", "color": "gray"},
    )  # fmt: skip
    axes.set(
        xscale="log",
        xlabel="share of answers that pass the check",
        xlim=(1e-4, 0.8),
        ylim=(0, 105),
    )
    axes.set_xticks([1e-4, 1e-3, 1e-2, 0.1, 0.5], ["0.01%", "0.1%", "1%", "10%", "50%"])
    axes.set_ylabel("groups with a gradient, %")
    return figure
