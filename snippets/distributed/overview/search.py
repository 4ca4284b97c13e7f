"""Training planner: the fastest layouts that run, among those worth a look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from snippets.distributed.overview.layout import STATES, Layout
from snippets.distributed.overview.memory import memory
from snippets.distributed.overview.planner import problems, too_much
from snippets.distributed.overview.step_time import Assumptions, Step, mfu, step
from snippets.shapes.accelerators import MACHINES, Machine
from snippets.shapes.models import MODELS, Shape, parameters


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


def words(x: Layout) -> str:
    """A layout in a line."""
    degrees = {"TP": x.tp, "CP": x.cp, "PP": x.pp, "DP": x.dp, "EP": x.ep}
    shown = " × ".join(f"{k} {n}" for k, n in degrees.items() if n > 1) or "one accelerator"
    again = ", layers recomputed" if x.recompute == "layers" else ""
    chunks = f", {x.virtual} stages a rank" if x.virtual > 1 else ""
    return f"{shown}; ZeRO {x.zero}, micro-batch {x.micro}{chunks}{again}"


def sent(s: Step) -> list[list[object]]:
    """A table of what an accelerator sends in a step."""
    rows: list[list[object]] = [
        ["in a step", "GB in node", "GB out", "seconds", "not hidden"]
    ]
    for kind, t in s.traffic.items():
        if t.seconds:
            sizes = [f"{t.fast / 1e9:,.1f}", f"{t.slow / 1e9:,.1f}"]
            rows.append([kind, *sizes, f"{t.seconds:.2f}", f"{s.exposed[kind]:.2f}"])
    return rows


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


def facts() -> dict[str, str]:
    """Numbers that the page states about the plan for 70B."""
    x = Layout(dp=1024, batch=2048, zero=3)
    held = memory(MODELS["Llama 3 70B"], x)[1]
    own = parameters(MODELS["Llama 3 70B"]) * STATES[x.states].total / x.dp
    return {
        "plan_micros": f"{x.batch // x.dp}",
        "plan_states": f"{own / 1e9:.1f} GB",
        "plan_activations": f"{held['activations'] / 1e9:.0f} GB",
    }


if __name__ == "__main__":
    example_search()
