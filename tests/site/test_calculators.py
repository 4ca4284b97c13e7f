"""Calculators in the browser: the same Python as in CPython, for inputs drawn at random."""

import importlib
import random
import re
from html import unescape

import pytest
from conftest import Visit
from pages import address

from fieldguide.calc import engine, fence
from fieldguide.guide.project import Project

PROJECT = Project()
CALCULATORS = {
    page: calculators
    for page in PROJECT.pages
    if (calculators := [fence.parse(found.text, page.folder) for found in page.of("calc")])
}


def drawn(field, rng, near=False):
    """A valid value of one input, as a person would type it: anywhere, or within a factor of the default."""
    if field.kind == "bool":
        return rng.random() < 0.5
    if field.kind == "choice":
        return rng.choice(field.choices)
    if field.kind == "str":  # the same text with one of its numbers doubled
        if not (numbers := list(re.finditer(r"\b\d+\b", field.default))):
            return field.default.rpartition("\n")[0]  # a text of lines without numbers, one line less
        number = rng.choice(numbers)
        return field.default[: number.start()] + str(2 * int(number[0])) + field.default[number.end() :]
    low, high = field.low or 0, min(field.high or 1e6, 1e6)
    if near:
        value = min(max(field.default * 2 ** rng.uniform(-1, 1), low), high)
    else:
        value = rng.uniform(low, high) if rng.random() < 0.5 else low + (high - low) * rng.random() ** 4
    return round(value) if field.kind == "int" else round(value, 3)


def fill(page, anchor, values):
    """Type the values into the form; one event at the end."""
    page.evaluate(
        """([anchor, values]) => {
            const form = document.querySelector(`#${anchor} form`);
            for (const [name, value] of Object.entries(values)) {
                const field = form.querySelector(`[name="${name}"]`);
                if (field.type === 'checkbox') field.checked = value; else field.value = value;
            }
            form.dispatchEvent(new Event('input', {bubbles: true}));
        }""",
        [anchor, values],
    )


def settled(page, anchor):
    """Wait until the calculator has answered; its status and its result."""
    page.wait_for_function(
        "a => { const c = document.querySelector(`#${a} fg-calc`); return !c.hasAttribute('aria-busy') "
        "&& !c.querySelector('.fg-calc-status').textContent.startsWith('Loading'); }",
        arg=anchor,
        timeout=45_000,
    )
    box = page.locator(f"#{anchor}")
    return box.locator(".fg-calc-status").inner_text(), box.locator(".fg-calc-out").inner_html()


def plain(html):
    """Text of a result, without tags; SVG labels included."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.fixture(scope="module")
def tab(browser, served):
    """One tab for all pages, so that the browser loads Python once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield Visit(context, served.address)
    context.close()


@pytest.mark.parametrize("owner", CALCULATORS, ids=lambda page: page.name)
def test_the_browser_computes_what_cpython_computes(tab, owner):
    page = tab.open(address(owner))
    for calculator in CALCULATORS[owner]:
        function = getattr(importlib.import_module(calculator.module), calculator.function_name)
        fields = engine.fields(function)
        rng = random.Random(calculator.function_name)
        box = page.locator(f"#{calculator.anchor}")
        result, said = (box.locator(css).bounding_box() for css in (".fg-calc-out", ".fg-calc-status"))
        below = result["y"] + result["height"] <= said["y"] + 1
        assert below or said["x"] + said["width"] <= result["x"] + 1, "the answer covers what is said of it"
        shown = page.locator(f"#{calculator.anchor} .fg-calc-out").inner_html()
        assert plain(shown) == plain(engine.evaluate(function, {}))
        right = 0
        for attempt in range(60):
            # anywhere, near the defaults, or one input alone: what has many conditions has few valid inputs
            values = {field.name: drawn(field, rng, near=attempt % 3 == 1) for field in fields}
            if attempt % 3 == 2:
                one = rng.choice(fields)
                values = {field.name: field.default for field in fields}
                values[one.name] = drawn(one, rng, near=True)
            fill(page, calculator.anchor, values)
            status, shown = settled(page, calculator.anchor)
            try:
                expected = engine.evaluate(function, values)
            except engine.InputError as error:
                assert status == f"Not computed: {error}"
                continue
            assert status == "Computed in this page by the same Python."
            assert plain(shown) == plain(expected), values
            right += 1
            if right == 5:
                break
        assert right == 5, calculator.function_name
    assert not tab.errors and not tab.outside


@pytest.fixture
def calculator_page(visit):
    """The page on the KV cache, ready to be used."""
    tab = visit()
    return tab, tab.open("inference/kv-cache/")


def test_nothing_of_python_is_loaded_before_the_first_interaction(calculator_page):
    _, page = calculator_page
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(300)
    assert not [url for url in asked if "vendor/pyodide" in url]
    page.locator("#calc-kv-cache input[name=layers]").focus()
    page.wait_for_timeout(1500)
    assert [url for url in asked if "pyodide.asm.wasm" in url]


def test_a_change_after_the_first_shows_within_fifty_milliseconds(calculator_page):
    _, page = calculator_page
    fill(page, "calc-kv-cache", {"layers": 40})
    settled(page, "calc-kv-cache")
    times = []
    for layers in (41, 42, 43, 44, 45):
        fill(page, "calc-kv-cache", {"layers": layers})
        settled(page, "calc-kv-cache")
        times.append(float(page.locator("#calc-kv-cache fg-calc").get_attribute("data-ms")))
    assert min(times) < 50, times


def test_a_wrong_value_gets_a_sentence_and_keeps_the_last_result(calculator_page):
    _, page = calculator_page
    fill(page, "calc-kv-cache", {"layers": 40})
    _, before = settled(page, "calc-kv-cache")
    fill(page, "calc-kv-cache", {"layers": 0})
    status, after = settled(page, "calc-kv-cache")
    assert status == "Not computed: Decoder layers lies between 1 and 256."
    assert before == after
    layers = page.locator("#calc-kv-cache input[name=layers]")
    told = page.locator(f"#{layers.get_attribute('aria-errormessage')}")
    assert (
        layers.get_attribute("aria-invalid") == "true" and told.inner_text() == "Decoder layers lies between 1 and 256."
    )
    assert told.bounding_box()["y"] - layers.bounding_box()["y"] < 60, "told where the reader looks"
    fill(page, "calc-kv-cache", {"layers": 40, "weights": 900, "memory": 80})
    assert settled(page, "calc-kv-cache")[0] == "Not computed: the weights (900 GB) do not fit into 72 of 80 GB."
    assert not page.locator("#calc-kv-cache [aria-invalid]").count()


def test_a_preset_fills_the_form_and_computes(calculator_page):
    _, page = calculator_page
    page.get_by_role("button", name="Llama 3 8B, 128K").click()
    status, shown = settled(page, "calc-kv-cache")
    assert status.startswith("Computed") and "131,072" in plain(shown)
    assert page.locator("#calc-kv-cache input[name=layers]").input_value() == "32"


def test_the_state_travels_in_the_address(visit):
    tab = visit()
    page = tab.open("inference/kv-cache/#calc-kv-cache?layers=61&kv_heads=1&head_dim=288&dtype=fp8")
    settled(page, "calc-kv-cache")
    assert page.locator("#calc-kv-cache input[name=layers]").input_value() == "61"
    page.get_by_role("button", name="Copy link to these values").click()
    page.mouse.wheel(0, 3000)  # the theme writes the section into the address
    page.wait_for_function("() => !location.hash.includes('calc-kv-cache')")
    assert "layers=61" in page.url and "dtype=fp8" in page.url
    page = tab.open(page.url.removeprefix(tab.address))
    settled(page, "calc-kv-cache")
    assert page.locator("#calc-kv-cache input[name=layers]").input_value() == "61"


def test_inputs_and_answer_agree_after_going_back(visit):
    page = visit().open("inference/kv-cache/")
    fill(page, "calc-kv-cache", {"context": 4096})
    _, before = settled(page, "calc-kv-cache")
    page.locator(".md-footer__link--next").click()
    page.wait_for_url("**/vllm/**")
    page.go_back()
    page.wait_for_url("**/kv-cache/")
    field, box = page.locator("#calc-kv-cache input[name=context]"), page.locator("#calc-kv-cache")
    page.wait_for_timeout(500)
    status, after = settled(page, "calc-kv-cache") if field.input_value() == "4096" else ("", box.inner_text())
    assert (after == before) if status else ("8,192" in after and field.input_value() == "8192")


def test_without_webassembly_a_sentence_helps(visit):
    tab = visit()
    tab.page.add_init_script("delete window.WebAssembly")
    page = tab.open("inference/kv-cache/")
    fill(page, "calc-kv-cache", {"layers": 40})
    assert "cannot run Python" in page.locator("#calc-kv-cache .fg-calc-status").inner_text()


def test_a_calculator_reads_and_answers_without_javascript(visit):
    page = visit(java_script_enabled=False).open("inference/kv-cache/")
    assert page.locator("#calc-kv-cache .fg-calc-headline strong").text_content() == "1"
    assert page.locator("#calc-kv-cache svg[role=img]").count() == 2
