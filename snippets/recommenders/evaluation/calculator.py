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


RANKS = """\
100, 100, 100, 100, 100
40, 40, 8437, 9266, 4482
212, 2, 743, 5342, 1548"""


def sampled_order(
    ranks: str = RANKS,
    negatives: Annotated[int, "", (1, 20_000)] = 99,
    metric: Literal["AP", "NDCG", "recall@k", "AUC"] = "AP",
    *,
    items: Annotated[int, "", (2, 10_000_000)] = 10_000,
    k: Annotated[int, "", (1, 1000)] = 10,
) -> dict[str, object]:
    """Which recommender wins, on all items and among sampled negatives?

    Args:
        ranks: Ranks of the relevant items. A line for each recommender, a rank among all items for each user.
        negatives: Sampled negatives per user.
        metric: What is compared.
        items: Items in the catalog.
        k: Cut of the recall, $k$.
    """
    rule = sampled.recall_at(k) if metric == "recall@k" else sampled.METRICS[metric]
    lines = [numbers("ranks", line) for line in ranks.splitlines() if line.strip()]
    if not 2 <= len(lines) <= 6:
        raise Refused("ranks", "two to six lines are compared")
    if not all(1 <= rank <= items for line in lines for rank in line):
        raise Refused("ranks", f"ranks lie between 1 and {items:,}")
    named = {
        name: [int(rank) for rank in line]
        for name, line in zip("ABCDEF", lines, strict=False)
    }

    def values(size: int | None) -> dict[str, float]:
        return {n: sampled.over_ranks(rule, r, items, size) for n, r in named.items()}

    exact, drawn = values(None), values(negatives)
    sizes = [size for size in (1, 3, 10, 30, 100, 300, 1000, 3000) if size < items]
    return {
        "among sampled negatives": sampled.in_order(drawn),
        "on all items": sampled.in_order(exact),
        f"rank on all items that lands at {k}": f"{sampled.same_depth(k, negatives, items):,}",
        "table": [
            ["recommender", "all items", "sampled"],
            *([name, f"{exact[name]:.4f}", f"{drawn[name]:.4f}"] for name in named),
        ],
        "lines": {
            "x": "sampled negatives", "y": f"expected {metric}", "log": "x",
            "series": {
                name: [(size, sampled.over_ranks(rule, r, items, size)) for size in sizes]
                for name, r in named.items()
            },
        },
    }  # fmt: skip


def ndcg_conventions(
    gains: str = "3, 2, 3, 0, 1, 2\n3, 2",
    k: Annotated[int, "", (1, 1000)] = 6,
    reported: Annotated[float, "", (0.0, 1.0)] = 0.785,
) -> dict[str, object]:
    """Which convention of NDCG gives the number that they reported?

    Args:
        gains: Gains of the items. First line: the list as it was shown. Second line: relevant items that it misses.
        k: Cut, $k$.
        reported: Their number.
    """
    found, others, *_ = [numbers("gains", line) for line in [*gains.splitlines(), "", ""]]
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
