"""Collectives: the figure of rings over eight network cards."""

from __future__ import annotations

from itertools import pairwise

from snippets.distributed.collectives.figures import MUTED, svg, write
from snippets.distributed.collectives.nccl import NIC
from snippets.distributed.collectives.units import with_unit
from snippets.distributed.collectives.wiring import GPUS, NODES, WIRINGS, Place, sent


def place(at: Place, top: float) -> tuple[float, float]:
    """Where a GPU of one of the first two nodes stands."""
    node, gpu = at
    return 16 + 140 * node + 13 * gpu, top + 22


def path(order: list[Place], top: float, line: str) -> str:
    """A ring's way through the first two nodes: straight inside, below from node to node."""
    parts = []
    for here, there in pairwise(order):
        if max(here[0], there[0]) > 1:
            continue
        (x, y), (to, _) = place(here, top), place(there, top)
        if here[0] != there[0]:
            parts.append(
                f"M{x:g} {y + 5:g}C{x:g} {y + 34:g} {to:g} {y + 34:g} {to:g} {y + 5:g}"
            )
        elif abs(here[1] - there[1]) == 1:
            parts.append(f"M{x:g} {y:g}H{to:g}")
        else:  # from the last GPU to the first
            parts.append(
                f"M{x:g} {y - 4:g}C{x:g} {y - 20:g} {to:g} {y - 20:g} {to:g} {y - 4:g}"
            )
    return f'<path d="{"".join(parts)}" fill="none" {line}/>'


def node(index: int, top: float) -> list[str]:
    """One of the first two nodes and its GPUs."""
    left, _ = place((index, 0), top)
    parts = [
        f'<rect x="{left - 10:g}" y="{top:g}" width="111" height="38" rx="4" fill="none" stroke="{MUTED}"/>'
    ]
    for gpu in range(GPUS):
        x, y = place((index, gpu), top)
        parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="4" fill="var(--md-default-bg-color)" stroke="currentColor"/>'
        )
    return parts


def bars(by_nic: list[float], most: float, bottom: float) -> list[str]:
    """What each NIC sends, and how long the busiest takes."""
    parts = [f'<path d="M274 {bottom + 0.5:g}h127" stroke="{MUTED}"/>']
    for nic, size in enumerate(by_nic):
        high = 42 * size / most
        parts.append(
            f'<rect x="{278 + 15.5 * nic:g}" y="{bottom - high:g}" width="11" height="{high:g}" fill="var(--fg-s1)"/>'
        )
    said = f"{with_unit(max(by_nic), 'GB', 2)}, {with_unit(max(by_nic) / NIC, 'ms', 1)}"
    return [*parts, write(338, bottom + 14, said, "middle")]


def figure_wiring() -> str:
    """Three orders of rings through two of the nodes, and what each NIC of a node sends."""
    shown = {name: rings for name, rings in WIRINGS.items() if name != "two levels"}
    most = max(max(sent(1e9, rings)) for rings in shown.values())
    body = [write(338, 12, "sent by each NIC", "middle", MUTED)]
    for index in (0, 1):
        body.append(
            write(61 + 140 * index, 12, f"node {index} of {NODES}", "middle", MUTED)
        )
    for row, (name, rings) in enumerate(shown.items()):
        top = 42 + 88 * row
        body.append(write(6, top - 7, name))
        for other in rings[1:]:
            body.append(path(other, top, f'stroke="{MUTED}" stroke-width="0.8"'))
        body.append(path(rings[0], top, 'stroke="var(--fg-s0)" stroke-width="2"'))
        body += [*node(0, top), *node(1, top), *bars(sent(1e9, rings), most, top + 40)]
    return svg(408, 284, body)
