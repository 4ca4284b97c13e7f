"""Tensor parallelism: our split layer beside DTensor's, and beside the whole layer."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.tensor_parallel.engine import (
    HEADS,
    HIDDEN,
    batch,
    step,
    whole_layer,
)
from snippets.distributed.tensor_parallel.layer import columns, rows

STEPS = [
    ("whole", False), ("ours", False), ("DTensor", False), ("DTensor, apart", False),
    ("ours", True), ("DTensor", True),
]  # fmt: skip


def compare(rank: int, folder: Path) -> None:
    """All of them on the same weights and the same batch."""
    steps = {key: step(*key, whole_layer(), batch()) for key in STEPS}
    torch.save(steps, folder / f"{rank}.pt")


def expected(gradients: dict[str, Tensor], rank: int, ranks: int) -> dict[str, Tensor]:
    """The whole layer's gradients, cut like our weights."""
    cut = {
        n.removeprefix("attention.").removeprefix("mlp."): g for n, g in gradients.items()
    }
    kv_heads = len(cut["k.bias"]) * HEADS // HIDDEN
    for end in ("weight", "bias"):
        parts = [
            columns(cut.pop(f"{name}.{end}"), rank, ranks, heads)
            for name, heads in (("q", None), ("k", kv_heads), ("v", kv_heads))
        ]
        cut[f"qkv.{end}"] = torch.cat(parts)
        cut[f"up.{end}"] = columns(cut[f"up.{end}"], rank, ranks)
    for name in ("out.weight", "down.weight"):
        cut[name] = rows(cut[name], rank, ranks)
    return cut


def largest_difference(step: dict[str, Any], whole: dict[str, Any], rank: int) -> float:
    """From the whole layer, of outputs and all gradients, relative to each tensor's largest."""
    ours, theirs = dict(step["gradients"]), expected(whole["gradients"], rank, RANKS)
    if "qkv.weight" not in ours:  # DTensor keeps the three projections apart
        ours = expected(ours, 0, 1)
    for name in ("output", "input gradient"):
        part = whole[name]
        if len(step[name]) < len(part):
            part = part.chunk(RANKS)[rank]
        ours[name], theirs[name] = step[name], part
    return max(
        ((ours[n] - theirs[n]).abs().max() / theirs[n].abs().max()).item() for n in theirs
    )


def results() -> list[dict[tuple[str, bool], dict[str, Any]]]:
    """What every rank has found."""
    folder = launch(compare)
    return [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]


def example_compare() -> None:
    """One layer on four ranks, in fp32: calls, bytes sent and held by a rank."""
    ranks = results()
    first = ranks[0]
    print(f"{'':20s}{'calls':>13s}{'KB sent':>15s}{'KB of':>9s}{'relative':>11s}")
    print(
        f"{'':20s}{'forw.':>6s}{'backw.':>7s}{'forw.':>8s}{'backw.':>7s}{'weights':>9s}"
        f"{'difference':>12s}"
    )
    for key, found in first.items():
        kind, sequence = key
        calls = [sum(c.values()) for c in found["calls"]]
        sent = [s / 1e3 for s in found["sent"]]
        apart = (
            largest_difference(r[key], r["whole", False], i) for i, r in enumerate(ranks)
        )
        print(
            f"{kind + (', sequence' if sequence else ''):20s}{calls[0]:6d}{calls[1]:7d}"
            f"{sent[0]:8.1f}{sent[1]:7.1f}{found['held'] / 1e3:9.1f}"
            + (
                ""
                if kind == "whole"
                else f"{'< 1e-5' if max(apart) < 1e-5 else 'more':>12s}"
            )
        )


if __name__ == "__main__":
    example_compare()
