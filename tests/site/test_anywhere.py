"""The site at another address, in a link that somebody shares, and what the glossary adds to it."""

import re
import struct
from html import unescape

import pytest
from pages import paths

PAGE = "inference/kv-cache/"
META = re.compile(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">')


def test_the_site_works_under_an_address_it_was_not_built_for(visit, elsewhere):
    tab = visit(address=elsewhere.address)
    page = tab.open("inference/")
    page.locator("article a[href*='kv-cache']").first.click()
    page.wait_for_url(elsewhere.address + PAGE)
    assert page.locator("article h1").inner_text().startswith("KV cache")
    page.locator(".md-search__input").click()
    page.keyboard.type("paged attention", delay=20)
    link = page.locator(".md-search-result__link").first
    link.wait_for(timeout=10_000)
    assert link.evaluate("a => a.href").startswith(elsewhere.address)
    page.keyboard.press("Escape")
    assert not tab.errors


def test_a_calculator_computes_under_another_address(visit, elsewhere):
    tab = visit(address=elsewhere.address)
    page = tab.open(PAGE)
    box = page.locator("fg-calc").first
    before = box.locator(".fg-calc-out").inner_text()
    number = box.locator("input[type=number]").first
    number.fill(str(int(number.input_value()) // 2))
    page.wait_for_function(
        "before => document.querySelector('fg-calc .fg-calc-out').innerText !== before", arg=before, timeout=45_000
    )
    assert not tab.errors


def test_every_page_says_how_it_looks_when_shared(served):
    for path in paths():
        html = (served.folder / path / "index.html").read_text(encoding="utf-8")
        meta = {name: unescape(content) for name, content in META.findall(html)}
        assert meta["og:title"] and meta["og:description"] == meta["description"], path
        assert meta["og:image"] == served.address + "assets/card.png"
        assert meta["twitter:card"] == "summary_large_image"
    card = (served.folder / "assets/card.png").read_bytes()
    assert card[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", card[16:24]) == (1200, 630)
    assert len(card) < 60_000


def test_a_term_says_what_it_is_to_mouse_and_keyboard(visit):
    tab = visit()
    page = tab.open(PAGE)
    term = page.locator("article abbr", has_text="GQA").first
    says = term.get_attribute("title")
    assert (term.inner_text(), says) == ("GQA", "grouped-query attention")
    bubble = page.locator("[role=tooltip]", has_text=says)
    term.hover()
    bubble.wait_for()
    page.mouse.move(0, 0)
    bubble.wait_for(state="detached")
    term.focus()
    bubble.wait_for()
    assert term.get_attribute("aria-describedby") == bubble.get_attribute("id")
    names = page.locator("article abbr").all_inner_texts()
    assert len(names) == len(set(names)), "the first use on a page only"
    assert not page.locator("article :is(h1, h2, h3, a, code, .katex) abbr").count()
    assert not tab.errors


def test_a_term_is_explained_without_javascript(visit):
    page = visit(java_script_enabled=False).open(PAGE)
    assert page.locator("article abbr", has_text="MLA").first.get_attribute("title") == "multi-head latent attention"


@pytest.mark.parametrize(
    ("typed", "anchor"), [("GRPO", "grpo"), ("population stability", "psi"), ("ring attention", "cp")]
)
def test_search_finds_an_entry_of_the_glossary(visit, typed, anchor):
    page = visit().open("")
    page.locator(".md-search__input").click()
    page.keyboard.type(typed, delay=20)
    found = page.locator(f".md-search-result__link[href*='practice/glossary/'][href$='#{anchor}']")
    found.first.wait_for(state="attached", timeout=10_000)
