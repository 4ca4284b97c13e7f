"""Every calculator of the guide: its labels, how many inputs are in sight, and which of them change nothing."""

import importlib

import pytest

from fieldguide.calc import engine, fence
from fieldguide.guide.project import Project

CALCULATORS = {
    calculator.anchor: calculator
    for page in Project().pages
    for calculator in (fence.parse(found.text, page.folder) for found in page.of("calc"))
}


@pytest.fixture(params=CALCULATORS.values(), ids=CALCULATORS)
def calculator(request):
    """One after the other."""
    return request.param


def function(calculator):
    """What computes it."""
    return getattr(importlib.import_module(calculator.module), calculator.function_name)


def others(field):
    """Values that a reader might give instead."""
    if field.kind == "bool":
        return [True, False]
    if field.kind == "choice":
        return field.choices
    values = (field.low, (field.low + field.default) / 2, (3 * field.default + field.high) / 4, field.high)
    return [field.parse(round(value) if field.kind == "int" else value) for value in values]


def answer(compute, values):
    """The result without what is said of its inputs."""
    return {key: value for key, value in compute(**values).items() if key != "unused"}


def test_each_input_has_a_short_label_of_its_own(calculator):
    labels = []
    for field in engine.fields(function(calculator)):
        assert field.text, f"{field.name} is not described"
        assert len(field.label) <= 44, field.label
        assert field.said.lower() != field.name.replace("_", " "), field.label
        labels.append(field.label)
    assert len(labels) == len(set(labels)), labels


def test_one_to_six_inputs_are_in_sight(calculator):
    assert 1 <= sum(not field.assumption for field in engine.fields(function(calculator))) <= 6


def test_inputs_said_to_be_unused_change_nothing_and_leave_another_in_sight(calculator):
    compute = function(calculator)
    fields = {field.name: field for field in engine.fields(compute)}
    for values in ({}, *calculator.presets.values()):
        unused = compute(**values).get("unused", [])
        assert {name for name, field in fields.items() if not field.assumption} - set(unused)
        for name in unused:
            for other in others(fields[name]):
                assert answer(compute, {**values, name: other}) == answer(compute, values), (values, name, other)


@pytest.mark.parametrize(
    ("anchor", "values", "unused"),
    [
        ("calc-training-planner", {"model": "own shape"}, set()),
        ("calc-training-planner", {"model": "own shape", "choose": True},
         {"tp", "pp", "dp", "cp", "ep", "virtual", "zero", "micro", "recompute"}),
        ("calc-training-memory", {"gpus": 8, "zero_stage": "0", "recompute": "nothing"}, {"trained", "gpus"}),
        ("calc-training-memory", {"gpus": 1, "zero_stage": "0", "method": "LoRA"}, {"heads", "zero_stage"}),
        ("calc-reduction", {"one_global_in": 1}, {"window"}),
        ("calc-day", {"hits": 0.0}, {"price_hit"}),
        ("calc-day", {"hits": 100.0}, {"price_miss"}),
        ("calc-token-cost", {"prompt": 0}, {"prefill", "hits"}),
        ("calc-token-cost", {"peak_to_mean": 1.0}, {"follows"}),
        ("calc-dynamic-batching", {"size": 1, "rate": 100.0}, {"window"}),
        ("calc-speculative", {"context": 0}, {"cache"}),
    ],
)  # fmt: skip
def test_a_choice_leaves_other_inputs_without_a_use(anchor, values, unused):
    compute = function(CALCULATORS[anchor])
    assert set(compute(**values)["unused"]) == unused
    for field in engine.fields(compute):
        if field.name in unused:
            for other in others(field):
                assert answer(compute, {**values, field.name: other}) == answer(compute, values), (field.name, other)
