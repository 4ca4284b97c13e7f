"""Calculators: inputs are checked, results are drawn, fences are refused in words."""

import json
import re
from typing import Annotated, Literal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldguide.calc import engine, fence, render


def cache(
    layers: Annotated[int, "layers", (1, 256)] = 80,
    share: Annotated[float, "", (0.0, 1.0, 0.05)] = 0.5,
    dtype: Literal["bf16", "fp8"] = "bf16",
    quantized: bool = False,
) -> dict[str, object]:
    """How large does the cache get?

    Args:
        layers: Decoder layers, $L$. Counted
            without the embedding.
        share: Part of it
        dtype: Type of the numbers.
    """
    if layers == 13:
        raise ValueError("thirteen layers do not fit.")
    return {"cache": f"{layers * share} {dtype}", "quantized": quantized}


def test_fields_come_from_the_signature_and_help_from_the_docstring():
    layers, share, dtype, quantized = engine.fields(cache)
    assert (layers.kind, layers.unit, layers.low, layers.high, layers.default) == ("int", "layers", 1, 256, 80)
    assert (layers.label, layers.help) == ("Decoder layers, $L$", "Counted without the embedding.")
    assert (share.label, share.help, quantized.label) == ("Part of it", "", "quantized")
    assert (share.step, dtype.choices, quantized.kind) == (0.05, ("bf16", "fp8"), "bool")


def test_the_names_of_a_timeline_stand_beside_its_unit():
    names = {"G": "gather", "F": "forward", "B": "backward", "R": "reduce"}
    lane = [(n, n + 1, f"{kind}0") for n, kind in enumerate(names)]
    drawn = ElementTree.fromstring(render.timeline({"unit": "ms", "lanes": {"a": lane}, "names": names}))
    last = next(text for text in drawn.iter("text") if text.text == "R reduce")
    assert float(last.get("x")) + 6.2 * len("R reduce") < render.WIDTH - 8 - 16


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"layers": "1.5"}, "Decoder layers is a whole number."),
        ({"layers": "0"}, "Decoder layers lies between 1 and 256 layers."),
        ({"layers": ""}, "Decoder layers is a number."),
        ({"share": "nan"}, "Part of it is a finite number."),
        ({"dtype": "int3"}, "Type of the numbers is one of bf16, fp8."),
        ({"depth": 3}, "unknown input depth: this calculator has layers, share, dtype, quantized."),
        ({"layers": 13}, "thirteen layers do not fit."),
    ],
)
def test_wrong_inputs_get_a_sentence(values, sentence):
    with pytest.raises(engine.InputError) as caught:
        engine.evaluate(cache, values)
    assert str(caught.value) == sentence


def test_texts_from_a_form_become_values():
    assert "20.0 fp8" in engine.evaluate(cache, {"layers": "40", "dtype": "fp8", "quantized": "on"})


def test_a_parameter_that_no_form_can_hold_is_refused():
    def bad(items: list[int] = []) -> dict[str, object]:  # noqa: B006
        return {"n": len(items)}

    with pytest.raises(TypeError, match="parameter items"):
        engine.fields(bad)


def pasted(text: str = "a < b\n  c", size: int = 3) -> dict[str, object]:
    """How long is it?

    Args:
        text: A text of several lines.
        size: Its size.
    """
    if text == "wrong":
        error = ValueError("it is wrong.")
        error.field = "text"
        raise error
    return {"characters": len(text) * size}


def test_a_text_keeps_its_lines_and_is_refused_at_its_field():
    assert engine.fields(pasted)[0].kind == "str"
    assert "<strong>9</strong>" in engine.evaluate(pasted, {"text": "1\n3"})
    with pytest.raises(engine.InputError, match=r"it is wrong\.") as caught:
        engine.evaluate(pasted, {"text": "wrong"})
    assert caught.value.field == "text"
    fields = engine.fields(pasted)
    calculator = fence.Calculator("m", "pasted", "Paste", {})
    html = fence.FORM.render(
        uid="calc", calculator=calculator, about="", fields=fields, result="", inline=str, json=json.dumps
    )
    area = re.search(r"<textarea([^>]*)>(.*?)</textarea>", html, re.S)
    assert area and area[2] == "a &lt; b\n  c" and 'name="text"' in area[1]


TRIPLE = '''
def f(n: int = 3) -> dict[str, object]:
    """Triple it."""
    return {"three times": 3 * n}
'''
DRAWINGS = {
    "headline": "x < y & z",
    "table": [["context", "users"], [2048, 28]],
    "bars": {"unit": "GB", "values": {"weights": 141.1, "cache": 18.9}, "limit": 160},
    "lines": {
        "x": "batch",
        "y": "ms",
        "log": "xy",
        "series": {"step": [(1, 20.1), (1000, 90.0)]},
        "points": {"you": (8, 21)},
    },
    "timeline": {"unit": "ms", "lanes": {"stage 0": [(0, 1, "F0"), (1, 3, "B0")], "stage 1": [(1, 2, "F0")]}},
}


def test_every_drawing_is_well_formed_and_described():
    html = render.to_html(DRAWINGS)
    root = ElementTree.fromstring(f"<div>{html}</div>")
    pictures = root.findall(".//svg")
    assert [p.get("role") for p in pictures] == ["img"] * 3
    assert pictures[0].get("aria-label") == "Parts of one bar: weights 141.1 GB, cache 18.9 GB; limit 160 GB"
    assert root.find(".//strong").text == "x < y & z"


def test_bars_are_drawn_to_scale():
    root = ElementTree.fromstring(render.bars({"values": {"a": 10, "b": 5, "c": 0}}))
    widths = [float(r.get("width")) for r in root.findall("rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.1)
    assert widths[2] == 0


def test_a_logarithmic_axis_puts_decades_at_equal_distances():
    scale = render.Scale([1, 1000], (0, 300), log=True)
    assert [round(scale(v)) for v in (1, 10, 100, 1000)] == [0, 100, 200, 300]
    assert scale.ticks() == [1, 10, 100, 1000]


@given(low=st.floats(0, 1e6), width=st.floats(1e-3, 1e9), log=st.booleans())
def test_ticks_lie_within_the_axis_and_are_few(low, width, log):
    low = low + 1e-3 if log else low
    scale = render.Scale([low, low + width], (0, 100), log)
    ticks = scale.ticks()
    assert len(ticks) <= 12
    assert all(-1e-6 <= scale(t) <= 100 + 1e-6 for t in ticks)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("function: [", "the calc fence is not YAML"),
        ("title: T", "has no `function`"),
        ("function: nothing\ntitle: T", "is not of the form file:name"),
        ("function: missing:f\ntitle: T", "there is no snippets/a/b/missing.py"),
        ("function: a.c.missing:f\ntitle: T", "there is no snippets/a/c/missing.py"),
        ("function: here:g\ntitle: T", "has no function g"),
        ("function: here:f\ntitle: T\ncolor: red", "unknown key `color`"),
        ("function: here:f\ntitle: T\npresets: {P: {m: 3}}", "unknown input m"),
        ("function: heavy:f\ntitle: T", "must import the standard library alone"),
    ],
)
def test_a_wrong_fence_is_refused_in_words(tmp_path, source, message):
    (tmp_path / "snippets/a/b").mkdir(parents=True)
    (tmp_path / "snippets/a/b/here.py").write_text(TRIPLE)
    (tmp_path / "snippets/a/b/heavy.py").write_text("import no_such_engine\n")
    with pytest.raises(fence.FenceError, match=message):
        fence.render(source, tmp_path, "a/b")


@pytest.mark.parametrize(("limit", "filled"), [(80, 160), (160, 160), (1000, 1000)])
def test_parts_fill_one_bar_against_their_limit(limit, filled):
    root = ElementTree.fromstring(render.bars({"unit": "GB", "values": {"weights": 140, "cache": 20}, "limit": limit}))
    weights, cache = (r for r in root.findall("rect") if r.get("height") == "26")
    assert float(weights.get("width")) == pytest.approx(7 * float(cache.get("width")), abs=0.5)
    assert float(cache.get("x")) == pytest.approx(float(weights.get("x")) + float(weights.get("width")), abs=0.1)
    line = float(re.search(r"M([\d.]+) 18V", root.find("path").get("d"))[1])
    assert line == pytest.approx(8 + (render.WIDTH - 16) * limit / filled, abs=0.1)
    texts = [text.text for text in root.findall("text")]
    assert texts[-3:] == ["together", "160 GB", f"limit {render.number(limit)} GB"]


@pytest.mark.parametrize("unit", ["GB", "% of the peak", "requests of 8,192 tokens"])
def test_no_number_beside_a_bar_is_cut(unit):
    root = ElementTree.fromstring(render.bars({"unit": unit, "values": {"a": 59.56, "b": 3}}))
    for bar, text in zip(root.findall("rect"), root.findall("text")[1::2], strict=True):
        assert float(bar.get("x")) + float(bar.get("width")) < float(text.get("x"))
        assert float(text.get("x")) + 8 * len(text.text) <= render.WIDTH


@pytest.mark.parametrize(("function", "folder"), [("here:f", "a/b"), ("a.b.here:f", "c/d")])
def test_a_fence_becomes_a_form_with_the_result_for_the_defaults(tmp_path, function, folder):
    (tmp_path / "snippets/a/b").mkdir(parents=True)
    (tmp_path / "snippets/a/b/here.py").write_text(TRIPLE)
    source = f"function: {function}\ntitle: Three\npresets: {{Five: {{n: 5}}}}"
    root = ElementTree.fromstring(fence.render(source, tmp_path, folder))
    assert root.find(".//strong").text == "9"
    assert root.find(".//button").get("data-values") == '{"n": 5}'
    assert root.find(".//label").get("for") == root.find(".//input[@name='n']").get("id")
    assert root.find(".//fg-calc").get("data-module") == "snippets.a.b.here"
