"""Every page, seen once in each palette: nothing from outside, nothing broken, nothing cramped.

Opening a page is what costs time, so one visit notes all, and each test asserts one thing of it. The light palette is
looked at where the site was built for, the dark one at an address that the build knew nothing of.
"""

import re
from dataclasses import dataclass

import pytest
from conftest import Visit
from fontTools.ttLib import TTFont
from pages import paths

from fieldguide.guide.project import ROOT

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
RULES = {
    "light": {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},
}
"""The palettes differ in color alone: what does not look at color is asked once."""
LIBRARY = re.compile("reference/api/.")
"""Pages of thousands of elements from one template: the shortest is judged for accessibility, in one palette."""
JUDGED = "reference/api/shapes/"
SEEN = [(scheme, path) for scheme in RULES for path in paths() if scheme == "light" or not LIBRARY.match(path)]
HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => Number(h.tagName[1]))"
CHARACTERS = """() => {
    const body = document.body.cloneNode(true), code = [...body.querySelectorAll('pre, code')];
    body.querySelectorAll('.katex, script, style').forEach(part => part.remove());
    code.forEach(part => part.remove());
    return [body, ...code].map(part => part.textContent);
}"""
"""The text of a page, and each piece of its code; formulas have fonts of their own."""
ELSEWHERE = set("\u200b∎")
"""What needs no font of ours: a space without a width, and the end of a proof."""
CUT = """[...document.querySelectorAll('article pre > code')].filter(
    code => code.scrollWidth > code.clientWidth).map(code => code.textContent.slice(0, 60))"""
WIDER = "document.documentElement.scrollWidth - window.innerWidth"


@dataclass
class Look:
    """What one visit of a page showed."""

    headings: list[int]
    violations: list[str]
    wider: dict[int, int]
    cut: list[str]
    errors: list[str]
    outside: list[str]
    text: set[str]
    code: set[str]


def glyphs(*names):
    """The characters of committed fonts."""
    fonts = [TTFont(ROOT / f"overrides/assets/fonts/{name}.woff2") for name in names]
    return {chr(code) for font in fonts for code in font.getBestCmap()} | ELSEWHERE


FONTS = {"text": glyphs("inter", "inter-more"), "code": glyphs("jetbrains-mono", "jetbrains-mono-more")}


@pytest.fixture(scope="session")
def tabs(browser, served, elsewhere):
    """A tab for each palette."""
    addresses = {"light": served.address, "dark": elsewhere.address}
    opened = {s: Visit(browser.new_context(color_scheme=s), address) for s, address in addresses.items()}
    yield opened
    for tab in opened.values():
        tab.context.close()


@pytest.fixture(scope="session", params=SEEN, ids=lambda seen: f"{seen[0]}-{seen[1] or 'home'}")
def look(request, tabs):
    """One page in one palette."""
    scheme, path = request.param
    tab = tabs[scheme]
    tab.errors, tab.outside = [], []
    tab.page.set_viewport_size({"width": 1280, "height": 900})
    page = tab.open(path)
    found = []
    if path == JUDGED or not LIBRARY.match(path):
        page.evaluate(AXE)
        found = page.evaluate("rules => axe.run(document, rules)", RULES[scheme])["violations"]
    violations = [f"{v['id']}: {node['target']} {node.get('failureSummary', '')}" for v in found for node in v["nodes"]]
    text, *code = (set("".join(part.split())) for part in page.evaluate(CHARACTERS))
    headings, wider = page.evaluate(HEADINGS), {}
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        wider[width] = page.evaluate(WIDER)
    page.set_viewport_size({"width": 1400, "height": 900})
    cut = [] if path.startswith("labs/") else page.evaluate(CUT)  # a lab shows its cells as they are
    return Look(headings, violations, wider, cut, tab.errors, tab.outside, text, set().union(*code))


def test_nothing_is_asked_of_another_host(look):
    assert not look.outside


def test_nothing_fails_and_the_console_is_quiet(look):
    assert not look.errors


def test_a_page_has_one_title_and_skips_no_level(look):
    assert look.headings.count(1) == 1
    assert all(below - above <= 1 for above, below in zip(look.headings, look.headings[1:])), look.headings


def test_everybody_can_read_it(look):
    assert not look.violations, "\n".join(look.violations[:5])


def test_it_fits_a_phone(look):
    assert max(look.wider.values()) <= 0, f"pixels beyond the window, by its width: {look.wider}"


def test_code_is_not_cut_on_a_wide_screen(look):
    assert not look.cut


def test_our_fonts_have_its_characters(look):
    assert sorted(look.text - FONTS["text"]) == []
    assert sorted(look.code - FONTS["code"]) == []
