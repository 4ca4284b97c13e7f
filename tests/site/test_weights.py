"""Budgets, which guard against accidents: pages with their figures, first loads, the index, the browser's Python."""

import gzip
import json

import pytest
from pages import paths

from fieldguide.commands import bench
from fieldguide.commands.bench import INDEX_KB, KINDS, LOAD_KB, PAGE_KB


def test_pages_are_light(served):
    weights = bench.page_weights(served.folder)
    assert len(weights) >= len([path for path in paths() if not path.startswith("reference/")])
    assert not {name: weight for name, weight in weights.items() if weight > PAGE_KB}


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_visit_loads_little(served, visit, kind):
    served.sent.clear()
    visit().page.goto(served.address + KINDS[kind], wait_until="networkidle")
    sizes = {path: size for path, size in served.sent if not path.endswith("search_index.json")}
    assert len(sizes) > 5 and sum(sizes.values()) <= LOAD_KB * 1000, sizes
    assert not [path for path in sizes if "pyodide" in path]


def test_the_search_index_is_light_and_holds_each_formula_once(served):
    index = served.folder / "search/search_index.json"
    assert bench.weight(index) <= INDEX_KB
    texts = [entry["text"] for entry in json.loads(index.read_text(encoding="utf-8"))["docs"]]
    assert any("With W bytes per second of memory" in text for text in texts)
    assert not any("\\cdot" in text for text in texts)


def test_the_python_that_travels_is_small(served):
    vendor = served.folder / "vendor"
    files = [*(vendor / "pyodide").iterdir(), vendor / "calculators.zip"]
    assert sum(len(gzip.compress(file.read_bytes(), 6)) for file in files) <= 6e6
    assert json.loads((vendor / "pyodide/lock.json").read_text())["packages"] == {}
