"""`make bench`: build seconds, page weights, first loads and calculators in a browser, snippets, against their targets.

Prints a table; `--json FILE` also writes it. Everything happens in temporary copies.
"""

import gzip
import json
import re
import shutil
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlparse

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from fieldguide import runner
from fieldguide.commands import environments
from fieldguide.commands.console import columns
from fieldguide.guide.project import ROOT, Project
from fieldguide.site import build as site

TEMPLATES = Path(__file__).parent / "templates"
COPIED = ("docs", "snippets", "overrides", "fieldguide", "tests", "mkdocs.yml", "package-lock.json")
KINDS = {"home": "", "area": "inference/", "page": "inference/kv-cache/", "notebook": "labs/decode-bandwidth/"}
"""The kinds of pages, and one of each."""
PAGE_KB, LOAD_KB, INDEX_KB = 60, 220, 300
"""Budgets, gzipped: a page's HTML with its figures; all that a first visit loads but the index; the index."""
PACKED = {".woff2", ".png"}
CALCULATOR = "#calc-kv-cache fg-calc"
CHANGE, GENERATED = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("change.js", "generated.py.txt"))


class Row(NamedTuple):
    """One measured figure and what it should be at most."""

    name: str
    value: float
    unit: str
    target: float | None = None


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
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, to / name)
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    project = Project(to)
    longest = max((trio.page for trio in project.trios if trio.snippets), key=lambda page: len(page.text))
    names = [f"{longest.area}/copy-{n}" for n in range(pages - len(project.pages))]
    for n, name in enumerate(names):
        text = re.sub(r"^(title:|#) .*", rf"\1 Copy {n}", longest.text, count=2, flags=re.M)
        text = text.replace("```drills\n```\n", "")  # without tests of its own a copy has no exercises
        (to / f"docs/{name}.md").write_text(text, encoding="utf-8")
        code = to / "snippets" / longest.folder  # what the page names without its folder is found in its own
        shutil.copytree(code, code.with_name(f"copy_{n}"), ignore=shutil.ignore_patterns("drills.yml"))
    config, listed = to / "mkdocs.yml", "".join(f"    - {name}.md\n" for name in names)
    text = config.read_text(encoding="utf-8").replace("nav:\n", f"nav:\n  - Copies:\n{listed}")
    config.write_text(text, encoding="utf-8")
    return to


def built(root: Path, to: Path) -> float:
    """Seconds of a build; it ends the command if it fails."""
    began = time.monotonic()
    done = site.build(to, root, SITE_URL="http://127.0.0.1:8000/")
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.monotonic() - began


def live(playwright: Playwright, folder: Path, starts: int = 3) -> list[Row]:
    """What a browser loads and waits for: first loads, and a calculator's first and later answers."""
    silent = type("Silent", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def opened(browser: Browser, path: str) -> tuple[Page, set[str]]:
        """A page of the site in a fresh profile, and what it asks for, from now on as well."""
        page, asked = browser.new_context().new_page(), set[str]()
        page.on("request", lambda request: asked.add(urlparse(request.url).path.lstrip("/")))
        page.goto(f"http://127.0.0.1:{server.server_port}/{path}", wait_until="networkidle")
        return page, asked

    def kilobytes(asked: set[str]) -> float:
        """Weight of what was asked for, but for the search index."""
        files = [folder / name / ("index.html" if (folder / name).is_dir() else "") for name in asked]
        return sum(weight(file) for file in files if file.is_file() and file.name != "search_index.json")

    loads: dict[str, float] = {}
    first, later, answer = [], [], 0.0
    for _ in range(starts):  # a browser that has seen nothing yet
        browser = playwright.chromium.launch(executable_path=environments.browser(), args=["--no-sandbox"])
        page, asked = opened(browser, KINDS["page"])
        calculator = page.locator(CALCULATOR)
        asked.clear()
        first.append(calculator.evaluate(CHANGE) / 1000)
        answer = kilobytes(asked) / 1000
        later += [calculator.evaluate(CHANGE) for _ in range(20)]
        loads = loads or {kind: kilobytes(opened(browser, path)[1]) for kind, path in KINDS.items()}
        browser.close()
    server.shutdown()
    return [
        *(Row(f"first load, {kind}", load, "kB", LOAD_KB) for kind, load in loads.items()),
        Row("all that a first answer loads", answer, "MB", 6),
        Row("a calculator's first answer", min(first), "s", 3),
        Row("a later answer, median", median(later), "ms", 50),
    ]


def measure(temporary: Path) -> list[Row]:
    """All rows, in order; what is made lies in a folder that the caller removes."""
    folder, many = temporary / "site", temporary / "many/snippets/generated"
    rows = [
        Row(f"build, {len(Project(ROOT).pages)} pages", built(ROOT, folder), "s"),
        Row("build, 100 pages", built(enlarged(temporary / "copy", 100), temporary / "hundred"), "s", 60),
        Row("heaviest page", max(page_weights(folder).values()), "kB", PAGE_KB),
        Row("search index", weight(folder / "search/search_index.json"), "kB", INDEX_KB),
    ]
    with sync_playwright() as playwright:
        rows += live(playwright, folder)
    many.mkdir(parents=True)
    for n in range(200):
        (many / f"product_{n}.py").write_text(GENERATED.format(n=40 + n), encoding="utf-8")
    began = time.monotonic()
    runner.run(sorted(many.glob("*.py")), temporary / "many")
    return [*rows, Row("200 light snippets", time.monotonic() - began, "s", 10)]


def run(to: Path | None) -> None:
    """Measure, print, and write JSON to a file where one is named."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    table = [["what", "measured", "target", ""]]
    for row in rows:
        ok = "" if row.target is None else "ok" if row.value <= row.target else "over"
        table.append([row.name, f"{row.value:,.1f} {row.unit}", f"≤ {row.target:g}" if row.target else "", ok])
    columns(table)
    if to:
        to.write_text(json.dumps([row._asdict() for row in rows], indent=1))
