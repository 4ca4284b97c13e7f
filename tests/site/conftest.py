"""The site, built once as a reader gets it, and a browser to open it with."""

import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from fieldguide.commands import environments
from fieldguide.site import build as site

sys.path.insert(0, str(Path(__file__).parent))

from serving import Server

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The built site at the address that it was built for, or instant navigation would be off."""
    server = Server(tmp_path_factory.mktemp("site"), "/guide")
    done = site.build(server.folder, SITE_URL=server.address)
    assert done.returncode == 0, done.stderr
    yield server
    server.stop()


@pytest.fixture(scope="session")
def elsewhere(served):
    """The same files under a deeper path of another host, which the build knew nothing of."""
    server = Server(served.folder, "/some/deeper/place")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def playwright():
    """One Playwright for the session; it does not bear a second."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright):
    """One Chromium for the session."""
    chromium = playwright.chromium.launch(executable_path=environments.browser(), args=FLAGS)
    yield chromium
    chromium.close()


class Visit:
    """One tab, with everything that should not have happened."""

    def __init__(self, context, address):
        self.context, self.address, self.errors, self.outside = context, address, [], []
        self.page = context.new_page()
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", self._own)
        self.page.on("response", lambda r: self.errors.append(f"{r.status} {r.url}") if r.status >= 400 else None)

    def _own(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.outside.append(request.url)

    def arrive(self, path):
        """Open a page as a reader does who has not yet moved: what is out of sight is not laid out, and has no text."""
        self.page.goto(self.address + path, wait_until="load")
        return self.page

    def open(self, path):
        """Open a page and, where scripts run, make the first move, after which all of it is laid out."""
        page = self.arrive(path)
        if page.evaluate("document.documentElement.classList.contains('js')"):
            page.keyboard.press("Shift")
            page.locator("html.fg-whole").wait_for()
        return page


@pytest.fixture
def visit(browser, served):
    """Open a tab: `visit(width=390, color_scheme="dark")`."""
    opened = []

    def start(width=1280, height=900, address=served.address, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        opened.append(Visit(context, address))
        return opened[-1]

    yield start
    outside = [url for tab in opened for url in tab.outside]
    for tab in opened:
        tab.context.close()
    assert not outside
