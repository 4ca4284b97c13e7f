"""The calculators of the page. Standard library only, so that they also run in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.recommenders.evaluation import metrics, sampled
from snippets.recommenders.evaluation.metrics import Convention


class Refused(ValueError):
    """An input that cannot be read, with the name of its field."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


def numbers(field: str, text: str) -> list[float]:
    """Numbers of a text, separated by commas or spaces."""
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise Refused(field, f"{text!r} is not a list of numbers") from None


def sampled_order(
    a: str = "100, 100, 100, 100, 100",
    b: str = "40, 40, 8437, 9266, 4482",
    c: str = "212, 2, 743, 5342, 1548",
    negatives: Annotated[int, "", (1, 20_000)] = 99,
    metric: Literal["AP", "NDCG", "recall@k", "AUC"] = "AP",
    *,
    items: Annotated[int, "", (2, 10_000_000)] = 10_000,
    k: Annotated[int, "", (1, 1000)] = 10,
) -> dict[str, object]:
    """Which of three recommenders wins, on all items and among sampled negatives?

    Args:
        a: Ranks of the relevant item under A. One for each user, among all items.
        b: Ranks under B.
        c: Ranks under C.
        negatives: Sampled negatives per user.
        metric: Metric.
        items: Items in the catalog.
        k: Cut of the recall, $k$.
    """
    rule = sampled.recall_at(k) if metric == "recall@k" else sampled.METRICS[metric]
    ranks = {}
    for name, text in (("a", a), ("b", b), ("c", c)):
        ranks[name.upper()] = [int(rank) for rank in numbers(name, text)]
        if not ranks[name.upper()] or not all(
            1 <= rank <= items for rank in ranks[name.upper()]
        ):
            raise Refused(name, f"ranks lie between 1 and {items:,}")

    def values(size: int | None) -> dict[str, float]:
        return {n: sampled.over_ranks(rule, r, items, size) for n, r in ranks.items()}

    exact, drawn = values(None), values(negatives)
    sizes = [size for size in (1, 3, 10, 30, 100, 300, 1000, 3000) if size < items]
    return {
        "among sampled negatives": sampled.in_order(drawn),
        "on all items": sampled.in_order(exact),
        f"rank on all items that lands at {k}": f"{sampled.same_depth(k, negatives, items):,}",
        "table": [
            ["recommender", "all items", "sampled"],
            *([name, f"{exact[name]:.4f}", f"{drawn[name]:.4f}"] for name in ranks),
        ],
        "lines": {
            "x": "sampled negatives", "y": f"expected {metric}", "log": "x",
            "series": {
                name: [(size, sampled.over_ranks(rule, r, items, size)) for size in sizes]
                for name, r in ranks.items()
            },
        },
    }  # fmt: skip


def ndcg_conventions(
    gains: str = "3, 2, 3, 0, 1, 2",
    missed: str = "3, 2",
    k: Annotated[int, "", (1, 1000)] = 6,
    reported: Annotated[float, "", (0.0, 1.0)] = 0.785,
) -> dict[str, object]:
    """Which convention of NDCG gives the number that they reported?

    Args:
        gains: Gains of the list. In the order in which it was shown, 0 for an irrelevant item.
        missed: Gains of relevant items that are not in the list.
        k: Cut, $k$.
        reported: Their number.
    """
    found, others = numbers("gains", gains), numbers("missed", missed)
    rows = []
    for gain in ("linear", "exponential"):
        for ideal, words in (
            ("cut", "k best"), ("uncut", "all, not cut"),
            ("retrieved", "of the list's own"), ("full", "always k items"),
        ):  # fmt: skip
            value = metrics.ndcg(found, found + others, k, Convention(gain, ideal))
            rows.append((f"{gain} gain, ideal {words}", value or 0.0))
    near = [name for name, value in rows if abs(value - reported) <= 0.001]
    return {
        "fits within 0.001": " or ".join(near) or "none of these",
        "least and greatest": f"{min(v for _, v in rows):.4f} to {max(v for _, v in rows):.4f}",
        "table": [["convention", f"NDCG@{k}"], *([name, f"{v:.4f}"] for name, v in rows)],
    }


def fitting() -> str:
    """The convention that the default of the second calculator finds."""
    return str(ndcg_conventions()["fits within 0.001"])
