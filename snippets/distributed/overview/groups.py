"""Training planner: which accelerators talk to each other, and which layers each rank has."""

from __future__ import annotations

from typing import NamedTuple

from snippets.distributed.overview.layout import Layout


class Group(NamedTuple):
    """Ranks that talk to each other: how many, and how many of them are in one node."""

    size: int
    inside: int

    @property
    def spans(self) -> bool:
        """Whether it leaves the node."""
        return self.inside < self.size


# --8<-- [start:groups]
def groups(x: Layout, node: int) -> dict[str, Group]:
    """Who talks to whom: TP innermost, then CP, EP and PP; further copies outermost."""

    def group(size: int, stride: int) -> Group:
        return Group(size, max(1, min(size, node // stride)))

    copies, expert = x.dp * x.cp, max(1, x.ep // x.cp)  # EP takes the CP ranks along
    context = group(x.cp, x.tp)
    experts = group(expert, x.tp * x.cp)
    stages = group(x.pp, x.tp * x.cp * expert)
    others = group(max(1, x.dp // expert), x.tp * x.cp * expert * x.pp)
    return {
        "TP": group(x.tp, 1),
        "CP": context,
        "EP": group(x.ep, x.tp),
        "PP": Group(x.pp, 1) if stages.spans else stages,  # one neighbor is in another node
        "DP": Group(copies, context.inside * experts.inside * others.inside),
        "DP, experts": Group(copies // x.ep, others.inside),
    }


# --8<-- [end:groups]


def stage_layers(layers: int, stages: int) -> list[list[int]]:
    """Layers of each stage; where they do not divide, the first and the last get fewer."""
    counts = [-(-layers // stages)] * stages
    for i in range(sum(counts) - layers):  # 0, -1, 1, -2, …
        counts[i // 2 if i % 2 == 0 else -1 - i // 2] -= 1
    starts = [sum(counts[:i]) for i in range(stages)]
    return [list(range(s, s + n)) for s, n in zip(starts, counts, strict=True)]


def rank_layers(layers: int, layout: Layout) -> list[list[int]]:
    """Layers of each pipeline rank: rank r has the stages r, r + pp, r + 2 pp …"""
    stages = stage_layers(layers, layout.pp * layout.virtual)
    if layout.schedule == "DualPipe":  # rank r also has the stages of rank pp - 1 - r
        return [stages[r] + stages[-1 - r] for r in range(layout.pp)]
    return [[n for own in stages[r :: layout.pp] for n in own] for r in range(layout.pp)]


def telling_ranks(layers: int, x: Layout, dense_layers: int = 0) -> list[int]:
    """The first pipeline rank of each kind, and the last: the others are like one of them."""
    first: dict[tuple[int, int], int] = {}
    for rank, own in enumerate(rank_layers(layers, x)):
        first.setdefault((len(own), sum(n < dense_layers for n in own)), rank)
    return sorted({0, x.pp - 1, *first.values()})
