"""Metrics of ranked lists in their rival conventions, ties, and sampled negatives."""

from __future__ import annotations

from statistics import fmean

from fieldguide.proof.published import Adapter, Inputs


def ndcg_graded(inputs: Inputs, unit: str) -> float:
    """DCG or NDCG of graded gains: in ranked order, or by scores, where equal scores are averaged."""
    from snippets.recommenders.evaluation import metrics, ties

    gain = str(inputs.get("gain", "linear"))
    name = str(inputs.get("metric", "ndcg"))
    if "ranked_gains" in inputs:
        ranked = [float(g) for g in inputs["ranked_gains"]]
        everything = [float(g) for g in inputs.get("all_gains", ranked)]
        k = int(inputs.get("k", max(len(ranked), len(everything))))
        if name == "dcg":
            return metrics.dcg(ranked, k, gain)
        return metrics.ndcg(ranked, everything, k, metrics.Convention(gain, str(inputs.get("ideal", "cut")))) or 0.0
    gains = [2.0**g - 1 if gain == "exponential" else float(g) for g in inputs["relevance"]]
    scores = [float(score) for score in inputs["scores"]]
    k = int(inputs.get("k", len(gains)))
    value = ties.expected_dcg(scores, gains, k)
    return value if name == "dcg" else value / metrics.dcg(sorted(gains, reverse=True), k)


def ranking(inputs: Inputs, unit: str) -> float:
    """A metric of one query, by its scores; `k` is all of it unless given."""
    from snippets.recommenders.evaluation import metrics

    scores, target = [float(s) for s in inputs["preds"]], [bool(t) for t in inputs["target"]]
    hit = metrics.ranked(scores, target)
    k, n = int(inputs.get("k", len(hit))), sum(target)
    gains = [float(yes) for yes in hit]
    judges = {
        "average_precision": lambda: metrics.average_precision(hit, k, n, "hits"),
        "auroc": lambda: metrics.auroc(scores, target),
        "reciprocal_rank": lambda: metrics.reciprocal_rank(hit[:k]),
        "precision": lambda: metrics.precision(hit, k),
        "recall": lambda: metrics.recall(hit, k, n),
        "hit_rate": lambda: float(any(hit[:k])),
        "fall_out": lambda: metrics.fall_out(hit, k),
        "r_precision": lambda: metrics.r_precision(hit),
        "ndcg": lambda: metrics.ndcg(gains, gains, k, metrics.Convention()) or 0.0,
    }
    return float(judges[str(inputs.get("metric", "average precision")).replace(" ", "_").replace("-", "_")]())


def grouped(pairs: list[list[int]]) -> dict[int, list[int]]:
    """Items of each user, in order."""
    lists: dict[int, list[int]] = {}
    for user, item in pairs:
        lists.setdefault(user, []).append(item)
    return lists


def conventions(inputs: Inputs, unit: str) -> list[float]:
    """A metric per user, in the convention that the case names."""
    from snippets.recommenders.evaluation import metrics

    shown, relevant, k = grouped(inputs["recommended"]), grouped(inputs["relevant"]), int(inputs["k"])
    ideal = {"k": "full", "min": "cut"}.get(str(inputs.get("ideal", "min")), str(inputs.get("ideal")))
    values = []
    for user, items in relevant.items():
        hit, n = metrics.hits(shown.get(user, []), items), len(items)
        judges = {
            "ndcg": lambda hit=hit, n=n: metrics.ndcg(hit, [1.0] * n, k, metrics.Convention(ideal=ideal)),
            "map": lambda hit=hit, n=n: metrics.average_precision(hit, k, n, str(inputs["divide_by"])),
            "precision": lambda hit=hit: metrics.precision(hit, k),
            "recall": lambda hit=hit, n=n: metrics.recall(hit, k, n),
            "mrr": lambda hit=hit: metrics.reciprocal_rank(hit[:k]),
            "hit_rate": lambda hit=hit: float(any(hit[:k])),
        }
        values.append(float(judges[str(inputs["metric"])]() or 0.0))
    return values


def whole_report(inputs: Inputs, unit: str) -> float:
    """A metric of the three-user example: of matched ratings, or of the lists by falling score."""
    from snippets.recommenders.evaluation import metrics, ratings

    true = dict(zip(zip(inputs["true_user"], inputs["true_item"], strict=True), inputs["true_rating"], strict=True))
    scored = dict(zip(zip(inputs["pred_user"], inputs["pred_item"], strict=True), inputs["pred_score"], strict=True))
    name = str(inputs["metric"]).partition("@")[0]
    if name in ("rmse", "mae", "rsquared", "exp_var"):
        return ratings.errors(ratings.matched(true, scored))[name]
    k = int(inputs.get("k", str(inputs["metric"]).partition("@")[2] or 10))
    values = []
    for user in sorted(set(inputs["true_user"])):
        items = [item for who, item in true if who == user]
        mine = {item: score for (who, item), score in scored.items() if who == user}
        hit = metrics.hits(metrics.ranked(list(mine.values()), list(mine)), items)
        n = len(items)
        judges = {
            "ndcg": lambda hit=hit, n=n: metrics.ndcg(hit, [1.0] * n, k, metrics.Convention()) or 0.0,
            "precision": lambda hit=hit: metrics.precision(hit, k),
            "recall": lambda hit=hit, n=n: metrics.recall(hit, k, n),
            "r_precision": lambda hit=hit, n=n: metrics.recall(hit, k, n),
            "map": lambda hit=hit, n=n: metrics.average_precision(hit, k, n),
        }
        values.append(judges[name]())
    return fmean(values)


def sampled_metrics(inputs: Inputs, unit: str) -> list[float]:
    """AUC, AP, NDCG and recall@k of a recommender among sampled negatives, expected."""
    from snippets.recommenders.evaluation import sampled

    ranks, items = [int(rank) for rank in inputs["ranks"]], int(inputs["n_items"])
    size = int(inputs["sampled_negatives"]) if inputs.get("sampled_negatives") else None
    judges = (sampled.auc, sampled.ap, sampled.ndcg, sampled.recall_at(int(inputs["k"])))
    return [sampled.over_ranks(judge, ranks, items, size) for judge in judges]


FAMILIES: dict[str, Adapter] = {
    "metric-conventions": conventions,
    "ndcg-graded": ndcg_graded,
    "rank-metric": ranking,
    "rank-small": ranking,
    "recs-metrics": whole_report,
    "sampled-metrics": sampled_metrics,
}
