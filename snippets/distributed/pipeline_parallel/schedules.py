"""Pipeline parallelism: schedules as lists of actions, and a clock that plays them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


# --8<-- [start:action]
class Action(NamedTuple):
    """One piece of work of a rank: `F` forward, `B` backward, `I` and `W` its two halves."""

    kind: str  # F; B; or I, gradient of the input, and W, gradient of the weights
    micro: int  # micro-batch
    stage: int  # of all stages of the model: rank + chunk * ranks


# --8<-- [end:action]


# --8<-- [start:orders]
def gpipe(rank: int, ranks: int, micros: int) -> list[Action]:
    """All forwards, then all backwards."""
    return [Action(kind, i, rank) for kind in "FB" for i in range(micros)]


def one_f_one_b(
    rank: int, ranks: int, micros: int, chunks: int = 1, split: bool = False
) -> list[Action]:
    """Warm up, then one forward and one backward in turn.

    With `chunks` stages of the model on each rank, `micros` is a multiple of `ranks`. `split`
    splits the backward pass, and lets gradients of weights wait (ZB-H1).
    """
    total, warm = micros * chunks, (chunks - 1) * ranks + (ranks - 1 - rank)
    if chunks > 1:
        warm += ranks - 1 - rank

    def at(step: int, forward: bool) -> tuple[int, int]:
        """Micro-batch and stage of the rank's n-th forward or backward."""
        group, inside = divmod(step, ranks * chunks)
        chunk, micro = divmod(inside, ranks)
        return group * ranks + micro, rank + ranks * (
            chunk if forward else chunks - 1 - chunk
        )

    actions, pending = [], list[Action]()
    for step in range(total + warm):
        if step < total:
            actions.append(Action("F", *at(step, True)))
        if step >= warm:
            actions.append(Action("I" if split else "B", *at(step - warm, False)))
            pending.append(actions[-1]._replace(kind="W"))
            if split and step - warm >= rank:  # so many weight gradients lie in store
                actions.append(pending.pop(0))
    return actions + (pending if split else [])


# --8<-- [end:orders]


class Span(NamedTuple):
    """An action with its start and end."""

    start: float
    end: float
    action: Action


# --8<-- [start:play]
def needs(action: Action, last: int) -> list[Action]:
    """What must be done before an action, on whatever rank."""
    kind, _, stage = action
    if kind == "F":
        return [action._replace(stage=stage - 1)] if stage else []
    if kind == "W":
        return [action._replace(kind="I")]
    after = [] if stage == last else [action._replace(stage=stage + 1)]
    return [action._replace(kind="F"), *after]


def play(
    orders: Sequence[Sequence[Action]],
    seconds: dict[str, float],
    slow: dict[int, float] | None = None,
) -> list[list[Span]]:
    """Run each rank's list in its order; `slow` multiplies the times of single stages."""
    last = max(action.stage for order in orders for action in order)
    done: dict[Action, float] = {}
    spans: list[list[Span]] = [[] for _ in orders]
    while waiting := [r for r, order in enumerate(orders) if len(spans[r]) < len(order)]:
        heads = {r: orders[r][len(spans[r])] for r in waiting}
        missing = {r: [n for n in needs(heads[r], last) if n not in done] for r in waiting}
        if all(missing.values()):
            raise RuntimeError(f"every rank waits: {stuck(missing)}")
        for r in (r for r in waiting if not missing[r]):
            free = spans[r][-1].end if spans[r] else 0.0
            start = max([free, *(done[n] for n in needs(heads[r], last))])
            factor = (slow or {}).get(heads[r].stage, 1.0)
            done[heads[r]] = start + seconds[heads[r].kind] * factor
            spans[r].append(Span(start, done[heads[r]], heads[r]))
    return spans


# --8<-- [end:play]


def stuck(missing: dict[int, list[Action]]) -> str:
    """Each rank, and what it waits for first."""
    return "; ".join(
        f"rank {r} for {a.kind}{a.micro} of stage {a.stage}"
        for r, (a, *_) in missing.items()
    )
