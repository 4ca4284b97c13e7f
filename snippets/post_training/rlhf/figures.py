"""Plots: three ways to spend KL, and what best-of-n spends."""
# /// fieldguide
# timeout_s = 60
# tolerance.frontier = {rel = 0.05, abs = 2.0, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from snippets.post_training.rlhf.best_of import RIGHT, best_of, ceiling, quoted_kl, spent
from snippets.post_training.rlhf.frontier import SIZES, free_path
from snippets.post_training.rlhf.language import REFERENCE, TRUTH, expected, kl
from snippets.post_training.rlhf.optimum import peak, tilted
from snippets.post_training.rlhf.policy import BETAS, ends
from snippets.post_training.rlhf.preferences import proxy


def ways(axes: Axes, values: Tensor, column: int) -> None:
    """The three ways on one pair of axes."""
    path = [tilted(proxy(), beta) for beta in np.geomspace(0.05, 30, 120).tolist()]
    axes.plot(
        [kl(p, REFERENCE) for p in path],
        [expected(p, values) for p in path],
        "C0",
        linewidth=2,
    )
    free = free_path()
    axes.plot(kl(free, REFERENCE), free @ values, "C2", linewidth=1.2)
    kept = [best_of(n, proxy()) for n in SIZES]
    axes.plot(
        [kl(p, REFERENCE) for p in kept], [expected(p, values) for p in kept], "oC1", ms=5
    )
    axes.plot(
        ends()[:-1, :, 0].flatten(),
        ends()[:-1, :, column].flatten(),
        "x",
        color="black",
        ms=7,
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlim=(0, 5.6))


def figure_frontier() -> Figure:
    """Score above, worth below, over the KL spent."""
    figure = Figure(figsize=(5.2, 5.2), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    ways(above, proxy(), 1)
    ways(below, TRUTH, 2)
    above.set(ylabel="reward model's score", ylim=(0, 4.2))
    below.set(ylabel="worth to the user", xlabel="KL from the reference, nats", ylim=(0, 2))
    x, y = peak()
    below.plot([x], [y], "o", color="C0", ms=4)
    below.annotate(f"optimum peaks at {x:.2f} nats", (2.35, 0.42), color="C0", ha="center")
    below.plot([x, 1.6], [y - 0.05, 0.52], color="C0", linewidth=0.6)
    for n, kept in ((n, best_of(n, proxy())) for n in (4, 16, 64, 256)):
        place = (kl(kept, REFERENCE).item(), expected(kept))
        offset = (-14, 7) if n == 4 else (6, 4)
        below.annotate(f"n = {n}", place, offset, textcoords="offset points", color="C1")
    above.annotate("best policy for each KL", (0.3, 3.2), color="C0")
    above.annotate("best of n", (3.3, 2.62), color="C1")
    above.annotate("training without a price", (3.0, 1.5), color="C2")
    above.annotate(
        "× training at β = " + ", ".join(f"{b:g}" for b in BETAS[:-1]),
        (2.4, 0.5),
        color="black",
    )
    return figure


def figure_spent() -> Figure:
    """KL of best-of-n by n."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = figure.subplots()
    ns = [2**k for k in range(13)]
    axes.plot(ns, [quoted_kl(n) for n in ns], "--", color="gray")
    axes.plot(ns, [spent(n, proxy()) for n in ns], "C1", linewidth=2)
    axes.plot(ns, [spent(n, RIGHT) for n in ns], "C0", linewidth=2)
    axes.annotate("ln n − (n − 1)/n", (250, 5.1), color="gray", ha="right")
    label = f"reward model's\nscores, up to\n{ceiling(proxy()):.2f}"
    axes.annotate(label, (4096, 5.0), color="C1", ha="right", va="top")
    axes.annotate(
        f"pass or fail, up to {ceiling(RIGHT):.2f}",
        (4096, ceiling(RIGHT) - 0.1),
        color="C0",
        ha="right",
        va="top",
    )
    axes.set(
        xscale="log", xlabel="replies drawn, n", ylabel="KL, nats", xlim=(1, 4096), ylim=(0, 7.5)
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    torch.set_num_threads(1)
