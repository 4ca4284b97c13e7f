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
def needs(action: Action, last: int) -> Action | None:
    """What must be done before an action, on whatever rank."""
    if action.kind == "W":
        return action._replace(kind="I")
    if action.kind == "F":
        return action._replace(stage=action.stage - 1) if action.stage else None
    if action.stage == last:
        return action._replace(kind="F")
    return action._replace(stage=action.stage + 1)


def play(
    orders: Sequence[Sequence[Action]],
    seconds: dict[str, float],
    slow: dict[int, float] | None = None,
) -> list[list[Span]]:
    """Run each rank's list in its order; `slow` multiplies the times of single stages."""
    last = max(action.stage for order in orders for action in order)
    done: dict[Action | None, float] = {None: 0.0}
    spans: list[list[Span]] = [[] for _ in orders]
    while waiting := [r for r, order in enumerate(orders) if len(spans[r]) < len(order)]:
        heads = {r: orders[r][len(spans[r])] for r in waiting}
        ready = [r for r in waiting if needs(heads[r], last) in done]
        if not ready:
            raise RuntimeError(f"every rank waits: {stuck(heads, last)}")
        for r in ready:
            start = max(spans[r][-1].end if spans[r] else 0.0, done[needs(heads[r], last)])
            done[heads[r]] = start + seconds[heads[r].kind] * (slow or {}).get(
                heads[r].stage, 1.0
            )
            spans[r].append(Span(start, done[heads[r]], heads[r]))
    return spans


# --8<-- [end:play]


def stuck(heads: dict[int, Action], last: int) -> str:
    """Each rank, and what it waits for."""
    wants = {rank: needs(action, last) for rank, action in heads.items()}
    return "; ".join(
        f"rank {r} for {a.kind}{a.micro} of stage {a.stage}" for r, a in wants.items() if a
    )
