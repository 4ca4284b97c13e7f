"""How long a decode step takes by the tokens that are cached, in three designs."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snippets.inference.kv_cache.designs import FP8, TWO_GPUS, WIDE, token_bytes
from snippets.inference.kv_cache.sizes import LLAMA, tokens_that_fit
from snippets.inference.kv_cache.timing import (
    PAIR_BANDWIDTH,
    WEIGHTS,
    crossover_tokens,
    decode_step_seconds,
)

DESIGNS = {  # bytes per token
    "MHA": token_bytes(WIDE),
    "GQA": token_bytes(LLAMA),
    "GQA in fp8": token_bytes(LLAMA, FP8),
}


def step_ms(tokens: int, bytes_per_token: float) -> float:
    """Least time of a decode step on two H100s, in milliseconds."""
    return 1e3 * decode_step_seconds(WEIGHTS, 1, tokens, bytes_per_token, PAIR_BANDWIDTH)


def landmarks(bytes_per_token: float) -> tuple[int, int]:
    """Cached tokens at which two GPUs are full, and at which the cache equals the weights."""
    full = tokens_that_fit(TWO_GPUS, WEIGHTS, bytes_per_token)
    return round(full), round(crossover_tokens(WEIGHTS, bytes_per_token))


LABELS = {  # points from the dot, and where the text is anchored
    "MHA": (-2, 8, "right", "bottom"),
    "GQA": (-2, 8, "right", "bottom"),
    "GQA in fp8": (8, -1, "left", "top"),
}


def draw_design(axes: Axes, name: str, color: str) -> None:
    """A line up to the dot where two GPUs are full, and dashes beyond."""
    size = DESIGNS[name]
    full, even = landmarks(size)
    held = [round(full * j / 60) for j in range(4, 61)]
    beyond = [round(full + (1.15 * even - full) * j / 60) for j in range(61)]
    axes.plot(held, [step_ms(n, size) for n in held], color=color, linewidth=2)
    axes.plot(beyond, [step_ms(n, size) for n in beyond], "--", color=color, alpha=0.6)
    axes.plot([full], [step_ms(full, size)], "o", color=color)
    right, up, ha, va = LABELS[name]
    axes.annotate(
        f"{name}\n{full:,}", (full, step_ms(full, size)), (right, up), color=color,
        textcoords="offset points", ha=ha, va=va,
    )  # fmt: skip
    axes.plot([even], [step_ms(even, size)], "s", color=color, markersize=4)


def figure_step() -> Figure:
    """Step time by cached tokens, for three designs of the same model."""
    figure = Figure(figsize=(4.8, 3.3), layout="constrained")
    axes = figure.subplots()
    for i, name in enumerate(DESIGNS):
        draw_design(axes, name, f"C{i}")
    (first, _), (middle, crossing), (_, last) = (
        landmarks(size) for size in DESIGNS.values()
    )
    start, end, floor = first / 12, 1.3 * last, step_ms(0, DESIGNS["GQA"])
    notes = (
        (floor, middle, -4, "top", f"weights alone: {floor:.1f} ms"),
        (2 * floor, end, 4, "bottom", "cache as large as the weights"),
    )
    for y, right, up, va, words in notes:
        axes.hlines(y, start, right, color="gray", linestyle=":", linewidth=1)
        axes.annotate(
            words, (start, y), (4, up), color="gray", textcoords="offset points", va=va
        )
    axes.annotate(
        f"{crossing:,}", (crossing, 2 * floor), (-6, -4), color="C1",
        textcoords="offset points", ha="right", va="top",
    )  # fmt: skip
    axes.set(
        xscale="log", xlabel="cached tokens of all users", ylabel="least time of a step, ms",
        xlim=(start, end), ylim=(17, 48),
    )  # fmt: skip
    axes.set_xticks([1e3, 1e4, 1e5, 1e6], ["1,000", "10,000", "100,000", "1 million"])
    axes.spines[["top", "right"]].set_visible(False)
    return figure
