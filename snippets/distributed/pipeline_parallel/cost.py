"""Pipeline parallelism: bubble and memory of each schedule, played and by formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from snippets.distributed.pipeline_parallel.schedules import (
    Action,
    Span,
    gpipe,
    one_f_one_b,
    play,
)

SECONDS = {"F": 1.0, "B": 2.0, "I": 1.0, "W": 1.0}  # of a whole rank's layers


# --8<-- [start:formulas]
def bubble(ranks: int, micros: int, chunks: int = 1) -> float:
    """Idle time over working time of GPipe and 1F1B, and of 1F1B over `chunks` stages a rank.

    Source: Narayanan et al. 2021, section 2.2.
    """
    return (ranks - 1) / (chunks * micros)


def split_bubble(
    ranks: int, micros: int, forward: float, backward: float, weight: float
) -> float:
    """The same when weight gradients are split off and fill the gaps (ZB-H1).

    Source: DeepSeek, DualPipe: (PP - 1)(F + B - 2W).
    """
    return (ranks - 1) * (forward + backward - 2 * weight) / (micros * (forward + backward))


# --8<-- [end:formulas]


def step_seconds(ranks: int, micros: int, forward: float, backward: float) -> float:
    """Length of a step under GPipe or 1F1B: ideal time and bubble."""
    return micros * (forward + backward) * (1 + bubble(ranks, micros))


def idle_share(spans: Sequence[Sequence[Span]]) -> float:
    """Idle over working time of the first rank, until all are done."""
    end, work = max(s[-1].end for s in spans), sum(s.end - s.start for s in spans[0])
    return (end - work) / work


def most_held(order: Sequence[Action], chunks: int = 1) -> float:
    """Micro-batches whose activations a rank holds at once, counted in whole ranks' layers."""
    ends = "W" if any(action.kind == "W" for action in order) else "B"
    held = most = 0
    for action in order:
        held += (action.kind == "F") - (action.kind == ends)
        most = max(most, held)
    return most / chunks


def orders(schedule: str, ranks: int, micros: int, chunks: int = 2) -> list[list[Action]]:
    """Every rank's list under a named schedule."""
    make: dict[str, Callable[[int, int, int], list[Action]]] = {
        "GPipe": gpipe,
        "1F1B": one_f_one_b,
        "interleaved": partial(one_f_one_b, chunks=chunks),
        "zero bubble": partial(one_f_one_b, split=True),
    }
    return [make[schedule](rank, ranks, micros) for rank in range(ranks)]


def example_schedules() -> None:
    """Four ranks, eight micro-batches; a forward takes 1, a backward 2."""
    print(
        f"{'p = 4, m = 8':14s}{'step':>6s}{'bubble':>8s}{'formula':>9s}{'held, first':>13s}{'last':>6s}"
    )
    formulas = {
        "GPipe": bubble(4, 8),
        "1F1B": bubble(4, 8),
        "interleaved": bubble(4, 8, 2),
        "zero bubble": split_bubble(4, 8, 1, 2, 1),
    }
    for name, formula in formulas.items():
        chunks = 2 if name == "interleaved" else 1
        lists = orders(name, 4, 8)
        spans = play(lists, {kind: time / chunks for kind, time in SECONDS.items()})
        end = max(s[-1].end for s in spans)
        held = most_held(lists[0], chunks), most_held(lists[-1], chunks)
        print(
            f"{name:14s}{end:6.1f}{idle_share(spans):8.1%}{formula:9.1%}{held[0]:13.1f}{held[1]:6.1f}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about schedules."""
    held = {name: most_held(orders(name, 4, 64)[0]) for name in ("GPipe", "1F1B")}
    return {
        "bubble_4_8": f"{bubble(4, 8):.1%}",
        "bubble_2": f"{bubble(4, 8, 2):.1%}",
        "bubble_zb": f"{split_bubble(4, 8, 1, 2, 1):.1%}",
        "gpipe_held": f"{held['GPipe']:.0f}",
        "f1b1_held": f"{held['1F1B']:.0f}",
        "micros_10": f"{next(m for m in range(1, 999) if bubble(8, m) <= 0.1)}",
        "interleaved_held": f"{most_held(orders('interleaved', 4, 8)[0], 2):.1f}",
        "bubble_16": f"{bubble(16, 16):.0%}",
    }


if __name__ == "__main__":
    example_schedules()
