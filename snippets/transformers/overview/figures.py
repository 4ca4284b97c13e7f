"""Two plots: one model under every rule of counting, and FLOPs of a token by its context."""

from __future__ import annotations

from matplotlib.figure import Figure

from snippets.shapes.configs import read
from snippets.shapes.counts import token_flops, total
from snippets.shapes.published import CONFIGS
from snippets.transformers.overview.sizes import BILLION, advertised, without
from snippets.transformers.overview.work import GIGA, SHOWN, crossover

AIR = "GLM-4.5-Air"
PRINTED = 106  # billions, zeng2025glm


def rules() -> dict[str, float]:
    """Sizes of GLM-4.5-Air in billions, by what is counted."""
    sizes = advertised(read(CONFIGS[AIR]))
    return {
        "head_dim lost": total(without(AIR, "head_dim")) / BILLION,
        "class, no tables": sizes["without embedding and output"] / BILLION,
        "the library's class": sizes["all, as the library builds it"] / BILLION,
        "draft layer, no tables": sizes["draft layer, no tables"] / BILLION,
        "class, draft layer": sizes["all, and the draft layer"] / BILLION,
        "the same and copies": sizes["all, draft layer and its copies"] / BILLION,
    }


def figure_rules() -> Figure:
    """One row for each rule: a dot at its size, and the printed size as a line."""
    figure = Figure(figsize=(5.2, 2.7), layout="constrained")
    axes = figure.subplots()
    sizes = rules()
    axes.axvline(PRINTED, color="gray", linestyle=":")
    axes.annotate(
        f"printed: {PRINTED}B", (PRINTED, len(sizes) - 0.4), (4, 0), color="gray",
        textcoords="offset points",
    )  # fmt: skip
    for row, (rule, size) in enumerate(reversed(sizes.items())):
        axes.plot([size], [row], "o", color="C1" if "lost" in rule else "C0")
        side, anchor = (7, "left") if size > PRINTED else (-7, "right")
        axes.annotate(
            f"{size:.2f}", (size, row), (side, 0), textcoords="offset points", va="center",
            ha=anchor,
        )  # fmt: skip
    axes.set_yticks(range(len(sizes)), list(reversed(sizes)))
    axes.set(
        xlabel="billion parameters of GLM-4.5-Air",
        xlim=(101.5, 112),
        ylim=(-0.6, len(sizes)),
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def figure_context() -> Figure:
    """GFLOP of a token by the tokens in view; a dot where half of them are for looking back."""
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axes = figure.subplots()
    contexts = [round(2 ** (9 + i / 4)) for i in range(41)]
    for i, name in enumerate(SHOWN):
        m = read(CONFIGS[name])
        work = [token_flops(m, n) / GIGA for n in contexts]
        axes.plot(contexts, work, color=f"C{i}", linewidth=2)
        even = crossover(m)
        axes.plot([even], [token_flops(m, even) / GIGA], "o", color=f"C{i}")
        axes.annotate(
            f"{name.partition(' 80B')[0]}: {even:,}", (contexts[-1], work[-1]), (5, 0), color=f"C{i}", va="center",
            textcoords="offset points",
        )  # fmt: skip
    axes.set(
        xscale="log", yscale="log", xlim=(512, 1.2e8), xlabel="tokens in view", ylabel="GFLOP per token"
    )  # fmt: skip
    axes.set_xticks([1e3, 1e4, 1e5], ["1,000", "10,000", "100,000"])
    axes.set_yticks([10, 100, 1000], ["10", "100", "1,000"])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    return figure
