"""`make bench`: build seconds, suite seconds, page weights, calculators in a browser, against their targets.

Prints a table; `--json FILE` also writes it. Everything happens in temporary copies.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Playwright, sync_playwright
from rich.console import Console
from rich.table import Table

from fieldguide import runner
from fieldguide.commands import environments as bootstrap
from fieldguide.commands import serving
from fieldguide.guide.project import ROOT, Project
from fieldguide.site import build as site

COPIED = (
    "docs",
    "snippets",
    "overrides",
    "fieldguide",
    "tests",
    "mkdocs.yml",
    "node_modules",
    "package.json",
    "package-lock.json",
)
# The kinds of pages, and one of each.
KINDS = {
    "home": "",
    "area": "inference/",
    "page": "inference/kv-cache/",
    "notebook": "labs/decode-bandwidth/",
}
BROWSER = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
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
GENERATED = '''"""A generated snippet: a small matrix product."""

import numpy as np


# --8<-- [start:product]
def example_product() -> None:
    """Print the trace of a product."""
    a = np.arange({n} * {n}, dtype=float).reshape({n}, {n}) / 100
    print(f"trace {{np.trace(a @ a.T):.3f}}")
# --8<-- [end:product]
'''


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


def copy_project(to: Path) -> Path:
    """Copy what a build needs."""
    for name in COPIED:
        source = ROOT / name
        if name == "node_modules":
            (to / name).symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, to / name)
    return to


def built(root: Path, to: Path) -> None:
    """Build, and stop the benchmark if the build fails."""
    done = site.build(to, root, SITE_URL="http://127.0.0.1:8000/")
    if done.returncode:
        raise SystemExit(done.stderr)


def enlarge(root: Path, pages: int) -> None:
    """Bring the copy to `pages` pages by repeating its heaviest page under new names, also in the navigation."""
    project = Project(root)
    heaviest = max((t.page for t in project.trios if t.snippets), key=lambda page: len(page.text))
    names = [f"copies/copy-{i}.md" for i in range(pages - len(project.pages))]
    (root / "docs/copies").mkdir()
    for i, name in enumerate(names):
        text = heaviest.text.replace(f"title: {heaviest.meta['title']}", f"title: Copy {i}", 1)
        text = text.replace("](../", "](../").replace("](index.md", "](../inference/index.md")
        (root / "docs" / name).write_text(text, encoding="utf-8")
    config = root / "mkdocs.yml"
    lines = config.read_text(encoding="utf-8").rstrip().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("nav:")) + 1
    lines[at:at] = ["  - Copies:", *(f"    - {name}" for name in names)]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")


def weights(folder: Path) -> list[Row]:
    """Gzipped weights: heaviest and median page, search index, style and script."""
    pages = sorted(
        len(gzip.compress(p.read_bytes(), 6)) for p in folder.rglob("index.html") if "labs/" not in str(p)
    )
    index = folder / "search/search_index.json"
    own = sum(len(gzip.compress(p.read_bytes(), 6)) for p in (folder / "assets").glob("fieldguide.*"))
    return [
        Row("heaviest page, HTML gzipped", pages[-1] / 1000, "kB", 25),
        Row("median page, HTML gzipped", pages[len(pages) // 2] / 1000, "kB"),
        Row("search index, gzipped", len(gzip.compress(index.read_bytes(), 6)) / 1000, "kB", 300),
        Row("own style and script, gzipped", own / 1000, "kB"),
    ]


def live(playwright: Playwright, folder: Path, starts: int = 3) -> list[Row]:
    """What a browser transfers and waits for: first loads, and a calculator's first and later answers."""
    server, address = serving.serve(folder)
    rows: list[Row] = []
    seconds, later, sizes = [], [], []
    for _ in range(starts):  # a browser that has seen nothing yet
        browser = playwright.chromium.launch(executable_path=bootstrap.browser(), args=[*BROWSER])
        page = browser.new_page()
        page.goto(address + KINDS["page"], wait_until="networkidle")
        calculator = page.locator(CALCULATOR)
        server.sent.clear()
        seconds.append(calculator.evaluate(CHANGE) / 1000)
        sizes.append(sum(size for _, size in server.sent))
        later += [calculator.evaluate(CHANGE) for _ in range(20)]
        for kind, path in KINDS.items() if not rows else ():
            context = browser.new_context()
            server.sent.clear()
            context.new_page().goto(address + path, wait_until="networkidle")
            loaded = {path: size for path, size in server.sent if not path.endswith("search_index.json")}
            fonts = sum(size for path, size in loaded.items() if path.endswith(".woff2"))
            name = f"first load of {kind}, gzipped, without search index"
            rows.append(Row(name, sum(loaded.values()) / 1000, "kB", 120))
            rows.append(Row(f"  of it fonts, {kind}", fonts / 1000, "kB"))
            context.close()
        browser.close()
    server.shutdown()
    return [
        *rows,
        Row("bytes to a calculator's first answer, gzipped", max(sizes) / 1e6, "MB", 6),
        Row("a calculator's first answer, cold", min(seconds), "s", 3),
        Row("a later answer, median", median(later), "ms", 50),
    ]


def measure(console: Console) -> list[Row]:
    """All rows, in order."""
    rows = []
    project = Project(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder)
        console.print("building the site …")
        rows.append(
            Row(f"build, {len(project.pages)} pages", seconds(lambda: built(ROOT, temporary / "site")), "s")
        )
        rows += weights(temporary / "site")
        console.print("opening it in a browser …")
        with sync_playwright() as playwright:
            rows += live(playwright, temporary / "site")
        copy = copy_project(temporary / "copy")
        enlarge(copy, 100)
        console.print("building a copy with 100 pages …")
        rows.append(Row("build, 100 pages, cold", seconds(lambda: built(copy, temporary / "hundred")), "s"))
        rows.append(Row("build, 100 pages", seconds(lambda: built(copy, temporary / "hundred")), "s", 8))
        console.print("running the light snippets …")
        light = [p for p in project.snippet_files if runner.is_light(p, ROOT)]
        rows.append(Row(f"{len(light)} light snippets of the guide", seconds(lambda: runner.run(light)), "s"))
        generated = temporary / "many/snippets/generated"
        generated.mkdir(parents=True)
        for i in range(200):
            (generated / f"product_{i}.py").write_text(GENERATED.format(n=40 + i), encoding="utf-8")
        many = sorted(generated.glob("*.py"))
        rows.append(
            Row("200 generated snippets", seconds(lambda: runner.run(many, temporary / "many")), "s", 10)
        )
    return rows


def run(to: Path | None) -> None:
    """Measure, print, and write JSON to a file where one is named."""
    console = Console()
    rows = measure(console)
    table = Table("what", "measured", "target", "", box=None)
    for row in rows:
        ok = "" if row.target is None else "ok" if row.value <= row.target else "[red]over[/red]"
        table.add_row(row.name, f"{row.value:,.1f} {row.unit}", f"≤ {row.target:g}" if row.target else "", ok)
    console.print(table)
    if to:
        to.write_text(json.dumps([asdict(row) for row in rows], indent=1))
