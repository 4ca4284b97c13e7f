"""The glossary: what its file may hold, the page it becomes, and the tooltips it gives to other pages."""

import re

import pytest
from markdown import Markdown

from fieldguide.guide import glossary
from fieldguide.guide.project import ROOT, BreachError, Project
from fieldguide.site.llms import plain
from fieldguide.site.markdown import BuildError, FieldGuide, tables

CURRICULUM = """\
areas:
  inference:
    {title: Inference, short: Inference, summary: Tokens., icon: material/lan, pages: {
      index: {title: Overview, answers: "Size it."}, demo: {title: Demo, answers: "Follow it."}}}
  practice:
    {title: Practice, short: Practice, summary: Roles., icon: material/lan, pages: {
      glossary: {title: Glossary, answers: "Look up a term."}}}
"""
TERMS = """\
# A comment.
- term: grouped-query attention
  abbr: GQA
  says: Heads share keys.
  page: inference/demo
  see: [prefill]
- term: prefill
  tip: reading the prompt
  aliases: [prompt phase]
  says: Reads the prompt. Then decoding begins.
  page: inference/index
- term: attention
  says: A weighted mean.
  page: inference/demo
"""


@pytest.fixture
def guide(tmp_path):
    """A guide with one page, a planned one, and a glossary of three terms."""
    for name, text in {
        "docs/curriculum.yml": CURRICULUM,
        "docs/glossary.yml": TERMS,
        "docs/inference/index.md": "---\ntitle: Inference\nstatus: planned\n---\n# I\n",
        "docs/inference/demo.md": "---\ntitle: A demo\nstatus: complete\n---\n# D\n",
        "docs/practice/glossary.md": "---\ntitle: G\nlevel: core\nstatus: complete\n---\n# G\n\n```glossary\n```\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return tmp_path


def rewritten(guide, old, new):
    assert old in TERMS
    (guide / "docs/glossary.yml").write_text(TERMS.replace(old, new), encoding="utf-8")
    return Project(guide)


def render(guide, body, name="inference/demo", extensions=()):
    path = guide / f"docs/{name}.md"
    path.write_text("---\ntitle: A demo\nlevel: core\nstatus: complete\n---\n" + body, encoding="utf-8")
    return Markdown(
        extensions=[FieldGuide(root=str(guide)), "toc", "attr_list", "tables", "admonition", "abbr", "pymdownx.arithmatex",
                    "pymdownx.superfences", *extensions],
        extension_configs={"pymdownx.arithmatex": {"generic": True}},
    ).convert(body)  # fmt: skip


def test_terms_come_in_the_order_of_the_alphabet_with_an_address_each(guide):
    terms = glossary.load(Project(guide))
    assert [(t.name, t.id, t.shown) for t in terms.values()] == [
        ("attention", "attention", ""),
        ("GQA", "gqa", "grouped-query attention"),
        ("prefill", "prefill", "reading the prompt"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  says: A weighted mean.\n", "", 12, "entry 3 has no `says`"),
        ("  abbr: GQA\n", "  abrb: GQA\n  abbr: GQA\n", 3, "an unknown key `abrb`. Did you mean `abbr`"),
        ("  abbr: GQA\n", "  abbr: GQA\n  abbr: GQB\n", 4, "`abbr` is given twice"),
        ("[prefill]", "prefill", 6, "`see` must be a valid list"),
        ("says: Heads share keys.", "says: [a]", 4, "`says` must be a valid string"),
        ("term: attention", "term: Prompt phase", 12, "`Prompt phase` is explained twice; first on line 7"),
        ("term: attention", "term: G/Q/A", 12, ""),
        ("term: attention", "term: pre-fill\n  aliases: []", 12, ""),
        ("term: attention", "term: gqa?", 12, "`gqa?` and `GQA` have the same address, `#gqa`"),
        ("tip: reading the prompt", "tip: reading the prompt, all of it, from its beginning to its end", 8, "must have at most 50"),
        ("  abbr: GQA\n", "  abbr: GQA\n  tip: shared\n", 4, "`tip` is for terms without `abbr`"),
        ("page: inference/index", "page: inference/indx", 11, "no page `inference/indx`. Did you mean"),
        ("see: [prefill]", "see: [prefil]", 6, "`see` names `prefil`, which is no other entry. Did you mean `prefill`"),
        ("see: [prefill]", "see: [GQA]", 6, "`see` names `GQA`, which is no other entry"),
        ("- term: attention\n", "- attention\n- term: attention\n", 12, "entry 3 is not a mapping"),
        ("term: attention", 'term: "attention', 12, "the glossary is not YAML"),
        (TERMS, "terms: []\n", 1, "the glossary must be a valid list"),
    ],
)  # fmt: skip
def test_an_error_names_the_line(guide, old, new, line, message):
    found = glossary.read(rewritten(guide, old, new))[1]
    if not message:
        assert not found
        return
    assert [(b.path, b.line, b.rule) for b in found] == [("docs/glossary.yml", line, "glossary")]
    assert message in found[0].message and found[0].fix
    with pytest.raises(BuildError, match=f"docs/glossary.yml:{line}: "):
        render(guide, "# T\n")


def test_a_glossary_that_is_not_text_names_its_line(guide):
    (guide / "docs/glossary.yml").write_bytes(TERMS.encode() + b"- term: \xff\n")
    with pytest.raises(BreachError, match=r"docs/glossary\.yml:15: the glossary is not UTF-8"):
        glossary.load(Project(guide))


def test_the_page_has_a_heading_an_anchor_and_links_for_each_term(guide):
    html = render(guide, "# Glossary\n\n```glossary\n```\n", "practice/glossary")
    assert re.findall(r'<h(\d) id="([^"]*)">(.*?)</h', html)[1:] == [
        ("2", "letter-a", "A"),
        ("3", "attention", "attention"),
        ("2", "letter-g", "G"),
        ("3", "gqa", "GQA (grouped-query attention)"),
        ("2", "letter-p", "P"),
        ("3", "prefill", "prefill"),
    ]
    assert '<a href="#letter-a">A</a> <a href="#letter-g">G</a> <a href="#letter-p">P</a>' in html
    assert 'Page: <a href="../inference/demo.md">A demo</a>. See <a href="#prefill">prefill</a>.' in html
    assert "Also: prompt phase.</p>" in html, "the planned overview has no link"
    assert "<span>3 terms</span>" in html and "min<" not in html
    assert "<abbr" not in html


def test_its_page_needs_no_trio_and_counts_as_complete(guide):
    project = Project(guide)
    assert tables.standing(project, project.areas[1]).word == "complete"
    text = plain(project, project.by_name["practice/glossary"])
    assert "- GQA (grouped-query attention): Heads share keys." in text and "```" not in text


def test_the_first_use_on_a_page_is_told_and_no_other(guide):
    html = render(guide, "# T\n\nWith **GQA** or not, *prefill* is first.\n\n- GQA and prefill\n")
    assert html.count("<abbr") == 2
    assert '<strong><abbr title="grouped-query attention">GQA</abbr></strong> or' in html
    assert '<em><abbr title="reading the prompt">prefill</abbr></em> is first.' in html


def test_several_in_one_text_keep_every_word_between(guide):
    html = render(guide, "# T\n\none GQA two Prefill three GQA, four\n")
    assert re.sub("<[^>]+>", "", html).endswith("one GQA two Prefill three GQA, four")
    assert html.count("<abbr") == 2 and ">Prefill</abbr> three GQA, four" in html


@pytest.mark.parametrize(
    "text",
    [
        "## GQA",
        '!!! tip "GQA"\n\n    text',
        "`GQA`",
        "[GQA](demo.md)",
        "$GQA$",
        "$$\nGQA\n$$",
        "```text\nGQA\n```",
        '<abbr title="mine">GQA</abbr>',
        '<data value="best">GQA</data>',
        '<a href="demo.md">**what** GQA is</a>',
        "*[GQA]: the page's own words\n",
        "Grouped-query attention (GQA) shares heads.",
        "GQAs2, MGQA, x-GQA",
    ],
)
def test_headings_code_links_and_mathematics_stay_as_they_are(guide, text):
    html = render(guide, f"# T\n\n{text}\n")
    assert "grouped-query attention" not in re.findall(r'<abbr title="([^"]*)"', html)
    later = render(guide, f"# T\n\n{text}\n\nLater: GQA.\n")
    expected = "the page's own words" if text.startswith("*[") else "grouped-query attention"
    assert f'<abbr title="{expected}">GQA</abbr>.' in later


def test_a_plural_is_told_too(guide):
    assert '<abbr title="grouped-query attention">GQA</abbr>s' in render(guide, "# T\n\nTwo GQAs.\n")


def test_a_docstring_gets_no_tooltips(guide):
    extension = FieldGuide(root=str(guide))
    assert "<abbr" not in Markdown(extensions=[extension]).convert("Computes GQA.")
    assert "<abbr" in Markdown(extensions=[extension]).convert("# A lab\n\nComputes GQA.")


def test_the_guide_explains_the_terms_of_every_area():
    terms, breaches = glossary.read(Project(ROOT))
    assert not breaches and len(terms) >= 80
    areas = {term.page.partition("/")[0] for term in terms}
    assert areas == {area.slug for area in Project(ROOT).areas} - {"practice"}
