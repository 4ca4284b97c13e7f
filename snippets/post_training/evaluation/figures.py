"""Evaluation: plots of power, of repeated tries, and of a corrected judge."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snippets.post_training.evaluation.attempts import AGENTS, all_of, any_of
from snippets.post_training.evaluation.errors import HUMANEVAL, Z95
from snippets.post_training.evaluation.judges import TRUTH, judged
from snippets.post_training.evaluation.judges import WAYS as JUDGES
from snippets.post_training.evaluation.power import WAYS
from snippets.post_training.evaluation.questions import detectable, questions_needed


def plain(axes: Axes) -> None:
    """Takes the frame away, but for the two axes."""
    axes.spines[["top", "right"]].set_visible(False)


def figure_detectable() -> Figure:
    """The smallest difference that a number of questions shows, two ways."""
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axes = figure.subplots()
    counts = [round(60 * 1.1**i) for i in range(55)]
    axes.axvline(HUMANEVAL, color="gray", linestyle=":", linewidth=1)
    for i, way in enumerate(("two error bars", "paired")):
        wide = WAYS[way]
        axes.plot(counts, [100 * detectable(n, wide) for n in counts], color=f"C{i}")
        here, needed = 100 * detectable(HUMANEVAL, wide), questions_needed(0.03, wide)
        axes.plot([HUMANEVAL, needed], [here, 3], "o", color=f"C{i}", markersize=4)
        right, up, ha, va = (7, 2, "left", "bottom") if i == 0 else (-4, -3, "right", "top")
        label = f"{way}\n{needed:,}"
        axes.annotate(
            label, (needed, 3), (right, up), color=f"C{i}",
            textcoords="offset points", ha=ha, va=va,
        )  # fmt: skip
        axes.annotate(
            f"{here:.1f}",
            (HUMANEVAL, here),
            (6, 2),
            color=f"C{i}",
            textcoords="offset points",
        )
    axes.annotate(
        f"HumanEval: {HUMANEVAL}", (HUMANEVAL, 19), (4, 0), color="gray",
        textcoords="offset points", va="top",
    )  # fmt: skip
    axes.axhline(3, color="gray", linestyle=":", linewidth=1)
    axes.set(
        xscale="log", yscale="log", xlabel="questions", xlim=(60, 10_000), ylim=(1, 20),
        ylabel="smallest difference shown, points",
    )  # fmt: skip
    axes.set_xticks([100, 1000, 10_000], ["100", "1,000", "10,000"])
    axes.set_yticks([1, 2, 3, 5, 10, 20], ["1", "2", "3", "5", "10", "20"])
    plain(axes)
    return figure


def figure_tries() -> Figure:
    """Both measures of two agents, from one try to eight."""
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axes = figure.subplots()
    tries = range(1, 9)
    for i, (name, agent) in enumerate(AGENTS.items()):
        for formula, style in ((any_of, "-"), (all_of, "--")):
            values = [100 * formula(k, agent) for k in tries]
            axes.plot(tries, values, style, color=f"C{i}")
            label = f"{name} {'any' if formula is any_of else 'all'}: {values[-1]:.3g}%"
            axes.annotate(
                label, (8, values[-1]), (5, 0), color=f"C{i}", va="center",
                textcoords="offset points",
            )  # fmt: skip
    axes.set(xlabel="tries, k", ylabel="tasks, %", xlim=(1, 11), ylim=(-6, 104))
    axes.set_xticks([1, 2, 4, 8])
    plain(axes)
    return figure


def figure_judged() -> Figure:
    """The lead of the styled model with its interval, four ways, five seeds each."""
    figure = Figure(figsize=(5.2, 2.6), layout="constrained")
    axes = figure.subplots()
    for i, way in enumerate(JUDGES):
        for seed in range(5):
            lead, error = judged(way, seed)
            y, half = 0.3 - 0.15 * seed - i, 100 * Z95 * error
            axes.plot(
                [100 * lead - half, 100 * lead + half], [y, y], color=f"C{int(i == 0)}"
            )
            axes.plot([100 * lead], [y], "o", color=f"C{int(i == 0)}", markersize=3)
    axes.axvline(100 * TRUTH, color="black", linestyle=":", linewidth=1)
    axes.axvline(0, color="gray", linewidth=1)
    axes.annotate(
        "truth", (100 * TRUTH, 0.6), (4, 0), textcoords="offset points", va="center"
    )
    axes.set_yticks([-i for i in range(len(JUDGES))], JUDGES)
    axes.set(xlabel="lead of the styled model, points", ylim=(-3.5, 0.8))
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure
