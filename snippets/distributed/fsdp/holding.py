"""FSDP: which part of the weights, gradients and optimizer a rank holds. Standard library only."""

from __future__ import annotations

from snippets.distributed.fsdp.calculator import Span

Time = tuple[float, float]
SHARDED_FROM = {"weights": 3, "gradients": 2, "optimizer": 1}  # stage of ZeRO


def held(rank: int, ranks: int, stage: int) -> dict[str, Time]:
    """From where to where a rank holds each kind of number, as shares of the whole."""
    part = (rank / ranks, (rank + 1) / ranks)
    return {
        kind: part if stage >= first else (0.0, 1.0) for kind, first in SHARDED_FROM.items()
    }


def whole(link: list[Span], work: list[Span]) -> dict[int, dict[str, list[Time]]]:
    """By unit, from when to when its weights and its gradients are whole in memory.

    Weights stay from the start of their gather to the end of the pass that needs them; gradients
    from the start of their backward pass to the end of their reduction.
    """
    found: dict[int, dict[str, list[Time]]] = {}
    for unit in units(work):
        gathers = [start for start, _, name in link if name == f"G{unit}"]
        passes = [span for span in work if int(span[2][1:]) == unit]
        weights = [(g, end) for g, (_, end, _) in zip(gathers, passes, strict=True)]
        if weights[1][0] <= weights[0][1]:  # gathered again before it was freed
            weights = [(weights[0][0], weights[1][1])]
        reduced = next(end for _, end, name in link if name == f"R{unit}")
        found[unit] = {"weights": weights, "gradients": [(passes[1][0], reduced)]}
    return found


def units(work: list[Span]) -> list[int]:
    """The units of a timeline, in the order of the forward pass."""
    return [int(span[2][1:]) for span in work if span[2][0] == "F"]


def most(link: list[Span], work: list[Span]) -> int:
    """Units whose weights are whole at the same time, at most."""
    found = [spans["weights"] for spans in whole(link, work).values()]
    moments = [start for spans in found for start, _ in spans]
    return max(
        sum(start <= now < end for spans in found for start, end in spans)
        for now in moments
    )


def waits(link: list[Span], work: list[Span]) -> tuple[float, float]:
    """Time before the first block computes, and after the last one has computed."""
    return work[0][0], max(link[-1][1], work[-1][1]) - work[-1][1]
