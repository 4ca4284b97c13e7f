"""The built site: links, search, mathematics, navigation, labs, and the lists for programs."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin

import pytest

REMOTE = re.compile(
    r"""<(?:script|img|iframe|source|video|link)\b[^>]*?(?:src|href)=["']?(?:https?:)?//([^"'/ >]+)[^>]*>""", re.I
)
ALLOWED_LINKS = re.compile(r'rel="?(?:canonical|next|prev|edit|alternate)')


def test_no_page_names_an_asset_of_another_host(served):
    for file in served.folder.rglob("*.html"):
        for tag in REMOTE.finditer(file.read_text(encoding="utf-8")):
            assert ALLOWED_LINKS.search(tag.group(0)) or served.address.split("/")[2] in tag.group(0), (
                f"{file}: {tag.group(0)}"
            )


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("kv_bytes_per_token", "inference/kv-cache/#what-is-kept-and-why"),  # a symbol: where it is defined
        ("prefix caching", "inference/kv-cache/#do-not-compute-it-twice"),  # a term: where it is explained
        ("KV cache", "inference/kv-cache/"),  # the title of a page
        ("arithmetic intensity", "practice/glossary/#arithmetic-intensity"),  # a term of the glossary
        ("OOM", "distributed/memory/"),  # an abbreviation that the page never uses
        ("MoE", "transformers/mixture-of-experts/"),
        ("planner", "inference/#calc-serving-planner"),  # calculators
        ("planner", "distributed/#calc-training-planner"),
        ("calculator users fit", "inference/kv-cache/#calc-kv-cache"),
        ("effective_width", "reference/api/distributed/#snippets.distributed.tensor_parallel.cost.effective_width"),
    ],
)
def test_search_finds(visit, typed, place):
    """Among the first five pages; the first one opens with Enter."""
    tab = visit()
    page = tab.open("")
    page.locator(".md-search__input").click()
    page.keyboard.type(typed, delay=20)
    found = page.locator(".md-search-result__item")
    found.first.locator("mark").first.wait_for(timeout=10_000)
    links = page.locator(".md-search-result__item:nth-child(-n+5) a").evaluate_all(
        "all => all.map(a => a.href.replace(/[?]h=[^#]*/, ''))"
    )
    assert tab.address + place in links, links
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{links[0].removeprefix(tab.address).split('#')[0]}*")
    assert not tab.errors


def test_search_bears_a_word_in_two_parts(visit):
    """While it is typed, `all-reduce` ends in a hyphen."""
    tab = visit()
    page = tab.open("")
    page.locator(".md-search__input").click()
    for typed in ("all", "-", "reduce"):
        page.keyboard.type(typed, delay=20)
        page.wait_for_timeout(300)
        page.locator(".md-search-result__item").nth(2).wait_for(state="attached", timeout=10_000)
    assert not tab.errors


def test_search_lists_calculators(visit):
    page = visit().open("")
    page.locator(".md-search__input").click()
    page.keyboard.type("calculator", delay=20)
    page.locator(".md-search-result__item mark").first.wait_for(timeout=10_000)
    links = page.locator(".md-search-result__link[href*='#calc-']").evaluate_all("all => all.map(a => a.hash)")
    assert len(set(links)) >= 8, "more come as the list is scrolled"


def test_the_policy_refuses_scripts_that_are_not_the_theme_s(visit):
    page = visit().open("inference/kv-cache/")
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.stolen = 1";
        const button = document.createElement("button");
        button.setAttribute("onclick", "window.stolen = 2");
        document.body.append(script, button);
        button.click();
    }""")
    assert page.evaluate("window.stolen") is None
    assert page.evaluate("typeof __md_get") == "function"  # the theme's own ran


def test_mathematics_is_rendered_at_build(served):
    html = (served.folder / "inference/kv-cache/index.html").read_text(encoding="utf-8")
    assert '<span class="katex' in html and "<math" in html
    assert "arithmatex" not in html
    for file in served.folder.rglob("index.html"):
        assert not re.search(
            r"\\\(|\\\[[^\\]",
            re.sub(r"<(script|annotation|code|pre).*?</\1>", "", file.read_text(encoding="utf-8"), flags=re.S),
        ), file


def test_a_page_reads_without_javascript(visit):
    tab = visit(java_script_enabled=False)
    page = tab.open("inference/kv-cache/")
    assert page.locator("article h1").inner_text().startswith("KV cache")
    details = page.locator(".fg-quiz details").first
    assert not details.locator("li").first.is_visible()
    details.locator("summary").click()
    assert details.locator("li").first.is_visible()


def test_instant_navigation_works(visit):
    tab = visit()
    page = tab.open("inference/")
    page.evaluate("window.stayed = true")
    page.locator("article a[href*='kv-cache']").first.click()
    page.wait_for_function("() => document.title.startsWith('KV cache')")
    assert page.evaluate("window.stayed") is True
    assert not tab.errors


def test_a_page_ends_with_what_to_take_along_and_where_to_go(visit):
    tab = visit()
    page = tab.open("inference/kv-cache/")
    end = page.locator("#takeaways")
    assert end.locator("xpath=following-sibling::ul[1]/li").count() == 2
    page.locator("#takeaways ~ p a", has_text="How many users fit?").press("Enter")
    page.wait_for_url("**#calc-kv-cache")
    assert page.locator("#takeaways ~ p a[href$='labs/decode-bandwidth/']").count() == 1
    page.goto(tab.address + "inference/case-studies/")
    assert page.locator(".md-footer__link--next").get_attribute("aria-label").startswith("Next: Transformers deep dive")
    page.goto(tab.address + "transformers/")
    assert page.locator(".md-footer__link--prev").get_attribute("href").endswith("inference/case-studies/")
    assert not tab.errors


def test_sources_are_folded_until_a_citation_or_a_printer_asks(visit):
    tab = visit()
    page = tab.open("inference/kv-cache/")
    source = page.locator("#ref-dubey2024llama3")
    assert not source.is_visible()
    page.locator(".fg-cite a[href$='#ref-dubey2024llama3']").first.click()
    source.wait_for()
    assert 0 < source.evaluate("e => e.getBoundingClientRect().top") < 900
    page = tab.open("distributed/fsdp/")
    page.emulate_media(media="print")
    page.locator(".fg-sources li").first.wait_for()
    page.emulate_media(media="screen")
    page = visit(java_script_enabled=False).open("inference/kv-cache/")
    page.locator(".fg-fold > summary").click()
    assert page.locator("#ref-dubey2024llama3").is_visible()


LEFT_OUT = """[...document.querySelectorAll('.md-content__inner *')].filter(
    e => !e.checkVisibility({contentVisibilityAuto: true}) && e.checkVisibility()).length"""


def test_what_is_out_of_sight_waits_for_the_first_move(visit):
    tab = visit(width=412, height=823)
    page = tab.arrive("inference/kv-cache/")
    assert page.evaluate(LEFT_OUT) > 1000
    assert tab.open("inference/kv-cache/").evaluate(LEFT_OUT) == 0
    assert not tab.errors


def test_going_back_finds_the_old_place(visit):
    tab = visit(width=412, height=823)
    page = tab.open("inference/kv-cache/")
    page.evaluate("document.fonts.ready")
    page.locator("#how-it-breaks").scroll_into_view_if_needed()
    place = "document.querySelector('#how-it-breaks').getBoundingClientRect().top"
    page.wait_for_timeout(500)  # the theme notes the place a moment after the scrolling ends
    before = page.evaluate(place)
    page.evaluate("document.querySelector('.md-footer__link--prev, .md-footer__link').click()")
    page.wait_for_function("() => !document.title.startsWith('KV cache') && scrollY === 0")
    page.wait_for_timeout(500)  # a reader looks before going back
    page.go_back()
    page.wait_for_function("() => document.title.startsWith('KV cache')")
    page.wait_for_function(f"before => Math.abs({place} - before) < 40", arg=before, timeout=15000)
    assert not tab.errors


def test_the_map_shows_every_area_and_links_only_what_is_there(visit):
    tab = visit(width=390)
    page = tab.open("")
    assert page.locator(".fg-card").count() == 9
    for link in page.locator(".fg-card a").all():
        assert tab.page.request.get(link.evaluate("a => a.href")).ok
    rows = page.locator(".fg-progress tbody tr")
    assert rows.count() == 9
    assert re.match(r"\d+ of 11", rows.nth(2).locator("td").nth(1).inner_text())


class Anchors(HTMLParser):
    """Links and anchors of one page."""

    def __init__(self, html):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors.update(filter(None, (values.get("id"), values.get("name"))))
        if tag == "a" and values.get("href"):
            self.links.add(values["href"])


def test_no_internal_link_or_anchor_is_dead(served):
    folder, address = served.folder, served.address
    pages = {p.parent: Anchors(p.read_text(encoding="utf-8")) for p in folder.rglob("index.html")}
    dead = []
    for place, page in pages.items():
        here = address + (place.relative_to(folder).as_posix() + "/" if place != folder else "")
        for link in page.links:
            url, anchor = urldefrag(urljoin(here, link))
            if not url.startswith(address):
                continue
            target = folder / unquote(url.removeprefix(address))
            if target.is_dir():
                if anchor and anchor not in pages[target].anchors | {"__search"} and "?" not in anchor:
                    dead.append(f"{here}: {link} (no such anchor)")
            elif not target.is_file():
                dead.append(f"{here}: {link}")
    assert not dead


def test_a_lab_reads_like_a_page_and_can_be_downloaded(served, visit):
    tab = visit()
    page = tab.open("labs/decode-bandwidth/")
    assert page.locator("article .katex").count() > 3
    assert page.locator("article .fg-output").count() >= 5
    assert page.locator("article .fg-plot svg").count() == 1
    link = page.get_by_role("link", name="download the notebook").evaluate("a => a.href")
    assert tab.page.request.get(link).json()["nbformat"] == 4
    assert not tab.errors


def test_programs_find_a_list_of_pages_and_their_whole_text(served):
    folder = served.folder
    listed = re.findall(r"^- \[[^]]+\]\(([^)]*)\)", (folder / "llms.txt").read_text(encoding="utf-8"), re.M)
    assert "inference/kv-cache/" in listed and all((folder / link).exists() for link in listed)
    full = (folder / "llms-full.txt").read_text(encoding="utf-8")
    assert "def kv_bytes_per_token(" in full and "DeepSeek-V3  MLA, 512 + 64" in full
    assert "--8<--" not in full and "<data" not in full
