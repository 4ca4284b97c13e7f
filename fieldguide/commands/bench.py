"""`make bench`: build seconds, page weights, first loads and calculators in a browser, snippets, against their targets.

Prints a table; `--json FILE` also writes it. Everything happens in temporary copies.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from urllib.parse import urlparse

from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from rich.console import Console
from rich.table import Table

from fieldguide import runner
from fieldguide.commands import environments
from fieldguide.guide.project import ROOT, Project
from fieldguide.site import build as site

COPIED = ("docs", "snippets", "overrides", "fieldguide", "tests", "mkdocs.yml", "package-lock.json")
KINDS = {"home": "", "area": "inference/", "page": "inference/kv-cache/", "notebook": "labs/decode-bandwidth/"}
"""The kinds of pages, and one of each."""
PAGE_KB, LOAD_KB, INDEX_KB = 60, 220, 300
"""Budgets, gzipped: a page's HTML with its figures; all that a first visit loads but the index; the index."""
PACKED = {".woff2", ".png"}
CALCULATOR = "#calc-kv-cache fg-calc"
CHANGE = """async (calculator) => {
    delete calculator.dataset.ms;
    const field = calculator.querySelector('input[name=layers]'), began = performance.now();
    field.value = String(20 + Number(field.value) % 100);
    const answered = new Promise((resolve) => new MutationObserver(resolve)
        .observe(calculator, {attributeFilter: ['data-ms']}));
    field.dispatchEvent(new Event('input', {bubbles: true}));
    await answered;
    return performance.now() - began;
}"""
GENERATED = """import numpy as np


def example_product() -> None:
    a = np.arange({n} * {n}, dtype=float).reshape({n}, {n}) / 100
    print(f"trace {{np.trace(a @ a.T):.3f}}")
"""


@dataclass
class Row:
    """One measured figure and what it should be at most."""

    name: str
    value: float
    unit: str
    target: float | None = None


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def weight(path: Path) -> float:
    """Kilobytes of a file as a server sends it."""
    data = path.read_bytes()
    return len(data if path.suffix in PACKED else gzip.compress(data, 6)) / 1000


def page_weights(folder: Path) -> dict[str, float]:
    """Kilobytes of each page but those of the reference, which are lists and have no budget."""
    pages = {path.parent.relative_to(folder).as_posix(): path for path in folder.rglob("index.html")}
    return {name: weight(path) for name, path in pages.items() if not name.startswith("reference/")}


def enlarged(to: Path, pages: int) -> Path:
    """A copy of the project, brought to `pages` pages by repeating its longest one beside itself."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, to / name)
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    project = Project(to)
    longest = max((trio.page for trio in project.trios if trio.snippets), key=lambda page: len(page.text))
    names = [f"{longest.area}/copy-{n}" for n in range(pages - len(project.pages))]
    for n, name in enumerate(names):
        text = re.sub(r"^(title:|#) .*", rf"\1 Copy {n}", longest.text, count=2, flags=re.M)
        (to / f"docs/{name}.md").write_text(text, encoding="utf-8")
        code = to / "snippets" / longest.folder  # what the page names without its folder is found in its own
        shutil.copytree(code, code.with_name(f"copy_{n}"))
    listed = "".join(f"    - {name}.md\n" for name in names)
    config = to / "mkdocs.yml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("nav:\n", f"nav:\n  - Copies:\n{listed}"), encoding="utf-8")
    return to


def built(root: Path, to: Path) -> None:
    """Build, and stop if the build fails."""
    done = site.build(to, root, SITE_URL="http://127.0.0.1:8000/")
    if done.returncode:
        raise SystemExit(done.stderr)


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def live(playwright: Playwright, folder: Path, starts: int = 3) -> list[Row]:
    """What a browser loads and waits for: first loads, and a calculator's first and later answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    asked: set[str] = set()

    def opened(browser: Browser, path: str) -> Page:
        page = browser.new_context().new_page()
        page.on("request", lambda request: asked.add(urlparse(request.url).path.lstrip("/")))
        page.goto(address + path, wait_until="networkidle")
        return page

    def kilobytes() -> float:
        """Weight of what was asked for since the last time, but for the search index."""
        files = [folder / name / ("index.html" if (folder / name).is_dir() else "") for name in asked]
        asked.clear()
        return sum(weight(file) for file in files if file.is_file() and file.name != "search_index.json")

    rows: list[Row] = []
    first, later, loaded = [], [], []
    for _ in range(starts):  # a browser that has seen nothing yet
        browser = playwright.chromium.launch(executable_path=environments.browser(), args=["--no-sandbox"])
        calculator = opened(browser, KINDS["page"]).locator(CALCULATOR)
        asked.clear()
        first.append(calculator.evaluate(CHANGE) / 1000)
        loaded.append(kilobytes() / 1000)
        later += [calculator.evaluate(CHANGE) for _ in range(20)]
        for kind, path in KINDS.items() if not rows else ():
            asked.clear()
            opened(browser, path)
            rows.append(Row(f"first load, {kind}", kilobytes(), "kB", LOAD_KB))
        browser.close()
    server.shutdown()
    return [
        *rows,
        Row("all that a first answer loads", max(loaded), "MB", 6),
        Row("a calculator's first answer", min(first), "s", 3),
        Row("a later answer, median", median(later), "ms", 50),
    ]


def measure(temporary: Path) -> list[Row]:
    """All rows, in order; what is made lies in a folder that the caller removes."""
    project, folder = Project(ROOT), temporary / "site"
    rows = [Row(f"build, {len(project.pages)} pages", seconds(lambda: built(ROOT, folder)), "s")]
    copy = enlarged(temporary / "copy", 100)
    rows.append(Row("build, 100 pages", seconds(lambda: built(copy, temporary / "hundred")), "s", 60))
    rows.append(Row("heaviest page", max(page_weights(folder).values()), "kB", PAGE_KB))
    rows.append(Row("search index", weight(folder / "search/search_index.json"), "kB", INDEX_KB))
    with sync_playwright() as playwright:
        rows += live(playwright, folder)
    many = temporary / "many/snippets/generated"
    many.mkdir(parents=True)
    for n in range(200):
        (many / f"product_{n}.py").write_text(GENERATED.format(n=40 + n), encoding="utf-8")
    paths = sorted(many.glob("*.py"))
    rows.append(Row("200 light snippets", seconds(lambda: runner.run(paths, temporary / "many")), "s", 10))
    return rows


def run(to: Path | None) -> None:
    """Measure, print, and write JSON to a file where one is named."""
    table = Table("what", "measured", "target", "", box=None)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    for row in rows:
        ok = "" if row.target is None else "ok" if row.value <= row.target else "[red]over[/red]"
        table.add_row(row.name, f"{row.value:,.1f} {row.unit}", f"≤ {row.target:g}" if row.target else "", ok)
    Console().print(table)
    if to:
        to.write_text(json.dumps([asdict(row) for row in rows], indent=1))
