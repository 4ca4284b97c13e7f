"""Sampled metrics against SciPy and draws; the calculators; the nightly report."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from snippets.recommenders.evaluation import calculator, release, sampled

# Sampled metrics


@pytest.mark.parametrize(
    ("rank", "items", "negatives"), [(100, 10_000, 99), (2, 50, 7), (1, 20, 5), (20, 20, 5), (40, 10_000, 9_999)]
)
def test_chances_are_binomial(rank, items, negatives):
    ours = sampled.chances(rank, items, negatives)
    theirs = stats.binom.pmf(np.arange(negatives + 1), negatives, (rank - 1) / (items - 1))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert sum(ours) == pytest.approx(1)


@pytest.mark.parametrize("name", list(sampled.METRICS))
def test_expectations_are_means_of_drawn_negatives(name):
    metric = sampled.METRICS[name]
    draw = np.random.default_rng(7)
    above = (draw.integers(1, 1000, (20_000, 19)) < 60).sum(1)  # the others have ranks 1 to 999 without 60
    values = [metric(1 + int(x), 20) for x in above]
    error = np.std(values) / np.sqrt(len(values)) + 1e-6
    assert abs(np.mean(values) - sampled.expected(metric, 60, 1000, 19)) < 4 * error


@settings(max_examples=15)
@given(st.integers(1, 200), st.integers(1, 60))
def test_auc_is_the_one_metric_of_these_that_sampling_leaves_alone(rank, negatives):
    assert sampled.expected(sampled.auc, rank, 200, negatives) == pytest.approx(sampled.auc(rank, 200))


def test_one_negative_leaves_each_metric_a_line_in_auc():
    ranks = [1, 40, 150, 200]
    a = np.array([sampled.auc(r, 200) for r in ranks])
    for metric in (sampled.ap, sampled.ndcg, sampled.recall_at(1)):
        low, high = metric(2, 2), metric(1, 2)
        np.testing.assert_allclose([sampled.expected(metric, r, 200, 1) for r in ranks], low + (high - low) * a)


def test_99_negatives_reverse_the_order():
    facts = sampled.facts()
    ap = {n: np.mean([1 / r for r in ranks]) for n, ranks in sampled.RECOMMENDERS.items()}
    assert ap["C"] > ap["B"] > ap["A"]
    x = np.arange(100)
    drawn = {
        n: np.mean([(stats.binom.pmf(x, 99, (r - 1) / 9999) / (x + 1)).sum() for r in ranks])
        for n, ranks in sampled.RECOMMENDERS.items()
    }
    assert drawn["A"] > drawn["B"] > drawn["C"]
    assert facts["exact_order"] == "C, B, A"
    assert facts["sampled_order"] == "A, B, C"
    assert facts["sampled_recall_a"] == "1.00"
    # C leads from about 400 on, and B passes A late
    assert facts["settled"] == "1,024"
    assert [sampled.order(sampled.ap, m) for m in (256, 512, 1024)] == ["A > B > C", "C > A > B", "C > B > A"]
    deep = int(facts["depth"].replace(",", ""))
    assert deep * 99 / 9999 == pytest.approx(10, rel=1e-3)
    assert sampled.in_order({"A": 1.0, "B": 2.0, "C": 1.0}) == "B > A = C"


# Calculators and the nightly report


def test_the_calculators_answer():
    shown = calculator.sampled_order()
    assert (shown["among sampled negatives"], shown["on all items"]) == ("A > B > C", "C > B > A")
    assert shown["table"][1] == ["A", "0.0100", "0.6366"]
    cut = calculator.sampled_order(metric="recall@k", negatives=1, k=1, items=10_000)
    assert cut["table"][1][2] == f"{sampled.auc(100, 10_000):.4f}"
    with pytest.raises(ValueError, match=re.escape("ranks lie between 1 and 10,000")) as refused:
        calculator.sampled_order(ranks="1\n40, 0")
    assert refused.value.field == "ranks"
    with pytest.raises(ValueError, match="two to six lines"):
        calculator.sampled_order(ranks="1, 2")
    with pytest.raises(ValueError, match="is not a list of numbers"):
        calculator.ndcg_conventions(gains="3; 2")


def test_a_reported_number_names_its_convention():
    assert calculator.fitting() == "linear gain, ideal k best"
    found = calculator.ndcg_conventions("1, 0, 0\n1, 1", 3, 0.469)
    # one of three found, first: cut, full and uncut coincide where n is k
    assert found["fits within 0.001"].count(" or ") == 5
    assert calculator.ndcg_conventions("0, 0", 2, 0.9)["fits within 0.001"] == "none of these"


def test_a_filter_upstream_looks_like_a_worse_model():
    nights = [release.nightly(day, emptied) for day, emptied in ((1, 0.0), (3, 0.3))]
    means = [np.mean(values) for values in nights]
    assert means[0] - means[1] > 0.2
    others = [np.mean(release.found(values)) for values in nights]
    assert abs(others[0] - others[1]) < 0.02
    skipped = [value for value in release.nightly(3, 0.3, None) if value is not None]
    assert release.facts()["night_skipped"] == f"{sum(skipped) / len(skipped):.3f}"
    assert abs(sum(skipped) / len(skipped) - means[0]) < 0.02
