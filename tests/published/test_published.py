"""Numbers that others printed, computed by our own functions."""

from __future__ import annotations

import inspect
import json
import math
import sys
import types
from numbers import Real

import pytest

from fieldguide.guide.project import ROOT, BreachError, Project
from fieldguide.proof import published


def test_reproduces(case, families):
    assert case is not None, "no case of this file belongs to a family with an adapter: nothing was reproduced"
    got = families[case.family](case.inputs, case.unit)
    wrong = published.difference(published.plain(got), case)
    assert not wrong, f"{case.quantity} ({case.source}): {wrong} {case.unit}"


def test_no_adapter_knows_a_value_by_heart(case, families, own_cases):
    """Doubling or tripling one number or list at a time, or taking a word of another case, must change the answer at least once."""
    assert case is not None
    adapter = families[case.family]
    before = published.plain(adapter(case.inputs, case.unit))
    changed = []
    for key, value in case.inputs.items():
        if isinstance(value, str):  # some words allow one answer: each link carries a broadcast once
            words = [c.inputs.get(key) for c in own_cases if c.family == case.family]
            others = {word for word in words if isinstance(word, str)} - {value}
        elif isinstance(value, Real) and not isinstance(value, bool):
            others = {value * 2, value * 3} if value else {1, 2}  # -p ln p is the same at a quarter and at a half
        else:
            continue
        for other in others:
            try:
                changed.append(published.plain(adapter({**case.inputs, key: other}, case.unit)) != before)
            except (ArithmeticError, ValueError, LookupError):  # twice a probability is none
                continue
    if not any(changed):  # no ratio of the case meets the clip: then a list must matter
        for key, value in case.inputs.items():
            if isinstance(value, list) and all(isinstance(x, float) for x in value):
                doubled = {**case.inputs, key: [2 * x for x in value]}
                changed.append(published.plain(adapter(doubled, case.unit)) != before)
    numeric = any(isinstance(value, Real) for value in case.inputs.values())
    assert any(changed) or not numeric or "ignored by the function" in case.note  # of a measured constant


class PoisonedError(Exception):
    """A snippet was called."""


def poison(*args, **kwargs):
    raise PoisonedError


@pytest.fixture
def poisoned(families, own_cases):
    """The value of each case, found while every function of the snippets works; then none of them does."""
    before = published.reproduce(own_cases, families)
    modules = [module for name, module in sys.modules.items() if name.startswith("snippets.")]
    found = [value for module in modules for value in vars(module).values()]
    found += [value for kind in found if isinstance(kind, type) for value in vars(kind).values()]
    found = [getattr(value, "fget", None) or inspect.unwrap(value) if callable(value) or isinstance(value, property) else value
             for value in found]  # fmt: skip
    codes = {value: value.__code__ for value in found if isinstance(value, types.FunctionType)}
    codes = {f: code for f, code in codes.items() if f.__module__.startswith("snippets.") and not code.co_freevars}
    caches = [value for module in modules for value in vars(module).values() if hasattr(value, "cache_clear")]
    for function in codes:
        if not function.__name__.startswith("__"):
            function.__code__ = poison.__code__
            function.__globals__["PoisonedError"] = PoisonedError
    for cache in caches:
        cache.cache_clear()
    yield before
    for function, code in codes.items():
        function.__code__ = code
        function.__globals__.pop("PoisonedError", None)


def test_every_adapter_calls_a_snippet(poisoned, families, own_cases):
    """With the snippets out of order no adapter has an answer: it neither computes alone nor looks a result up."""
    alone = set()
    for case in own_cases:
        if case.id in poisoned:
            try:
                families[case.family](case.inputs, case.unit)
                alone.add(case.family)
            except PoisonedError:
                pass
    assert poisoned
    assert not alone


@pytest.mark.parametrize(
    ("family", "key", "factor"),
    [
        ("kv-total", "tokens", 2),
        ("kv-total", "batch", 2),
        ("kv-per-token", "layers", 2),
        ("kv-per-token", "bytes", 2),
        ("kv-mla", "layers", 2),
        ("kv-ratio", "a", 2),
        ("kv-ratio", "b", 0.5),
    ],
)
def test_cache_sizes_are_linear(family, key, factor, families, own_cases):
    case = next(case for case in own_cases if case.family == family)
    before = families[family](case.inputs, case.unit)
    after = families[family]({**case.inputs, key: case.inputs[key] * 2}, case.unit)
    assert math.isclose(after, factor * before)


def test_a_window_longer_than_the_text_changes_nothing(families, own_cases):
    windowed = next(case for case in own_cases if case.family == "kv-total-swa")
    inputs = {**windowed.inputs, "window": 10 * windowed.inputs["tokens"]}
    plain = {**inputs, "layers": inputs["swa_layers"] + inputs["full_layers"]}
    assert math.isclose(families["kv-total-swa"](inputs, "GiB"), families["kv-total"](plain, "GiB"))


def test_the_record_is_current(families, own_cases):
    recorded = json.loads((ROOT / published.REPRODUCED).read_text(encoding="utf-8"))
    got = published.reproduce(own_cases, families)
    assert recorded.keys() == got.keys(), "run `fieldguide record`"
    for case in own_cases:
        if case.id in got:
            exactly = published.Case(**{**vars(case), "expected": recorded[case.id], "tolerance": CLOSE})
            assert not published.difference(got[case.id], exactly), f"{case.id}: run `fieldguide record`"


CLOSE = {"kind": "rel", "value": 1e-9}


@pytest.fixture(scope="module")
def own_cases():
    return published.own(Project(ROOT))


LINE = {
    "id": "X-1",
    "area": "inference",
    "family": "kv-ratio",
    "quantity": "q",
    "inputs": {"a": 6, "b": 3},
    "expected": 2,
    "tolerance": {"kind": "exact"},
    "unit": "ratio",
    "source": "s",
    "status": "verified",
    "note": "",
}


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ("{", "Invalid JSON: EOF while parsing an object"),
        ("[]", "is not a mapping"),
        (json.dumps({**LINE, "id": "X-2", "extra": 1}), "unknown key `extra`"),
        (json.dumps({k: v for k, v in LINE.items() if k != "unit"}), "has no `unit`"),
        (json.dumps(LINE), "`X-1` is used twice; first on line 1 of cases.jsonl"),
        (json.dumps({**LINE, "id": "X-2", "tolerance": {"kind": "about"}}), "`kind` must be 'exact', 'abs' or 'rel'"),
        (json.dumps({**LINE, "id": "X-2", "tolerance": {"kind": "abs"}}), "needs a `value`"),
        (json.dumps({**LINE, "id": "X-2", "expected": "two"}), "`expected` must be"),
        (json.dumps({**LINE, "id": "X-2", "status": "sure"}), "`status` must be"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, second, says):
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(LINE) + "\n" + second + "\n", encoding="utf-8")
    with pytest.raises(BreachError) as caught:
        list(published.read({"cases.jsonl": path}))
    assert (caught.value.breach.path, caught.value.breach.line) == ("cases.jsonl", 2)
    assert says in caught.value.breach.message


@pytest.mark.parametrize(
    ("got", "expected", "tolerance", "agrees"),
    [
        (2, 2, {"kind": "exact"}, True),
        (2.0, 2, {"kind": "exact"}, True),
        (2.0000001, 2, {"kind": "exact"}, False),
        (0.1 + 0.2, 0.3, {"kind": "exact"}, True),
        (1.05, 1, {"kind": "abs", "value": 0.06}, True),
        (1.07, 1, {"kind": "abs", "value": 0.06}, False),
        (-101, -100, {"kind": "rel", "value": 0.02}, True),
        (-103, -100, {"kind": "rel", "value": 0.02}, False),
        (float("nan"), 1, {"kind": "rel", "value": 1}, False),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], {"kind": "exact"}, True),
        ([[1, 2], [3, 5]], [[1, 2], [3, 4]], {"kind": "exact"}, False),
        ([1, 2], [1, 2, 3], {"kind": "exact"}, False),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"kind": "exact"}, True),
        ({"a": 1}, {"a": 1, "b": 2}, {"kind": "exact"}, False),
        (None, 1, {"kind": "exact"}, False),
        (True, 1, {"kind": "exact"}, False),
    ],
)
def test_comparison(got, expected, tolerance, agrees):
    case = published.Case(**{**LINE, "expected": expected, "tolerance": tolerance})
    assert (published.difference(got, case) == "") is agrees


def test_recording_writes_once_and_keeps_the_file_when_an_adapter_fails(tmp_path):
    folder = tmp_path / "tests/published"
    (folder / "inference").mkdir(parents=True)
    (folder / "inference/cases.jsonl").write_text(json.dumps(LINE) + "\n", encoding="utf-8")
    (folder / "adapters.py").write_text('FAMILIES = {"kv-ratio": lambda inputs, unit: inputs["a"] / inputs["b"]}')
    project = Project(tmp_path)
    assert [change.path for change in published.record(project)] == [folder / "reproduced.json"]
    assert json.loads((folder / "reproduced.json").read_text()) == {"X-1": 2.0}
    assert published.record(project) == []
    (folder / "adapters.py").write_text('FAMILIES = {"kv-ratio": lambda inputs, unit: 1 / 0}')
    with pytest.raises(ZeroDivisionError):
        published.record(project)
    assert json.loads((folder / "reproduced.json").read_text()) == {"X-1": 2.0}
