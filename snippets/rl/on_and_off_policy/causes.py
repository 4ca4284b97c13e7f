"""Four causes of a gap between sampler and trainer, each alone, read from a log of its own."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from snippets.rl.on_and_off_policy import logs, shares
from snippets.rl.on_and_off_policy.drawing import plain
from snippets.rl.on_and_off_policy.logs import Reply
from snippets.rl.on_and_off_policy.verdict import judge
from snippets.rl.on_and_off_policy.writer import sample, score, writer

REPLIES, TOKENS, BATCH = 256, 256, 1024
HONEST = ("other precision", "older weights")

PLACES = {
    "other precision": (20, 0.93, "C0"),
    "older weights": (40, 0.72, "C1"),
    "temperature not logged": (3.2, 0.28, "C2"),
    "top-p in the sampler": (1.1, 1.03, "C3"),
}


def replies(logged: Tensor, scored: Tensor) -> list[Reply]:
    """Rows of two tensors as replies."""
    rows = zip(logged.double().tolist(), scored.double().tolist(), strict=True)
    return [Reply(tuple(sampler), tuple(trainer)) for sampler, trainer in rows]


@functools.cache
def everything() -> dict[str, list[Reply]]:
    """The log of each cause, by its name."""
    trainer = writer()
    size = (REPLIES, TOKENS, 7)
    runs = {
        "other precision": (sample(trainer.to(torch.bfloat16), *size), 1.0),
        "older weights": (sample(trainer.moved(0.03, 1), *size), 1.0),
        "temperature not logged": (sample(trainer, *size, 0.9, raw=True), 0.9),
        "top-p in the sampler": (sample(trainer, *size, top_p=0.95), 1.0),
    }
    return {
        name: replies(logged, score(trainer, tokens, temperature))
        for name, ((tokens, logged), temperature) in runs.items()
    }


def kept_mass() -> float:
    """Mean weight of a token where the sampler keeps the likeliest tokens only."""
    return shares.mean_weight(everything()["top-p in the sampler"])[0]


def blind_share() -> float:
    """Effective share of that log at full length."""
    return shares.effective_share(shares.cut(everything()["top-p in the sampler"], TOKENS))


def precise_share() -> float:
    """Effective share at full length where precision alone differs."""
    return shares.effective_share(shares.cut(everything()["other precision"], TOKENS))


def example_causes() -> None:
    """Mean weight and spread of a token, and what the batch is worth at three lengths."""
    print(f"{'cause':24s}{'mean weight':>12s}{'spread':>8s}{'16':>7s}{'64':>7s}{'256':>7s}")
    for name, log in everything().items():
        mean, error = shares.mean_weight(log)
        worth = "".join(
            f"{shares.effective_share(shares.cut(log, n)):7.3f}" for n in (16, 64, 256)
        )
        print(f"{name:24s}{mean:7.4f}±{error:.4f}{shares.token_spread(log):8.4f}{worth}")


def example_verdicts() -> None:
    """The same logs through a file: what they support."""
    with tempfile.TemporaryDirectory() as folder:
        for name, log in everything().items():
            path = Path(folder) / "log.jsonl"
            path.write_text(logs.write(log), encoding="utf-8")
            print(f"{name:24s}{judge(logs.read_file(path), BATCH).correction}")


def figure_shares() -> Figure:
    """Measured share by length for each cause; dashed: what the spread predicts."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = plain(figure)
    for name, (x, y, color) in PLACES.items():
        rows = shares.by_length(everything()[name])
        lengths = [n for n, _, _ in rows]
        axes.plot(lengths, [seen for _, seen, _ in rows], color=color, linewidth=2)
        axes.plot(lengths, [told for *_, told in rows], "--", color=color, linewidth=1)
        axes.annotate(name, (x, y), color=color)
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
    axes.set(
        xlabel="tokens of the reply that count", ylabel="effective share", ylim=(0, 1.12)
    )
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about causes."""
    return {
        "kept_mass": f"{kept_mass():.3f}",
        "blind_share": f"{blind_share():.3f}",
        "precise_share": f"{precise_share():.2f}",
    }


if __name__ == "__main__":
    example_causes()
    example_verdicts()
