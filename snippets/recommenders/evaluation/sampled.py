"""What a metric over sampled negatives expects, in closed form. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean

Metric = Callable[[int, int], float]  # rank, items ranked -> value


def auc(rank: int, items: int) -> float:
    """Share of the other items that rank below."""
    return (items - rank) / (items - 1)


def ap(rank: int, items: int) -> float:
    """Average precision where one item is relevant: one over its rank."""
    return 1 / rank


def ndcg(rank: int, items: int) -> float:
    """NDCG where one item is relevant."""
    return 1 / math.log2(rank + 1)


def recall_at(k: int) -> Metric:
    """Recall@k where one item is relevant."""
    return lambda rank, items: float(rank <= k)


# --8<-- [start:expected]
def log_ways(total: int, taken: int) -> float:
    """Logarithm of the number of ways to take `taken` of `total`."""
    return math.lgamma(total + 1) - math.lgamma(taken + 1) - math.lgamma(total - taken + 1)


def chances(rank: int, items: int, negatives: int) -> list[float]:
    """Chance that 0, 1, ... of the sampled negatives rank above an item at `rank`."""
    share = (rank - 1) / (items - 1)  # of the other items; each draw is one of them
    if share in (0, 1):
        certain = negatives if share else 0
        return [float(above == certain) for above in range(negatives + 1)]
    up, down = math.log(share), math.log1p(-share)
    return [
        math.exp(log_ways(negatives, above) + above * up + (negatives - above) * down)
        for above in range(negatives + 1)
    ]


def expected(metric: Metric, rank: int, items: int, negatives: int) -> float:
    """Mean of the metric over all draws of the negatives."""
    sampled = enumerate(chances(rank, items, negatives), 1)
    return math.fsum(p * metric(place, negatives + 1) for place, p in sampled if p)


# --8<-- [end:expected]


def over_ranks(
    metric: Metric, ranks: Sequence[int], items: int, negatives: int | None
) -> float:
    """Mean over the ranks of a recommender; all items are ranked if `negatives` is None."""
    if negatives is None:
        return fmean(metric(rank, items) for rank in ranks)
    return fmean(expected(metric, rank, items, negatives) for rank in ranks)


ITEMS = 10_000
RECOMMENDERS = {  # ranks of the relevant item in five queries, by Krichene and Rendle
    "A": (100, 100, 100, 100, 100),
    "B": (40, 40, 8437, 9266, 4482),
    "C": (212, 2, 743, 5342, 1548),
}
METRICS: dict[str, Metric] = {
    "AUC": auc,
    "AP": ap,
    "NDCG": ndcg,
    "recall@10": recall_at(10),
}


def in_order(values: dict[str, float]) -> str:
    """Names by falling value, with = between equal ones."""
    names = sorted(values, key=lambda name: -values[name])
    text = names[0]
    for better, name in pairwise(names):
        same = math.isclose(values[better], values[name], rel_tol=1e-9)
        text += f" {'=' if same else '>'} {name}"
    return text


def order(metric: Metric, negatives: int | None = None) -> str:
    """The three recommenders, best first."""
    return in_order(
        {name: over_ranks(metric, r, ITEMS, negatives) for name, r in RECOMMENDERS.items()}
    )


def in_words(negatives: int | None) -> str:
    """The order by average precision, without signs."""
    return ", ".join(order(ap, negatives).split(" > "))


def settled(metric: Metric) -> int:
    """The fewest negatives, by powers of two, from which on the order is the exact one."""
    sizes = [2**power for power in range(1, 14)]
    right = [order(metric, size) == order(metric) for size in sizes]
    return sizes[max((i + 1 for i, yes in enumerate(right) if not yes), default=0)]


def same_depth(k: int, negatives: int, items: int = ITEMS) -> int:
    """Rank in the whole catalog that lands at rank k of a sample, about."""
    return round(k * (items - 1) / negatives)


def example_sampled() -> None:
    """The three recommenders on all items, and among 99 sampled negatives."""
    print(
        f"{'':11}{'all ' + format(ITEMS, ',') + ' items':^27}{'99 sampled negatives':^27}"
    )
    print(f"{'':11}" + f"{'A':>7}{'B':>7}{'C':>7}      " * 2)
    for name, metric in METRICS.items():
        cells = [
            [over_ranks(metric, ranks, ITEMS, negatives) for ranks in RECOMMENDERS.values()]
            for negatives in (None, 99)
        ]
        print(
            f"{name:11}" + "      ".join("".join(f"{v:7.3f}" for v in row) for row in cells)
        )
    print(f"\n{'negatives':11}{'by AP':>16}{'by NDCG':>16}")
    for negatives in (1, 9, 99, 999, 9_999, None):
        label = f"{negatives:,}" if negatives else "all items"
        print(f"{label:11}{order(ap, negatives):>16}{order(ndcg, negatives):>16}")


def facts() -> dict[str, str]:
    """Numbers that the page states about sampled metrics."""
    return {
        "exact_order": in_words(None),
        "sampled_order": in_words(99),
        "settled": f"{settled(ap):,}",
        "depth": f"{same_depth(10, 99):,}",
        "sampled_recall_a": f"{over_ranks(recall_at(10), RECOMMENDERS['A'], ITEMS, 99):.2f}",
    }
