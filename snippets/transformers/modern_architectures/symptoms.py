"""Ways to load five architectures wrong without an error, and the token at which each shows."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from snippets.transformers.modern_architectures.block import decode
from snippets.transformers.modern_architectures.parts import Weights
from snippets.transformers.modern_architectures.switches import Switches, read
from snippets.transformers.modern_architectures.tiny import TINY, WINDOW, prompt, theirs

SEEDS, TOKENS = 5, 48


def shifted(s: Switches) -> tuple[int | None, ...]:
    """The pattern of windows, one layer early."""
    return s.pattern[1:] + s.pattern[:1]


# --8<-- [start:spoiled]
def emptied(w: Weights, ending: str) -> Weights:
    """The weights with one kind of tensor left at zero."""
    return {n: torch.zeros_like(t) if n.endswith(ending) else t for n, t in w.items()}


def turned(w: Weights) -> Weights:
    """The weights with the second matrix of each expert transposed."""
    return {n: t.mT if n.endswith("experts.down_proj") else t for n, t in w.items()}


def beheaded(w: Weights) -> Weights:
    """The weights with an output table of its own, freshly drawn."""
    table = w["model.embed_tokens.weight"]
    fresh = torch.randn(table.shape, generator=torch.Generator().manual_seed(9))
    return {**w, "lm_head.weight": 0.3 * fresh.to(table)}


# --8<-- [end:spoiled]


@dataclass(frozen=True)
class Mistake:
    """A wrong reading of a right checkpoint: of its configuration, or of its tensors."""

    model: str
    switches: Callable[[Switches], dict[str, Any]] = lambda s: {}
    weights: Callable[[Weights], Weights] = lambda w: w


# --8<-- [start:mistakes]
MISTAKES = {
    "1 + w read as w": Mistake("Gemma 3", lambda s: {"unit_norm": False}),
    "a fresh head instead of the tied one": Mistake(
        "Gemma 3", lambda s: {"tied": False}, beheaded
    ),
    "gate and up split in halves": Mistake("gpt-oss", lambda s: {"fused": "halves"}),
    "experts' second matrix transposed": Mistake("gpt-oss", weights=turned),
    "sinks left at zero": Mistake("gpt-oss", weights=lambda w: emptied(w, "sinks")),
    "routing bias left at zero": Mistake(
        "DeepSeek-V3", weights=lambda w: emptied(w, "correction_bias")
    ),
    "scores scaled by the head's width": Mistake("Gemma 3", lambda s: {"scale": 0.0}),
    "rotary pairs read as halves": Mistake("DeepSeek-V3", lambda s: {"adjacent": False}),
    "windows one layer early": Mistake("gpt-oss", lambda s: {"pattern": shifted(s)}),
}
# --8<-- [end:mistakes]


def divergence(right: Tensor, got: Tensor) -> Tensor:
    """KL divergence at each position, in nats: two [1, S, V] to [S]."""
    p, q = right.double().log_softmax(-1), got.double().log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1)[0]


@cache
def profile(name: str) -> Tensor:
    """What a mistake costs at each token, of several random models: [seeds, S]."""
    mistake = MISTAKES[name]
    config, rows = TINY[mistake.model], []
    for seed in range(SEEDS):
        w, s, tokens = theirs(config, seed).state_dict(), read(config), prompt(TOKENS, seed)
        wrong = replace(s, **mistake.switches(s))
        right, got = decode(tokens, w, s)[0], decode(tokens, mistake.weights(w), wrong)[0]
        rows.append(divergence(right, got))
    return torch.stack(rows)


def onset(name: str) -> int:
    """The first token, counted from one, at which any of the models differs."""
    return int((profile(name) > 1e-9).any(0).nonzero()[0]) + 1


def example_onset() -> None:
    """Where each mistake begins, and its KL at the first token, within a window and beyond."""
    print(f"{'':38}{'model':13}{'from':>4}{'first':>7}{'to 8':>7}{'after':>7}")
    for name, mistake in MISTAKES.items():
        means = profile(name).median(0).values
        parts = means[:1], means[1:WINDOW], means[WINDOW:]
        cells = "".join(f"{part.mean():7.2f}" for part in parts)
        print(f"{name:38}{mistake.model:13}{onset(name):4d}{cells}")


SHOWN = {
    "1 + w read as w": "C0",
    "rotary pairs read as halves": "C1",
    "windows one layer early": "C2",
    "scores scaled by the head's width": "C3",
    "sinks left at zero": "C4",
}


def figure_onset() -> Figure:
    """KL divergence by token, one line for each mistake."""
    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, color in SHOWN.items():
        median = profile(name).median(0).values
        shown = [(i + 1, v.item()) for i, v in enumerate(median) if v > 1e-9]
        axes.plot(
            *zip(*shown, strict=True), color=color, marker=".", markersize=3, label=name
        )
        axes.plot(*shown[0], color=color, marker="o")
    axes.axvline(WINDOW + 1, color="gray", linewidth=0.8, linestyle=":")
    axes.set(xlabel="token", ylabel="KL from the right model, nats", yscale="log")
    axes.set_xticks([1, WINDOW + 1, 24, TOKENS])
    axes.set_ylim(1e-3, 60)
    axes.legend(ncols=2, fontsize=8, frameon=False, loc="upper right", columnspacing=1)
    return figure


def facts() -> dict[str, str]:
    """Where two of the mistakes begin."""
    return {
        "onset_windows": f"{onset('windows one layer early')}",
        "onset_rotary": f"{onset('rotary pairs read as halves')}",
    }


if __name__ == "__main__":
    example_onset()
