"""Training planner: the fastest layouts that run, among those worth a look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from snippets.distributed.overview_layout import MACHINES, Layout, Machine
from snippets.distributed.overview_models import MODELS, Shape
from snippets.distributed.overview_planner import problems, too_much
from snippets.distributed.overview_time import Assumptions, Step, mfu, step


class Plan(NamedTuple):
    """A layout that runs, and its step."""

    layout: Layout
    step: Step


def powers(most: int) -> list[int]:
    """1, 2, 4 … up to `most`."""
    return [2**i for i in range(most.bit_length())]


def layouts(m: Shape, base: Layout, machine: Machine, count: int) -> Iterator[Layout]:
    """Layouts worth a look: powers of two, TP inside the node, layers recomputed last."""
    one_way = base.schedule == "1F1B"
    for tp in powers(min(machine.node, 16)):
        for cp in powers(max(1, base.sequence // 8192)):
            for pp in powers(min(m.layers, count // (tp * cp))):
                dp = count // (tp * cp * pp)
                for ep in powers(min(m.experts, dp * cp)) if m.experts else [1]:
                    chunks = (
                        powers(min(8, -(-m.layers // pp))) if pp > 1 and one_way else [1]
                    )
                    for virtual in chunks:
                        for zero in (1, 3) if pp == 1 else (1,):
                            yield replace(
                                base, tp=tp, cp=cp, pp=pp, dp=dp, ep=ep, virtual=virtual, zero=zero,
                                shard=0, schedule=base.schedule if pp > 1 else "1F1B",
                            )  # fmt: skip


def search(
    m: Shape, base: Layout, machine: Machine, count: int, a: Assumptions | None = None
) -> list[Plan]:
    """Layouts that run, fastest first; `base` gives batch, sequence, precision and states."""
    a, found = a or Assumptions(), list[Plan]()
    for x in layouts(m, base, machine, count):
        for micro in (1, 2, 4):
            for recompute in ("elementwise", "layers"):
                y = replace(x, micro=micro, recompute=recompute)
                if not problems(m, y, machine, count) and not too_much(m, y, machine, a):
                    found.append(Plan(y, step(m, y, machine, a)))
                    break  # what fits needs no recomputation
    return sorted(found, key=lambda plan: plan.step.seconds)


def example_search() -> None:
    """The fastest layouts for four models, with a batch of 16 million tokens."""
    print(
        f"{'':14s}{'GPUs':>7s}{'TP':>4s}{'PP':>4s}{'DP':>5s}{'v':>3s}{'ZeRO':>6s}{'micro':>6s}{'MFU':>7s}"
    )
    for name, count in (
        ("Llama 3 8B", 64),
        ("Llama 3 70B", 1024),
        ("Llama 3 405B", 16_384),
    ):
        m, machine = MODELS[name], MACHINES["H100"]
        for x, s in search(m, Layout(batch=2048), machine, count)[:2]:
            share = mfu(m, x, machine, s.seconds, causal=True)
            degrees = f"{x.tp:4d}{x.pp:4d}{x.dp:5d}{x.virtual:3d}{x.zero:6d}{x.micro:6d}"
            print(f"{name:14s}{count:7,d}{degrees}{share:7.1%}")


if __name__ == "__main__":
    example_search()
